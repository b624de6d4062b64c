import type { StepResult } from '../runner/runner.js';
import { actionUnderTest } from '../runner/action-under-test.js';
import { startEmbedded } from '../scenario/cluster.js';
import { openTestNamespace, type TestNamespace } from '../scenario/test-namespace.js';
import { field } from '../field.js';
import { contentOf, createStore, fill, type ClusterContent } from './cluster-copy.js';
import { differences, projectionOf, type Projection } from './projection.js';
import { openApiProxy, type Moment } from './proxy.js';
import type { Situation } from './situations.js';
import { web } from './web.js';

/** A situation that was brought about once and played without a kill. */
export interface Prepared {
  readonly situation: Situation;
  /** The writes of the step in order, as a {@link Row} names them. */
  readonly writes: readonly string[];
  readonly namespace: string;
  readonly content: ClusterContent;
  readonly end: Projection;
}

/** One kill. */
export interface Row {
  readonly write: string;
  readonly moment: Moment;
  /** `post`: the post step runs. `lost`: the runner is lost with the process. */
  readonly then: 'post' | 'lost';
}

/** Load of a row's users. It is low because rows and their pods share a process. */
export const load = { perSecond: 8, keptAlive: { connections: 1, perSecond: 2 } };

/** Brings the situation about, and plays it without a kill. Throws unless it ends as it should. */
export async function prepare(situation: Situation): Promise<Prepared> {
  const store = createStore();
  const cluster = await startEmbedded(store);
  try {
    const { ns, leave } = await openTestNamespace(cluster, situation.title);
    await bringAbout(ns, situation);
    const content = contentOf(store);
    const { namespace } = ns;
    await leave();
    const copied = { situation, namespace, content };
    return { ...copied, ...(await inCopy(copied, ns => playWithoutKill(ns, situation))) };
  } finally {
    await cluster.close();
  }
}

/** Brings a situation about in an empty namespace. */
export async function bringAbout(ns: TestNamespace, situation: Situation): Promise<void> {
  await web.bring(ns);
  await situation.given?.(ns);
  await ns.until('every pod is ready', () => isReady(ns));
}

/** Plays the step of a situation that is there. Throws unless it ends as it should. */
export async function playWithoutKill(
  ns: TestNamespace,
  situation: Situation,
): Promise<Pick<Prepared, 'writes' | 'end'>> {
  const proxy = await openApiProxy(ns.cluster.kubeconfig);
  const result = await step(ns, { ...situation.step, kubeconfig: proxy.kubeconfig }).finally(() => proxy.close());
  const wrong = wrongEnd(situation, result);
  if (wrong.length > 0) throw new Error(`${situation.title}: ${wrong.join('\n')}\n${result.log}`);
  return { writes: proxy.writes, end: await settledProjection(ns) };
}

/** Kills the step at one write and runs it again. Returns what is wrong with the end, in words. */
export function playRow(prepared: Prepared, row: Row): Promise<readonly string[]> {
  return inCopy(prepared, ns => playRowIn(ns, prepared, row));
}

/** The same in a namespace where the situation is there already. */
export async function playRowIn(
  ns: TestNamespace,
  { situation, end }: Pick<Prepared, 'situation' | 'end'>,
  row: Row,
): Promise<readonly string[]> {
  const users = situation.users ? await ns.users(web.release, load) : undefined;
  const held = new AbortController();
  const { write, moment } = row;
  const proxy = await openApiProxy(ns.cluster.kubeconfig, { write, moment, onHeld: () => held.abort() });
  try {
    const inputs = { ...situation.step, kubeconfig: proxy.kubeconfig };
    const killed = await step(ns, inputs, {
      post: row.then === 'post' ? 'always' : 'never',
      interrupt: { when: held.signal, signal: 'SIGKILL' },
    });
    if (!held.signal.aborted) return [`the step makes no such write\n${killed.log}`];
    const before = proxy.writes.length;
    const again = await step(ns, inputs, { environment: { GITHUB_RUN_ATTEMPT: '2' } });
    const hasWritten = proxy.writes.length > before;
    const wrong = [
      ...wrongEnd(situation, again),
      ...differencesAfter(end, await settledProjection(ns, end), hasWritten),
    ];
    if (killed.postExitCode !== 0) wrong.unshift(`post ended with ${killed.postExitCode}`);
    await users?.more(2);
    const counts = await users?.stop();
    const losses = [...(counts?.losses ?? []), ...(counts?.keptAlive.losses ?? [])];
    for (const { requests, why } of losses) wrong.push(`users lost ${requests} requests: ${why}`);
    if (wrong.length === 0) return [];
    return [...wrong, `--- killed:\n${killed.log}`, `--- again:\n${again.log}`];
  } finally {
    await proxy.close();
  }
}

/**
 * In what the end after a kill differs from the one without. A step that writes nothing takes no lock: it leaves the Lease of the
 * lost run to the next step that writes, which takes it over once it has expired.
 */
export function differencesAfter(end: Projection, found: Projection, hasWritten: boolean): readonly string[] {
  return hasWritten ? differences(end, found) : differences(withoutLock(end), withoutLock(found));
}

function withoutLock({ lock: _lock, ...facts }: Projection): Projection {
  return facts;
}

/** Runs `work` in a copy of the prepared cluster whose pods are ready. */
export async function inCopy<T>(
  { situation, namespace, content }: Pick<Prepared, 'situation' | 'namespace' | 'content'>,
  work: (ns: TestNamespace) => Promise<T>,
): Promise<T> {
  const store = createStore();
  const cluster = await startEmbedded(store);
  try {
    fill(store, content);
    const { ns, leave } = await openTestNamespace(cluster, situation.title, namespace);
    try {
      await web.bring(ns);
      await ns.until('every pod is ready', () => isReady(ns));
      return await work(ns);
    } finally {
      await leave();
    }
  } finally {
    await cluster.close();
  }
}

export function step(
  ns: TestNamespace,
  inputs: Readonly<Record<string, string>>,
  options: Parameters<TestNamespace['step']>[1] = {},
): Promise<StepResult> {
  return ns.step(inputs, { action: actionUnderTest('short lease'), ...options });
}

/** In which way a step did not end as one of its situation may. */
export function wrongEnd(
  { ends }: Situation,
  { exitCode, postExitCode, outputs, annotations }: StepResult,
): readonly string[] {
  const errors = annotations.filter(({ level }) => level === 'error').map(({ message }) => message);
  const { outcome = 'none' } = outputs;
  const fits = ends.some(
    end => end.exitCode === exitCode && end.outcome === outcome && (end.error?.test(errors.join('\n')) ?? true),
  );
  return [
    ...(fits ? [] : [`it ended with ${exitCode}, ${outcome}: ${errors[0]?.split('\n')[0] ?? 'no error'}`]),
    ...(postExitCode === 0 ? [] : [`post of the second run ended with ${postExitCode}`]),
  ];
}

/** The end state, once it is the expected one or pods had their time. Without `expected`: once every pod is ready. */
export async function settledProjection(ns: TestNamespace, expected?: Projection): Promise<Projection> {
  const settled = await ns.until('every pod is ready', () => isReady(ns)).catch(() => false);
  const found = await projectionOf(ns);
  return settled || expected === undefined ? found : { ...found, pods: 'not ready' };
}

/** Whether every Deployment has the pods that it wants, all ready. */
async function isReady(ns: TestNamespace): Promise<boolean> {
  const [deployments, pods] = await Promise.all([ns.list('Deployment'), ns.list('Pod')]);
  const wanted = deployments.reduce((sum, object) => sum + Number(field(object, 'spec', 'replicas') ?? 1), 0);
  const serving = pods.filter(pod => {
    const conditions = (field(pod, 'status', 'conditions') ?? []) as readonly { type: string; status: string }[];
    const ready = conditions.find(({ type }) => type === 'Ready');
    return pod.metadata.deletionTimestamp === undefined && ready?.status === 'True';
  });
  const isRolledOut = deployments.every(
    object =>
      (field(object, 'status', 'readyReplicas') ?? 0) === field(object, 'spec', 'replicas') &&
      (field(object, 'status', 'replicas') ?? 0) === field(object, 'spec', 'replicas'),
  );
  return isRolledOut && serving.length === wanted;
}
