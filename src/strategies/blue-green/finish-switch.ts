import { isDeployment, replicasOf, withReplicas } from '../../kubernetes/deployment.js';
import { templateLabels } from '../../kubernetes/pods/pod-spec.js';
import { selects, selectorOf, type Labels } from '../../kubernetes/selectors.js';
import { asCutoverError, CutoverError } from '../../errors.js';
import { describeRef, refOf, type ObjectRef } from '../../kubernetes/object.js';
import type { Revision } from '../../release/revision.js';
import type { AdoptedDeployment, BlueGreenState, FinishOperation } from '../../release/state.js';
import { begin, completeFinish, type InProgress } from '../../release/transitions.js';
import { begunBy } from '../../run/begun.js';
import type { OperationContext, RunContext } from '../../run/context.js';
import { underLock } from '../../run/under-lock.js';
import { outcomeBase, type Outcome } from '../outcome/outcome.js';
import type { IdleResult } from '../outcome/serving.js';
import { ownedLive, ownedObjects } from '../recorded/owned-objects.js';
import { readBlueGreen } from '../shared/recorded-release.js';
import { removeFound } from './operation/remove-found.js';
import { readActiveOnRecord } from './live-traffic.js';
import type { SwitchPolicy } from './traffic-switch.js';

/** What is left to do once users are on the new role. */
export interface FinishRequest {
  /** Its operation is `finish`. */
  readonly state: InProgress<BlueGreenState>;
  /** The revision that users are on now. */
  readonly revision: Revision;
  readonly policy: FinishPolicy;
}

/** What happens to the role that users left. */
export type FinishPolicy = Pick<SwitchPolicy, 'idlePolicy' | 'drainMs' | 'historyLimit'>;

/**
 * Applies the autoscalers of the new role, drains the old role, applies the idle policy, and removes the operation from the
 * record. Each part can be done twice, so a run that was killed here is finished by the next.
 */
export async function finishSwitch(ctx: OperationContext, request: FinishRequest): Promise<IdleResult> {
  const { state, revision, policy } = request;
  const left = state.operation.kind === 'finish' ? state.operation.role : undefined;
  for (const object of await ownedObjects(ctx, revision.applyAfterSwitch)) {
    await ctx.writer.apply(object, { force: revision.force });
    ctx.log.info(`${describeRef(refOf(object))} applied, now that its role has the traffic`);
  }
  for (const { ref, uid } of revision.deleteAfterSwitch ?? []) await removeLive(ctx, ref, uid);
  const { adopted, operation } = state;
  const isPromoted = operation.kind === 'finish' && operation.direction === 'promote';
  if (adopted !== undefined && isPromoted && isAdoptable(ctx, adopted)) await removeAdopted(ctx, adopted, state);
  const idle: IdleResult = left === undefined ? { kind: 'none' } : await applyIdlePolicy(ctx, request, left);
  try {
    await ctx.records.finish(completeFinish(state), policy.historyLimit, ctx.log);
  } catch (error) {
    // Users are where they should be, and the record says so; at worst the next run does this work again.
    ctx.log.warning(`The record of ${state.release} still calls this unfinished: ${asCutoverError(error).message}`);
  }
  return idle;
}

/** What an interrupted switch left, and how it is finished. */
export interface ResumeFinishRequest {
  readonly operation: FinishOperation;
  readonly policy: FinishPolicy;
  readonly lockTimeoutMs: number;
}

/** Finishes what a run that was killed after its switch left: autoscalers, drain, idle policy. */
export async function resumeFinishSwitch(ctx: RunContext, request: ResumeFinishRequest): Promise<Outcome> {
  const { operation, policy, lockTimeoutMs } = request;
  return underLock(ctx, lockTimeoutMs, async locked => {
    const state = await readBlueGreen(locked, 'promote');
    if (state.operation?.kind !== 'finish' || state.operation.revision !== operation.revision)
      throw finishedMeanwhile(state.release);
    const active = await readActiveOnRecord(locked, state);
    const revision = await locked.records.readRevision(operation.revision);
    const resumed = begin(state, { ...state.operation, ...begunBy(locked) });
    const idle = await locked.phase('Clean up', async () =>
      finishSwitch(await locked.recordOperation(resumed), { state: resumed, revision, policy }),
    );
    return {
      ...outcomeBase(ctx, 'blue-green'),
      outcome: operation.direction === 'rollback' ? 'rolled-back' : 'switched',
      revision: revision.number,
      activeRole: active.role,
      idleRole: active.idle,
      changes: [],
      checks: [],
      serving: { kind: 'switch-finished', role: active.role, revision: revision.number, idle },
    };
  });
}

async function applyIdlePolicy(
  ctx: OperationContext,
  { state, policy }: FinishRequest,
  role: string,
): Promise<IdleResult> {
  // What is staged waits for its promotion.
  if (state.staged?.role === role) return { kind: 'kept', role };
  switch (policy.idlePolicy.policy) {
    case 'keep':
      // No pod is removed, so there is nothing to wait for: pending requests end on pods that stay.
      return { kind: 'kept', role };
    case 'scale-down': {
      ctx.log.info(`Draining ${role} for ${policy.drainMs / 1000} s`);
      await ctx.clock.wait(policy.drainMs, ctx.signal);
      ctx.signal.throwIfAborted();
      const left = state.roles[role];
      const idle: Unreached = { service: state.publicService, name: role, podLabels: left?.podLabels ?? {} };
      await refuseIfServing(ctx, idle);
      if (left?.revision === undefined) return { kind: 'not-recorded', role };
      const { replicas } = policy.idlePolicy;
      await scaleDown(ctx, { idle, revision: await ctx.records.readRevision(left.revision), replicas });
      return { kind: 'scaled-down', role, replicas };
    }
    default:
      return policy.idlePolicy satisfies never;
  }
}

/** Pods that users left. */
export interface Unreached {
  /** The public Service. */
  readonly service: ObjectRef;
  /** The role or the Deployment, for messages. */
  readonly name: string;
  readonly podLabels: Labels;
}

/**
 * Throws `changed` if the public Service, as it is read now, selects the pods. To be called before each write that takes pods
 * away: somebody may have switched back at any moment since the switch, and users would be left without a pod.
 */
export async function refuseIfServing(ctx: RunContext, { service, name, podLabels }: Unreached): Promise<void> {
  const live = await ctx.cluster.get(service);
  if (live !== undefined && !selects(selectorOf(live), podLabels)) return;
  throw notScaledDown(service, { name, found: live === undefined ? 'is gone' : `selects ${name} again` });
}

/** What is scaled down, and how far. */
interface ScaleDownRequest {
  readonly idle: Unreached;
  /** What the role runs. */
  readonly revision: Revision;
  readonly replicas: number;
}

/**
 * Scales what the role runs by applying it again with other replicas: a write to the field alone would make another field
 * manager own it, and the next deploy would get a conflict.
 */
async function scaleDown(ctx: OperationContext, { idle, revision, replicas }: ScaleDownRequest): Promise<void> {
  // An autoscaler would scale up again; it is applied again with the role's next switch.
  for (const object of revision.applyAfterSwitch) {
    await refuseIfServing(ctx, idle);
    await removeLive(ctx, refOf(object));
  }
  for (const object of revision.objects.filter(isDeployment)) {
    const live = await ownedLive(ctx, refOf(object));
    if (live === undefined || replicasOf(live) <= replicas) continue;
    await refuseIfServing(ctx, idle);
    await ctx.writer.apply(withReplicas(object, replicas), { force: true });
    ctx.log.info(`${describeRef(refOf(object))}: ${replicasOf(live)} → ${replicas} replicas`);
  }
}

/** Deletes the Deployment that was adopted, unless users are on it again. */
async function removeAdopted(
  ctx: OperationContext,
  adopted: AdoptedDeployment,
  { publicService: service }: BlueGreenState,
): Promise<void> {
  const live = await ctx.cluster.get(adopted.ref);
  if (live === undefined) return;
  await refuseIfServing(ctx, { service, name: describeRef(adopted.ref), podLabels: templateLabels(live) });
  await removeFound(ctx, adopted);
}

/** Whether a recorded Deployment may be one that was adopted: others are neither scaled nor deleted, whatever the record says. */
export function isAdoptable(ctx: Pick<RunContext, 'records'>, { ref }: AdoptedDeployment): boolean {
  return isDeployment(ref) && ref.namespace === ctx.records.namespace;
}

/** Deletes the live object of this name, if there is one and the release owns it; with `uid` only the object with that uid. */
export async function removeLive(ctx: OperationContext, ref: ObjectRef, uid?: string): Promise<void> {
  const live = await ownedLive(ctx, ref);
  if (live?.metadata.uid === undefined || (uid !== undefined && uid !== live.metadata.uid)) return;
  await ctx.writer.remove(ref, { uid: live.metadata.uid });
  ctx.log.info(`${describeRef(ref)} removed`);
}

function notScaledDown(service: ObjectRef, { name, found }: { readonly name: string; readonly found: string }) {
  return new CutoverError(`${describeRef(service)} ${found}, so ${name} was not scaled down`, {
    code: 'changed',
    object: describeRef(service),
    hint: 'Somebody changed it after the switch. Run `action: status` to see where users are.',
  });
}

function finishedMeanwhile(release: string): CutoverError {
  return new CutoverError(`Another run changed release ${release} while this one waited for its lock`, {
    code: 'changed',
    hint: 'Run this step again: it starts from what is live now.',
  });
}
