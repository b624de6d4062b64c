import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { serverKinds } from '../support/scenario/servers.js';
import { hasTest, proofsOf } from '../support/test-titles.js';

const page = readFileSync('docs/guarantees.md', 'utf8');
const proofs = proofsOf(page);

/** The rows of every table whose last column is a test. */
const promises = page
  .split('\n')
  .filter(line => line.startsWith('| '))
  .filter(line => !/^\| *-|held by/.test(line));

describe('docs/guarantees.md', () => {
  it('has a test for each promise', () => {
    expect(promises.length).toBeGreaterThan(25);
    expect(promises.filter(line => proofsOf(line).length === 0)).toEqual([]);
  });

  it.each(proofs)('names a test that exists: %s: %s', (...proof) => {
    expect(hasTest(proof)).toBe(true);
  });

  it.each([
    ['scenarios/rolling', 'a title of no test at all'],
    ['scenarios/rolling', 'a version that plays music is refused, and the old one is restored exactly'],
    ['matrix/servers', 'of a server that sings lose no request'],
    ['matrix/kill-rolling', 'rolling: a song converges when it is killed at a write'],
    ['scenarios/rolling', 'v1'],
    ['matrix/servers', 'web'],
    ['scenarios/bake', 'Users are back on blue'],
    ['scenarios/of-no-file', 'an update moves users over without losing a request'],
  ] as const)('would fail for what is no test: %s: %s', (...proof) => {
    expect(hasTest(proof)).toBe(false);
  });

  it('says of each kind of server whether kept-alive connections are safe', () => {
    const said = promises.flatMap(line => {
      const [, title = ''] = proofsOf(line).find(([file]) => file === 'matrix/servers') ?? [];
      const kind = serverKinds.find(({ what }) => title === `of ${what} lose no request`);
      return kind === undefined ? [] : [[kind.what, !line.includes('| not promised')] as const];
    });
    expect(said).toEqual(serverKinds.map(({ what, keptAlive }) => [what, keptAlive]));
  });
});
