import type { ProxyRequest } from '../../../src/cluster/cluster.js';
import { CutoverError } from '../../../src/errors.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import { describeServing } from '../../../src/report/serving.js';
import { FailedStep, type Outcome } from '../../../src/strategies/outcome/outcome.js';
import { idle } from '../cluster/run-controllers.js';
import {
  application,
  endOf,
  killed,
  leaseRef,
  revisionOf,
  served,
  stateOf,
  unfinished,
  webRelease,
  type WebRelease,
} from './web-release.js';

/** A step that is killed, and what it starts from. */
export interface Situation {
  readonly title: string;
  readonly given: () => Promise<WebRelease>;
  readonly step: (release: WebRelease) => Promise<Outcome>;
  /** The versions that were verified, or are by the step: only they may serve users. */
  readonly versions: readonly string[];
  /** The version that the step brings up. Absent: none. */
  readonly brings?: string;
}

/** What follows a kill: the post step, or nothing at all because the runner is lost with the process. */
export type Then = 'post' | 'lost';
export const thens: readonly Then[] = ['post', 'lost'];

/** A kill at a write of a step, by its number (1 is the first). */
export interface Kill {
  readonly n: number;
  readonly then: Then;
}

/**
 * The kills of a step with these writes: one in three of all, from `first` on, so that each of them comes up where the steps that
 * follow differ. With CUTOVER_TEST_FAULTS=all it is all of them.
 */
export function killsOf(writes: readonly string[], first = 0): readonly Kill[] {
  const kills = writes.flatMap((_, index) => thens.map(then => ({ n: index + 1, then })));
  const isAll = process.env.CUTOVER_TEST_FAULTS === 'all';
  return kills.filter((_, index) => isAll || index % 3 === first % 3);
}

/** A copy of a release in the middle of anything; the release itself is closed. */
export async function copyOf(release: WebRelease): Promise<WebRelease> {
  release.close();
  const copy = webRelease(release);
  await idle();
  return copy;
}

/** The writes that a step makes in a copy, and what it leaves. */
export async function undisturbed(
  release: WebRelease,
  step: Situation['step'],
): Promise<{
  readonly writes: readonly string[];
  readonly end: End;
  readonly result: Awaited<ReturnType<typeof endOf>>;
}> {
  const copy = await copyOf(release);
  const result = await endOf(step(copy));
  const writes = copy.cluster.writes();
  const end = factsOf(copy);
  copy.close();
  return { writes, end, result };
}

/** Kills a step at its n-th write (1 is the first), and lets its post step run or its lock run out. */
export async function kill(release: WebRelease, step: Situation['step'], { n, then }: Kill): Promise<void> {
  const { cluster } = release;
  let writes = 0;
  cluster.before = call => {
    if (isWrite(call)) writes += 1;
    if (writes >= n) throw killed;
  };
  await endOf(step(release));
  cluster.before = () => undefined;
  if (then === 'post' && release.ctx().savedPostStates.length > 0) await release.post();
  if (cluster.store.get(leaseRef) !== undefined) cluster.store.remove(leaseRef);
  await idle();
}

const isWrite = (call: string): boolean => /^(APPLY|CREATE|EVICT|REASSIGN|REPLACE|REMOVE) /.test(call);

/** What must be the same however often a step was killed. Numbers of revisions may differ. */
export interface End {
  readonly served: readonly string[];
  readonly objects: readonly unknown[];
  readonly record: object;
}

export function factsOf({ cluster }: WebRelease): End {
  const state = stateOf(cluster);
  const of = (number: number | undefined): unknown =>
    number === undefined ? 'none' : (revisionOf(cluster, number)?.images ?? 'not on record');
  const roles = state?.strategy === 'blue-green' ? state.roles : {};
  const staged = state?.strategy === 'blue-green' ? state.staged : undefined;
  return {
    served: served(cluster),
    objects: application(cluster),
    record: {
      strategy: state?.strategy,
      unfinished: unfinished(cluster),
      current: of(state?.current),
      staged: staged && [staged.role, of(staged.revision)],
      roles: Object.entries(roles)
        .map(([role, { revision }]) => [role, of(revision)])
        .sort(),
    },
  };
}

/** In what one end differs from another, in words. */
export function differencesOf(found: End, expected: End): readonly string[] {
  const texts = (objects: readonly unknown[]): readonly string[] => objects.map(object => JSON.stringify(object));
  const [is, wanted] = [texts(found.objects), texts(expected.objects)];
  return [
    ...is.filter(text => !wanted.includes(text)).map(text => `left is ${text}`),
    ...wanted.filter(text => !is.includes(text)).map(text => `missing is ${text}`),
    ...(['served', 'record'] as const).flatMap(key => {
      const [one, other] = [JSON.stringify(found[key]), JSON.stringify(expected[key])];
      return one === other ? [] : [`${key} is ${one}, not ${other}`];
    }),
  ];
}

/** Watches the versions that users get. Returns what was wrong with them so far: nobody served them, or an unverified version. */
export function watchUsers({ cluster }: WebRelease, versions: readonly string[]): () => readonly string[] {
  const wrong = new Set<string>();
  const look = (): void => {
    const found = served(cluster);
    if (found.length === 0) wrong.add('nobody serves users');
    for (const version of found) if (!versions.includes(version)) wrong.add(`users get ${version}`);
  };
  const stop = cluster.store.watch({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' }, look);
  return () => {
    look();
    stop();
    return [...wrong];
  };
}

/** From now on every pod of this version answers its checks with 500. */
export function failFromNowOn(release: WebRelease, version: string): void {
  const { store } = release.cluster;
  const isBad = (pod: KubeObject | undefined): boolean => JSON.stringify(pod?.['spec'] ?? {}).includes(`"${version}"`);
  release.answer = ({ kind, name, namespace }: ProxyRequest) => {
    const live = store.get({ apiVersion: 'v1', kind, name, namespace });
    if (kind === 'Pod') return isBad(live) ? 500 : 200;
    const { selector = {} } = (live?.['spec'] ?? {}) as { selector?: Record<string, string> };
    const pods = store.list({ apiVersion: 'v1', kind: 'Pod', namespace }, { labels: selector });
    return pods.some(isBad) ? 500 : 200;
  };
}

/** In which way the text about users differs from what users get; empty: it does not. */
export function falseWords({ cluster }: WebRelease, result: Outcome | FailedStep | CutoverError): readonly string[] {
  const outcome = result instanceof FailedStep ? result.outcome : result;
  if (outcome instanceof CutoverError) return [];
  const text = describeServing(outcome.serving);
  const state = stateOf(cluster);
  const roles = state?.strategy === 'blue-green' ? state.roles : {};
  const revision = /[Rr]evision (\d+) serves users|[Uu]sers are (?:back )?on (?:\w+, )?revision (\d+)/.exec(text);
  const role = /[Uu]sers are (?:back )?on (blue|green)/.exec(text)?.[1] ?? outcome.activeRole;
  const staging = state?.operation?.kind === 'stage' && state.operation.role === role ? state.operation : undefined;
  const onRole = staging?.revision ?? roles[role ?? '']?.revision;
  const number = revision === null ? onRole : Number(revision[1] ?? revision[2]);
  const images = number === undefined ? undefined : revisionOf(cluster, number)?.images;
  if (images === undefined) return [];
  const found = [...new Set(served(cluster))];
  return JSON.stringify(found) === JSON.stringify(images) ? [] : [`users get ${found.join()}, but it says: ${text}`];
}

/** A short text of how a step ended. */
export function wordsOf(result: Outcome | FailedStep | CutoverError): string {
  if (result instanceof FailedStep) return `failed: ${result.error.message}`;
  return result instanceof CutoverError ? `refused: ${result.message} ${result.hint ?? ''}` : result.outcome;
}
