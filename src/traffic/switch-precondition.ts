import type { Cluster } from '../cluster/cluster.js';
import { CutoverError } from '../errors.js';
import { canonical } from '../kubernetes/canonical.js';
import { replicasOf } from '../kubernetes/deployment.js';
import { describeRef, describeRefs, refOf, type KubeObject } from '../kubernetes/object.js';
import { isBeingDeleted } from '../kubernetes/pods/pod.js';
import { templateLabels } from '../kubernetes/pods/pod-spec.js';
import { selectorOf, selects, type Labels } from '../kubernetes/selectors.js';
import type { Snapshot } from '../plan/change.js';
import type { ReadyWorkload } from '../rollout/observer.js';
import { waitForLive, type WaitContext } from '../rollout/wait/wait-for-live.js';
import type { Look, SeenWorkload } from './look.js';
import type { TrafficRouter } from './router.js';
import { shortage } from './served-pods.js';

/** What must hold right before users are sent to a role. */
export interface SwitchPrecondition {
  readonly router: TrafficRouter;
  /** The routing objects as they were read when the switch was decided, in the order of the targets. */
  readonly decidedOn: readonly Snapshot[];
  /** The routing objects as they will be written. */
  readonly targets: readonly KubeObject[];
  /** The role, or the revision without one, for messages. */
  readonly role: string;
  readonly verified: readonly ReadyWorkload[];
  /** Until when missing pods are waited for, in milliseconds of the context's clock. */
  readonly readyUntilMs: number;
  /** Compares the verified workloads with what serves now. Absent: nothing serves yet. */
  readonly sizes?: Sizes;
  /** Labels of pods that users may reach beside the verified ones. Absent: there are none. */
  readonly beside?: readonly Labels[];
}

/** A live workload with fewer pods than what serves now. */
export interface TooSmall {
  readonly live: KubeObject;
  /** The replicas that it needs. */
  readonly needed: number;
}

/** The load may grow while checks run, and what serves with it. */
export interface Sizes {
  /** Those of the live workloads that are too small, as of now. */
  find(workloads: readonly KubeObject[]): Promise<readonly TooSmall[]>;
  scaleUp(found: readonly TooSmall[]): Promise<void>;
}

/** Between two looks, if the pods are ready for their controller but not for the look, such as while a label is changed. */
const pauseMs = 1_000;

/**
 * Looks until all wanted pods of every verified workload are ready in one look, as many as serve now, and returns that look. Scales
 * up a workload with fewer. Throws `moved` when the routing object is not the one on which the switch was decided, `changed` when
 * it is being deleted, a workload is not what was verified or pods of another version would get traffic too, `switch` when there is no pod, and
 * `timeout` or `rollout` when pods stay missing.
 */
export async function requireReadyRole(ctx: WaitContext, precondition: SwitchPrecondition): Promise<Look> {
  const { router, decidedOn, targets, role, verified, readyUntilMs, sizes, beside = [] } = precondition;
  for (let looks = 1; ; looks += 1) {
    ctx.signal.throwIfAborted();
    const look = await router.look({ targets, verified });
    for (const [index, seen] of look.before.entries()) {
      if (seen.object !== undefined && isBeingDeleted(seen.object)) throw beingDeleted(seen.object);
      if (hasMoved(seen, decidedOn[index] ?? { ref: seen.ref })) throw moved(seen);
    }
    for (const target of targets) requireOnlyOwnPods(target, look, { role, beside });
    const short = look.workloads.filter(workload => reasonsOf(workload).length > 0);
    const small = (await sizes?.find(look.workloads.map(({ live }) => live))) ?? [];
    if (short.length === 0 && small.length === 0) return look;
    const reasons = [...small.map(describeTooSmall), ...short.flatMap(reasonsOf)];
    const remainingMs = readyUntilMs - ctx.clock.now();
    if (remainingMs <= 0) throw notReady(targets, { role, reasons, isScaledDown: small.length > 0 });
    ctx.log.info(`Not switched yet: ${reasons.join('; ')}`);
    if (looks > 1) await ctx.clock.wait(Math.min(pauseMs, remainingMs), ctx.signal);
    // The next look waits for the pods of what is scaled up.
    if (small.length > 0) await sizes?.scaleUp(small);
    else await waitForLive(ctx, { targets: short.map(({ live }) => live), timeoutMs: remainingMs });
  }
}

/** Throws unless the target would lead to pods that were verified, and to no others. */
function requireOnlyOwnPods(
  target: KubeObject,
  look: Look,
  { role, beside }: Pick<SwitchPrecondition, 'role'> & { readonly beside: readonly Labels[] },
): void {
  const selector = selectorOf(target);
  const pods = look.others.filter(({ metadata: { labels = {}, namespace } }) => {
    const isHere = target.metadata.namespace === undefined || namespace === target.metadata.namespace;
    return isHere && selects(selector, labels) && !beside.some(expected => selects(expected, labels));
  });
  if (pods.length > 0) throw otherPods(target, { role, pods });
  const isServing = ({ set, wanted }: SeenWorkload): boolean => wanted > 0 && selects(selector, templateLabels(set));
  if (!look.workloads.some(isServing)) throw noPod(target, role);
}

function describeTooSmall({ live, needed }: TooSmall): string {
  return `${describeRef(refOf(live))}: ${replicasOf(live)} of the ${needed} replicas that serve now`;
}

function reasonsOf(workload: SeenWorkload): readonly string[] {
  return shortage(workload, { pods: workload.pods, owners: [] });
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

function beingDeleted(service: KubeObject): CutoverError {
  const name = describeRef(refOf(service));
  return new CutoverError(`${name} is being deleted, so users are not switched by it`, {
    code: 'changed',
    object: name,
    hint: 'It waits for its finalizers. Once it is gone, apply it again as it was, and run this step again.',
  });
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

interface NotReady {
  readonly role: string;
  readonly reasons: readonly string[];
  /** Whether somebody takes replicas away again. */
  readonly isScaledDown: boolean;
}

function notReady(targets: readonly KubeObject[], { role, reasons, isScaledDown }: NotReady): CutoverError {
  const [main] = targets;
  const service = describeRefs(targets.map(refOf));
  return new CutoverError(
    `${service} ${targets.length > 1 ? 'were' : 'was'} not switched to ${role}: not all wanted pods are ready: ${reasons.join('; ')}`,
    {
      code: 'timeout',
      ...(main !== undefined && { object: describeRef(refOf(main)) }),
      hint: isScaledDown
        ? 'Each time that this step scales it up, another client scales it down, such as an autoscaler. Pause that until users are on it, then run this step again.'
        : 'They were ready when they were verified. Look at the events of these pods, or raise the input `timeout`.',
    },
  );
}
