import type { Cluster } from '../cluster/cluster.js';
import { CutoverError } from '../errors.js';
import { canonical } from '../kubernetes/canonical.js';
import { describeRef, refOf, type KubeObject } from '../kubernetes/object.js';
import { isBeingDeleted } from '../kubernetes/pods/pod.js';
import { selects, type Labels } from '../kubernetes/selectors.js';
import type { Snapshot } from '../plan/change.js';
import { observe, type ReadyWorkload } from '../rollout/observer.js';
import type { RunContext } from '../run/context.js';
import type { Look, SeenWorkload } from './look.js';
import type { TrafficRouter } from './router.js';
import { shortage } from './served-pods.js';

/** What must hold right before users are sent to a role. */
export interface SwitchPrecondition {
  readonly router: TrafficRouter;
  /** The routing object as it was read when the switch was decided. */
  readonly decidedOn: Snapshot;
  /** The routing object as it will be written. */
  readonly target: KubeObject;
  /** The role, or the revision without one, for messages. */
  readonly role: string;
  readonly verified: readonly ReadyWorkload[];
  /** Until when missing pods are waited for, in milliseconds of the context's clock. */
  readonly readyUntilMs: number;
  /** Labels of pods that users may reach beside the verified ones. Absent: there are none. */
  readonly beside?: Labels;
}

type RunParts = Pick<RunContext, 'cluster' | 'log' | 'clock' | 'signal'>;

/** Between two looks, if the pods are ready for their controller but not for the look, such as while a label is changed. */
const pauseMs = 1_000;

/**
 * Looks until all wanted pods of every verified workload are ready in one look, and returns that look. Throws `moved` when the
 * routing object is not the one on which the switch was decided, `changed` when a workload is not what was verified or pods
 * of another version would get traffic too, `switch` when there is no pod, and `timeout` or `rollout` when pods stay missing.
 */
export async function requireReadyRole(ctx: RunParts, precondition: SwitchPrecondition): Promise<Look> {
  const { router, decidedOn, target, role, verified, readyUntilMs, beside = {} } = precondition;
  for (let looks = 1; ; looks += 1) {
    ctx.signal.throwIfAborted();
    const look = await router.look({ target, verified });
    if (hasMoved(look.before, decidedOn)) throw moved(look.before);
    const pods = look.others.filter(({ metadata }) => !selects(beside, metadata.labels ?? {}));
    if (pods.length > 0) throw otherPods(target, { role, pods });
    if (!look.workloads.some(({ isServed, wanted }) => isServed && wanted > 0)) throw noPod(target, role);
    const short = look.workloads.filter(workload => reasonsOf(workload).length > 0);
    if (short.length === 0) return look;
    const reason = short.flatMap(reasonsOf).join('; ');
    const remainingMs = readyUntilMs - ctx.clock.now();
    if (remainingMs <= 0) throw notReady(target, { role, reason });
    ctx.log.info(`Not switched yet: ${reason}`);
    if (looks > 1) await ctx.clock.wait(Math.min(pauseMs, remainingMs), ctx.signal);
    await waitForPods(ctx, short, remainingMs);
  }
}

function reasonsOf(workload: SeenWorkload): readonly string[] {
  return shortage(workload, { pods: workload.pods, owners: [] });
}

/** Waits until the workloads are ready in the version that the look saw. */
async function waitForPods(ctx: RunParts, workloads: readonly SeenWorkload[], timeoutMs: number): Promise<void> {
  const { cluster, log, clock, signal } = ctx;
  const targets = workloads.map(({ live }) => live);
  const observer = observe({ cluster, log, clock, signal, targets: targets.map(refOf) });
  try {
    await observer.synced;
    await observer.waitForRollout({ targets, timeoutMs, stableForMs: 0 });
  } finally {
    observer.close();
  }
}

/** Throws `moved` when the routing object is not as it was seen. */
export async function requireUnmoved(cluster: Pick<Cluster, 'get'>, seen: Snapshot): Promise<void> {
  const { ref } = seen;
  const object = await cluster.get(ref);
  if (hasMoved({ ref, ...(object !== undefined && { object }) }, seen)) throw moved(seen);
}

/**
 * Whether the routing object is another one, is being deleted by now, or differs in its spec. Controllers write its status and its
 * metadata at any time: neither decides where users are.
 */
function hasMoved({ object: now }: Snapshot, { object: before }: Snapshot): boolean {
  if (now === undefined || before === undefined) return now !== before;
  if (now.metadata.uid !== before.metadata.uid || isBeingDeleted(now) !== isBeingDeleted(before)) return true;
  return canonical(now['spec']) !== canonical(before['spec']);
}

function moved({ ref }: Snapshot): CutoverError {
  const name = describeRef(ref);
  return new CutoverError(`${name} changed since it was read`, {
    code: 'moved',
    object: name,
    hint: 'Another client wrote it at the same time. Run this step again: it reads the latest version.',
  });
}

function otherPods(
  target: KubeObject,
  { role, pods }: { readonly role: string; readonly pods: readonly KubeObject[] },
): CutoverError {
  const service = describeRef(refOf(target));
  const names = pods.map(({ metadata }) => metadata.name).join(', ');
  return new CutoverError(`${service} would also select pods that are not of this revision: ${names}`, {
    code: 'changed',
    object: service,
    hint: `They carry the labels of ${role}: often a Deployment that was renamed and is still there. Delete it, or give its pods other labels.`,
  });
}

function noPod(target: KubeObject, role: string): CutoverError {
  const service = describeRef(refOf(target));
  return new CutoverError(`${service} would select no pod of ${role}`, {
    code: 'switch',
    object: service,
    hint: 'It was verified with pods a moment ago. Look at who scaled it to zero, then run this step again.',
  });
}

function notReady(
  target: KubeObject,
  { role, reason }: { readonly role: string; readonly reason: string },
): CutoverError {
  const service = describeRef(refOf(target));
  return new CutoverError(`${service} was not switched to ${role}: not all wanted pods are ready: ${reason}`, {
    code: 'timeout',
    object: service,
    hint: 'They were ready when they were verified. Look at the events of these pods, or raise the input `timeout`.',
  });
}
