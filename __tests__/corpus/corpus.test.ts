import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { corpusCases, orphans, outcomeOf } from './cases.js';

const cases = corpusCases();

describe('the corpus of manifests', () => {
  it.each(cases.map(one => [one.title, one.file, one] as const))('%s (%s)', async (_title, _file, one) => {
    // Through JSON, which is how objects are sent and how the expected ones are kept.
    const outcome: unknown = JSON.parse(JSON.stringify(await outcomeOf(one)));
    expect(outcome).toEqual(JSON.parse(readFileSync(one.golden, 'utf8')));
  });

  it('has sixty manifests at least, with a sentence of its own for each', () => {
    expect(cases.length).toBeGreaterThanOrEqual(60);
    expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length);
  });

  it('expects nothing of a manifest that is not there', () => {
    expect(orphans()).toEqual([]);
  });
});
