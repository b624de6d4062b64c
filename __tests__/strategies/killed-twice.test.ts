import { afterEach, describe, expect, it } from '@jest/globals';
import { situations } from '../support/strategies/kill-situations.js';
import {
  copyOf,
  differencesOf,
  factsOf,
  kill,
  thens,
  undisturbed,
  watchUsers,
  wordsOf,
  type End,
  type Situation,
  type Then,
} from '../support/strategies/kills.js';
import { closeReleases, endOf, type WebRelease } from '../support/strategies/web-release.js';

afterEach(closeReleases);

/**
 * The writes of the second run at which it is killed: its first write of an object of the application, its switch, and its
 * last one. With CUTOVER_TEST_FAULTS=all it is every write.
 */
function secondKills(writes: readonly string[]): readonly number[] {
  if (process.env.CUTOVER_TEST_FAULTS === 'all') return writes.map((_, index) => index + 1);
  const first = writes.findIndex(write => !write.includes('cutover-web'));
  return [...new Set([first, writes.indexOf('APPLY Service shop/web'), writes.length - 1])]
    .filter(index => index >= 0)
    .map(index => index + 1);
}

describe('a step that is killed, run again and killed again', () => {
  it.each(situations.map(situation => [situation.title, situation] as const))(
    'converges when it is run a third time: %s',
    async (_, situation) => {
      const { step } = situation;
      const { writes, end } = await undisturbed(await situation.given(), step);
      const wrong: string[] = [];
      for (const n of writes.keys())
        for (const then of thens) {
          const once = await situation.given();
          await kill(once, step, { n: n + 1, then });
          const again = await undisturbed(once, step);
          for (const j of secondKills(again.writes)) {
            // Every pair of moments comes up, but not with every pair of writes.
            const second = thens[(n + j) % 2]!;
            const row = `${n + 1} ${writes[n]} (${then}), ${j} ${again.writes[j - 1]} (${second})`;
            wrong.push(...(await third(once, { situation, j, then: second, end })).map(why => `${row}: ${why}`));
          }
        }
      expect(wrong).toEqual([]);
    },
    600_000,
  );
});

interface Second {
  readonly situation: Situation;
  readonly j: number;
  readonly then: Then;
  readonly end: End;
}

async function third(once: WebRelease, { situation, j, then, end }: Second): Promise<readonly string[]> {
  const release = await copyOf(once);
  const users = watchUsers(release, situation.versions);
  await kill(release, situation.step, { n: j, then });
  const result = await endOf(situation.step(release));
  const found = factsOf(release);
  const wrong = users();
  release.close();
  return [...(result instanceof Error ? [wordsOf(result)] : []), ...wrong, ...differencesOf(found, end)];
}
