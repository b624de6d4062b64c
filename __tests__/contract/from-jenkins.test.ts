import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { load } from 'js-yaml';
import { read } from '../support/step-inputs.js';
import { hasTest, proofsOf } from '../support/test-titles.js';

const page = readFileSync('docs/from-jenkins.md', 'utf8');

const proofs = proofsOf(page);

describe('docs/from-jenkins.md', () => {
  it('shows a step with inputs that the action accepts', () => {
    const [, code = ''] = /^```yaml\n([^]*?)^```$/m.exec(page) ?? [];
    const [step] = load(code) as readonly { readonly with: Readonly<Record<string, string>> }[];
    expect(read(step?.with ?? {})).toMatchObject({
      action: 'deploy',
      strategy: 'blue-green',
      manifests: ['k8s/*.yml'],
    });
  });

  it('has a proof in most rows', () => {
    expect(proofs.length).toBeGreaterThan(40);
  });

  it.each(proofs)('names a test that exists: %s: %s', (...proof) => {
    expect(hasTest(proof)).toBe(true);
  });

  it.each(['rolling', 'refusals'])('would fail for a title that is not in %s', file => {
    expect(hasTest([`scenarios/${file}`, 'a title of no test at all'])).toBe(false);
  });
});
