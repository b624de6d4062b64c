import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../../src/errors.js';
import { situations } from '../../support/strategies/kill-situations.js';
import {
  copyOf,
  kill,
  killsOf,
  undisturbed,
  watchUsers,
  wordsOf,
  type Kill,
  type Situation,
} from '../../support/strategies/kills.js';
import {
  closeReleases,
  endOf,
  plainManifests,
  roleManifests,
  stateOf,
  unfinished,
  type WebRelease,
} from '../../support/strategies/web-release.js';

afterEach(closeReleases);

type Step = Situation['step'];

/** The steps that follow a killed one, by title. */
const others: readonly (readonly [title: string, step: Step])[] = [
  ['a staging', release => release.stage(manifestsOf(release, 'v4'))],
  ['a promotion', release => release.promote()],
  ['a rollback', release => release.rollback()],
  ['a rejection', release => release.reject()],
  ['a rolling deploy', release => release.deploy(plainManifests('v4', { autoscaler: true }))],
];

/** The manifests of a release go on to have roles, or to have none. */
function manifestsOf({ cluster: { store } }: WebRelease, version: string): string {
  const configs = store.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop' });
  const hasRoles = configs.some(({ metadata }) => /^web-(blue|green)$/.test(metadata.name));
  return hasRoles ? roleManifests(version) : plainManifests(version, { autoscaler: true });
}

/** Each of these passes its checks, and may serve users once it has. */
const verified = ['v1', 'v2', 'v3', 'v4'].map(version => `site:${version}`);

/** A step that has nothing to do is refused so, whether the one before it was killed or not. */
const nothingToDo: ReadonlySet<string> = new Set(['nothing-staged', 'no-revision']);

const pairs = situations.flatMap(situation =>
  others.map(([title, other]) => [`${situation.title}, then ${title}`, situation, other] as const),
);

describe('another step after one that was killed', () => {
  it.each(pairs)('ends well, or is refused with a step that ends well: %s', async (_, situation, other) => {
    const { writes } = await undisturbed(await situation.given(), situation.step);
    const wrong: string[] = [];
    for (const first of killsOf(
      writes,
      others.findIndex(([, step]) => step === other),
    )) {
      const found = await play({ situation, other, ...first });
      wrong.push(...found.map(why => `${first.n} ${writes[first.n - 1]} (${first.then}): ${why}`));
    }
    expect(wrong).toEqual([]);
  });
});

interface Row extends Kill {
  readonly situation: Situation;
  readonly other: Step;
}

async function play({ situation, other, ...first }: Row): Promise<readonly string[]> {
  const { given, step } = situation;
  const release = await given();
  await kill(release, step, first);
  if (stateOf(release.cluster) === undefined) return [];
  const users = watchUsers(release, verified);
  const result = await endOf(other(release));
  const wrong = [...users()];
  if (!(result instanceof CutoverError)) {
    release.close();
    if (result instanceof Error) wrong.push(wordsOf(result));
    else if (unfinished(release.cluster) !== '-')
      wrong.push(`${result.outcome}, but unfinished: ${unfinished(release.cluster)}`);
    return wrong;
  }
  // A step of the other strategy is refused as such.
  const nothing = result.code === 'input' || (nothingToDo.has(result.code) && unfinished(release.cluster) === '-');
  const named = nothing ? [] : namedIn(result.hint ?? '');
  if (!nothing && named.length === 0) wrong.push(`no step is named: ${result.code} ${wordsOf(result)}`);
  for (const action of named) {
    const copy = await copyOf(release);
    const usersThen = watchUsers(copy, verified);
    const next = await endOf(stepOf(action, step)(copy));
    const left = unfinished(copy.cluster);
    if (next instanceof Error || left !== '-')
      wrong.push(`${wordsOf(result)} That: ${wordsOf(next)} (unfinished: ${left})`);
    wrong.push(...usersThen());
    copy.close();
  }
  release.close();
  return wrong;
}

/** The actions that a hint tells to run. */
function namedIn(hint: string): readonly string[] {
  return [...hint.matchAll(/`action: (\w+)`/g)].map(([, action = '']) => action).filter(action => action !== 'status');
}

/** A deploy that is to be run again is the one that was killed. */
function stepOf(action: string, killed: Step): Step {
  switch (action) {
    case 'promote':
      return release => release.promote();
    case 'rollback':
      return release => release.rollback();
    case 'reject':
      return release => release.reject();
    default:
      return killed;
  }
}
