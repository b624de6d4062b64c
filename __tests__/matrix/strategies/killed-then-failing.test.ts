import { afterEach, describe, expect, it } from '@jest/globals';
import { situations } from '../../support/strategies/kill-situations.js';
import {
  differencesOf,
  failFromNowOn,
  factsOf,
  falseWords,
  kill,
  killsOf,
  undisturbed,
  watchUsers,
  wordsOf,
  type End,
  type Kill,
  type Situation,
} from '../../support/strategies/kills.js';
import { closeReleases, endOf, served } from '../../support/strategies/web-release.js';

afterEach(closeReleases);

const bringing = situations.filter(({ brings }) => brings !== undefined);

describe('a step that is killed, and fails when it is run again', () => {
  it.each(bringing.map(situation => [situation.title, situation] as const))(
    'sends nobody to a version that fails, and converges once the cause is gone: %s',
    async (_, situation) => {
      const { writes, end } = await undisturbed(await situation.given(), situation.step);
      const wrong: string[] = [];
      for (const first of killsOf(writes)) {
        const found = await play(situation, first, end);
        wrong.push(...found.map(why => `${first.n} ${writes[first.n - 1]} (${first.then}): ${why}`));
      }
      expect(wrong).toEqual([]);
    },
    600_000,
  );
});

async function play(
  { given, step, versions, brings = '' }: Situation,
  first: Kill,
  end: End,
): Promise<readonly string[]> {
  const release = await given();
  const users = watchUsers(release, versions);
  await kill(release, step, first);
  const before = served(release.cluster);
  failFromNowOn(release, brings);
  const failed = await endOf(step(release));
  const after = served(release.cluster);
  const wrong = [
    ...falseWords(release, failed),
    // Users who were sent there by the killed run may still be there only if that is what the step says.
    ...(after.includes(brings) && !before.includes(brings) && failed instanceof Error
      ? [`users were sent to ${brings}: ${wordsOf(failed)}`]
      : []),
  ];
  release.answer = () => 200;
  const result = await endOf(step(release));
  const found = factsOf(release);
  wrong.push(...users());
  release.close();
  return [
    ...wrong,
    ...(result instanceof Error ? [`${wordsOf(failed)}; then ${wordsOf(result)}`] : []),
    ...differencesOf(found, end),
  ];
}
