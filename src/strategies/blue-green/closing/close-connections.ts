import { Heartbeat } from '../../../cluster/heartbeat.js';
import { asCutoverError, CutoverError, sentences } from '../../../errors.js';
import { replicasOf } from '../../../kubernetes/deployment.js';
import { describeRef, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
import { activePods, hasEnded, isReady } from '../../../kubernetes/pods/pod.js';
import type { BlueGreenState } from '../../../release/state.js';
import { waitForLive } from '../../../rollout/wait/wait-for-live.js';
import type { OperationContext } from '../../../run/context.js';
import type { ClosingTime, Connections } from '../../outcome/connections.js';
import { MovedAway } from '../operation/moved-away.js';
import { refuseIfServing } from '../operation/refuse-if-serving.js';
import { batchSize, closingTime, totalMs, type ToReplace } from './closing-time.js';
import { onlyPod, reachablePods } from './left-pods.js';

/** Whose connections are closed. */
export interface ClosingRequest {
  readonly state: BlueGreenState;
  /** The role that users left. */
  readonly role: string;
  /** The uids of its pods that users may still be connected to. */
  readonly leftPods: readonly string[];
  readonly timeoutMs: number;
  /**
   * Whether users may be sent back to the role, so that most of its pods have to be ready all the time. Otherwise, all are replaced at
   * once: users who stay connected are on the version that the others were taken from.
   */
  readonly isWayBack: boolean;
}

/** Between two looks at pods that are replaced or end. */
const pauseMs = 1_000;

/** How long a budget may refuse while all pods are ready: its controller follows them within moments, and nothing else changes. */
const budgetPatienceMs = 60_000;

/**
 * Ends the connections that users keep open to the role that they left: replaces its pods in batches of at most a quarter, each
 * batch once all pods of the role are ready. Pods are evicted, which respects disruption budgets and gives each its grace; the
 * template stays. Only the pods that users were connected to are replaced, so it can be done twice. If it would take longer than
 * the timeout, or pods cannot be replaced for any reason, a warning is logged and connections stay open: users are served. Throws
 * when users are on the role again, the run may not go on, or its signal aborts.
 */
export async function closeConnections(ctx: OperationContext, request: ClosingRequest): Promise<Connections> {
  const untilMs = ctx.clock.now() + request.timeoutMs;
  try {
    return await replaceAll(ctx, { ...request, untilMs });
  } catch (error) {
    if (error instanceof MovedAway || ctx.signal.aborted || ctx.lockLost.aborted) throw error;
    const { code, message, hint } = asCutoverError(error);
    // Without credentials, nothing of what is left to do can be done.
    if (code === 'internal' || code === 'unauthorized') throw error;
    return leftOpen(ctx, request.role, sentences(message, hint));
  }
}

async function replaceAll(ctx: OperationContext, request: Closing): Promise<Connections> {
  const { role, timeoutMs, isWayBack } = request;
  const longest = tooLong(closingTime(await remainingOf(ctx, request)), timeoutMs);
  if (isWayBack && longest !== undefined) return leftOpen(ctx, role, longest);
  // Of a role that was just scaled down, only what stays is replaced.
  for (const { live, pods } of await remainingOf(ctx, request))
    if (pods.length > 0) await requireAllReady(ctx, { ...request, ref: refOf(live) });
  const deployments = await remainingOf(ctx, request);
  const { pods, atOnce } = closingTime(deployments);
  if (pods === 0) return { kind: 'closed', pods };
  const pace = isWayBack ? `at most ${atOnce} at a time` : 'all at once';
  ctx.log.info(`Closing connections to ${role}: its ${pods} pods are replaced, ${pace}`);
  for (const { live } of deployments) await replacePods(ctx, { ...request, ref: refOf(live) });
  await waitUntilEnded(ctx, request);
  ctx.log.info(`Connections to ${role} are closed: ${pods} pods are replaced`);
  return { kind: 'closed', pods };
}

/** The Deployments of the role, with those of their pods that are still to be replaced. */
async function remainingOf(
  ctx: OperationContext,
  { state, role, leftPods }: Pick<ClosingRequest, 'state' | 'role' | 'leftPods'>,
): Promise<readonly Required<ToReplace>[]> {
  const left = new Set(leftPods);
  const found = await reachablePods(ctx, state, role);
  return found.map(({ live, pods }) => ({
    live,
    pods: pods.filter(pod => left.has(pod.metadata.uid ?? '') && !hasEnded(pod)),
  }));
}

interface Closing extends ClosingRequest {
  /** In milliseconds of the context's clock. */
  readonly untilMs: number;
}

/** The same for one Deployment. */
interface Replacing extends Closing {
  readonly ref: ObjectRef;
}

async function replacePods(ctx: OperationContext, request: Replacing): Promise<void> {
  const { ref } = request;
  for (let replaced = 0; ;) {
    const live = await requireAllReady(ctx, request);
    const remaining = await remainingOf(ctx, request);
    const old = activePods(remaining.find(one => refOf(one.live).name === ref.name)?.pods ?? []);
    if (live === undefined || old.length === 0) return;
    const batch = request.isWayBack ? old.slice(0, batchSize(replicasOf(live))) : old;
    let evicted = 0;
    for (const pod of batch) {
      // Others may have lost their readiness since: then the rest of the batch waits for them.
      if (evicted > 0 && !(await isRestReady(ctx, request, evicted))) break;
      await evict(ctx, request, pod);
      evicted += 1;
    }
    replaced += evicted;
    ctx.log.info(`${describeRef(ref)}: ${replaced} of ${replaced + old.length - evicted} pods are being replaced`);
  }
}

/** Whether all pods that the Deployment wants are ready, apart from as many as were evicted. */
async function isRestReady(ctx: OperationContext, { state, role, ref }: Replacing, evicted: number): Promise<boolean> {
  const found = (await reachablePods(ctx, state, role)).find(one => refOf(one.live).name === ref.name);
  if (found === undefined) return false;
  return activePods(found.pods).filter(isReady).length >= replicasOf(found.live) - evicted;
}

/**
 * Waits until all pods that the Deployment wants are ready, and it has no others. The status of a Deployment may be from before the eviction, so its pods
 * are counted. Returns it as it is live; `undefined`: it is gone. Throws `rollout` or `timeout`,
 * and `rollout` if it wants a single pod by now.
 */
async function requireAllReady(ctx: OperationContext, request: Replacing): Promise<KubeObject | undefined> {
  const { ref, state, role, untilMs, isWayBack } = request;
  if (!isWayBack) return ctx.cluster.get(ref);
  for (;;) {
    ctx.signal.throwIfAborted();
    const live = await ctx.cluster.get(ref);
    if (live === undefined) return undefined;
    await waitForLive(ctx, { targets: [live], timeoutMs: Math.max(1, untilMs - ctx.clock.now()) });
    const found = (await reachablePods(ctx, state, role)).find(one => refOf(one.live).name === ref.name);
    if (found === undefined) return undefined;
    const active = activePods(found.pods);
    const ready = active.filter(isReady).length;
    const wanted = replicasOf(found.live);
    if (ready === wanted && active.length === wanted) {
      if (wanted === 1) throw new CutoverError(onlyPod(found.live), { code: 'rollout' });
      return found.live;
    }
    if (ctx.clock.now() >= untilMs) throw late(`${describeRef(ref)}: ${ready} of ${wanted} pods are ready`);
    await ctx.clock.wait(pauseMs, ctx.signal);
  }
}

/** Evicts one pod. While a disruption budget refuses, it is asked again. Throws `budget`. */
async function evict(ctx: OperationContext, request: Replacing, pod: KubeObject): Promise<void> {
  const { state, role, untilMs } = request;
  const { clock, signal } = ctx;
  // The labels of the pod itself, too: those on record may not be what the Service selects it by.
  const podLabels = [...(state.roles[role]?.podLabels ?? []), pod.metadata.labels ?? {}];
  const idle = { services: state.publicServices, name: role, podLabels };
  const patientUntilMs = Math.min(untilMs, clock.now() + budgetPatienceMs);
  for (;;) {
    signal.throwIfAborted();
    await refuseIfServing(ctx, idle);
    try {
      await ctx.writer.evict(refOf(pod), { uid: pod.metadata.uid ?? '' });
      return;
    } catch (error) {
      if (asCutoverError(error).code !== 'budget' || clock.now() >= patientUntilMs) throw error;
    }
    await clock.wait(pauseMs, signal);
  }
}

/** Waits until the pods that were replaced have ended: until then, their connections are open. Throws `timeout`. */
async function waitUntilEnded(ctx: OperationContext, request: Closing): Promise<void> {
  const { clock, signal } = ctx;
  const heartbeat = new Heartbeat(ctx);
  for (;;) {
    signal.throwIfAborted();
    const names = (await remainingOf(ctx, request)).flatMap(({ pods }) => pods.map(({ metadata }) => metadata.name));
    if (names.length === 0) return;
    const text = `pods that end are still there: ${names.join(', ')}`;
    if (clock.now() >= request.untilMs) throw late(text);
    heartbeat.beat(() => `Closing connections to ${request.role}: ${text}`);
    await clock.wait(pauseMs, signal);
  }
}

function leftOpen(ctx: OperationContext, role: string, reason: string): Connections {
  ctx.log.warning(
    `Connections that users keep open to ${role} are not all closed: ${reason} Users with such a connection stay on ${role} until they or its pods end it.`,
  );
  return { kind: 'open', reason };
}

/** Why the connections are not closed; `undefined`: there is enough time. */
function tooLong(time: ClosingTime, timeoutMs: number): string | undefined {
  const { pods, batches, graceMs } = time;
  if (totalMs(time) <= timeoutMs) return undefined;
  return `to replace ${pods} pods in ${batches} batches, with a grace of ${graceMs / 1000} s, may take longer than \`timeout\` (${timeoutMs / 1000} s).`;
}

function late(message: string): CutoverError {
  return new CutoverError(`${message}.`, { code: 'timeout', hint: 'Raise the input `timeout`.' });
}
