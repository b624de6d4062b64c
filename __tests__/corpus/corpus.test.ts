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

  it('has at least sixty manifests, each with its own title', () => {
    expect(cases.length).toBeGreaterThanOrEqual(60);
    expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length);
  });

  it('has no golden file without a manifest', () => {
    expect(orphans()).toEqual([]);
  });
});
