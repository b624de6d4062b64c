import { afterEach, describe, expect, it } from '@jest/globals';
import { situations } from '../../support/strategies/kill-situations.js';
import {
  copyOf,
  differencesOf,
  factsOf,
  kill,
  killsOf,
  thens,
  undisturbed,
  watchUsers,
  wordsOf,
  type End,
  type Kill,
  type Situation,
} from '../../support/strategies/kills.js';
import { closeReleases, endOf, type WebRelease } from '../../support/strategies/web-release.js';

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
      for (const first of killsOf(writes)) {
        const { n, then } = first;
        const once = await situation.given();
        await kill(once, step, first);
        const again = await undisturbed(once, step);
        for (const j of secondKills(again.writes)) {
          // Every pair of moments comes up, but not with every pair of writes.
          const second = thens[(n + j) % 2]!;
          const row = `${n} ${writes[n - 1]} (${then}), ${j} ${again.writes[j - 1]} (${second})`;
          wrong.push(...(await third(once, { situation, n: j, then: second, end })).map(why => `${row}: ${why}`));
        }
      }
      expect(wrong).toEqual([]);
    },
    600_000,
  );
});

interface Second extends Kill {
  readonly situation: Situation;
  readonly end: End;
}

async function third(once: WebRelease, { situation, end, ...second }: Second): Promise<readonly string[]> {
  const release = await copyOf(once);
  const users = watchUsers(release, situation.versions);
  await kill(release, situation.step, second);
  const result = await endOf(situation.step(release));
  const found = factsOf(release);
  const wrong = users();
  release.close();
  return [...(result instanceof Error ? [wordsOf(result)] : []), ...wrong, ...differencesOf(found, end)];
}
