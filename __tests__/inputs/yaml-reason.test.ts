import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readKubeconfig } from '../../src/cluster/access/kubeconfig.js';
import { CutoverError } from '../../src/errors.js';
import { checks } from '../../src/inputs/checks/checks.js';
import { variables } from '../../src/inputs/parse/variables.js';
import { Refusal } from '../../src/inputs/refusal.js';
import { render } from '../support/rendering.js';

const canary = 'canary7';

/** What each reader says of a text; empty: it accepts the text. */
const readers = {
  manifests: (text: string) => render(text),
  variables,
  checks: (text: string) => checks({})(text),
  kubeconfig: (text: string) => readKubeconfig({ kubeconfig: `clusters:\n${text}`, workspace: '/', environment: {} }),
};

function saidBy(read: (text: string) => unknown, text: string): string {
  try {
    read(text);
    return '';
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.reasons.join('\n');
    if (!(thrown instanceof CutoverError)) throw thrown;
    const { message, hint = '', problems } = thrown;
    return [message, hint, ...problems.map(problem => problem.message)].join('\n');
  }
}

/** A value in the places where a text can have one. */
const places = [
  'PASSWORD: X',
  'PASSWORD: {X}',
  '- X',
  '- {http: X}',
  '- [X',
  'X',
  'PASSWORD: X\nPASSWORD: X',
  'Y=1\nX',
];

describe.each(Object.entries(readers))('the reasons of %s', (_name, read) => {
  it.each([
    `*${canary}`,
    `!${canary} x`,
    `!!${canary} x`,
    `!e!${canary} x`,
    `!<${canary}`,
    `!${canary}^ x`,
    `"${canary}`,
  ])('do not quote %s', value => {
    for (const place of places) expect(saidBy(read, place.replaceAll('X', value))).not.toContain(canary);
  });
});

describe('the reasons', () => {
  // Not the checks: they quote the keys that they do not know, and what is written without a placeholder.
  it.each(['manifests', 'variables', 'kubeconfig'] as const)(
    'of %s quote no value, whatever characters it has',
    name => {
      const noise = fc.string({ unit: fc.constantFrom(...Array.from('*!&%|>@`"\'{}[],#?:-= \n\t\\a')), maxLength: 6 });
      fc.assert(
        fc.property(fc.constantFrom(...places), noise, noise, (place, before, after) => {
          expect(saidBy(readers[name], place.replaceAll('X', `${before}${canary}${after}`))).not.toContain(canary);
        }),
        { numRuns: 1_000 },
      );
    },
  );
});

describe('a check with a value that is not accepted', () => {
  it('is quoted as it is written, but not where a placeholder filled it', () => {
    const read = checks({ TOKEN: canary });
    expect(saidBy(read, '- {http: nowhere}')).toContain('received "nowhere"');
    for (const text of ['- {http: $<TOKEN>}', '- {http: /, method: $<TOKEN>}', '- {http: /, matches: "($<TOKEN>"}']) {
      const said = saidBy(read, text);
      expect(said).toContain('received a hidden value');
      expect(said).not.toContain(canary);
    }
  });
});
