import { isDeployment, replicasOf, withReplicas } from '../../../kubernetes/deployment.js';
import { templateLabels } from '../../../kubernetes/pods/pod-spec.js';
import { asCutoverError, CutoverError } from '../../../errors.js';
import { describeRef, refOf } from '../../../kubernetes/object.js';
import type { Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { AdoptedDeployment, FinishOperation } from '../../../release/operation.js';
import { begin, completeFinish, type InProgress } from '../../../release/transitions.js';
import { begunBy } from '../../../run/begun.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import { underLock } from '../../../run/under-lock.js';
import { otherRole } from '../../../traffic/active-role.js';
import { ChangeNotes } from '../../outcome/changes.js';
import { outcomeBase, type Outcome } from '../../outcome/outcome.js';
import type { IdleResult } from '../../outcome/serving.js';
import { ownedLive } from '../../recorded/owned-objects.js';
import { removeLive } from '../../recorded/remove-live.js';
import { readBlueGreen } from '../../shared/recorded-release.js';
import { whileReady } from '../bake/while-ready.js';
import { closeConnections } from '../closing/close-connections.js';
import { applyAutoscalers } from '../operation/apply-autoscalers.js';
import { drain } from '../operation/drain.js';
import { refuseIfServing, type Unreached } from '../operation/refuse-if-serving.js';
import { isAdoptable, removeFound } from '../operation/remove-found.js';
import { readActiveOnRecord } from '../live-traffic.js';
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
export type FinishPolicy = Pick<SwitchPolicy, 'idlePolicy' | 'drainMs' | 'timeoutMs' | 'historyLimit'>;

/**
 * Applies the autoscalers of the new role, drains the old role, closes connections to it, applies the idle policy, and removes the
 * operation from the record. Each part can be done twice, so a run that was killed here is finished by the next. Throws
 * `LostReadiness` when the new role loses its pods meanwhile.
 */
export async function finishSwitch(ctx: OperationContext, request: FinishRequest): Promise<IdleResult> {
  const { state, revision, policy } = request;
  const left = state.operation.kind === 'finish' ? state.operation.leftRole : undefined;
  await applyAutoscalers(ctx, revision);
  for (const { ref, uid } of revision.deleteAfterSwitch ?? []) await removeLive(ctx, ref, uid);
  const { adopted, operation } = state;
  const isPromoted = operation.kind === 'finish' && operation.direction === 'promote';
  if (isPromoted) for (const one of adopted ?? []) if (isAdoptable(ctx, one)) await removeAdopted(ctx, one, state);
  const idle: IdleResult = left === undefined ? { kind: 'none' } : await leaveRole(ctx, request, left);
  try {
    await ctx.records.finish(completeFinish(state), policy.historyLimit);
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
    const notes = new ChangeNotes();
    const idle = await locked.phase('Clean up', async () =>
      finishSwitch(notes.follow(await locked.recordOperation(resumed)), { state: resumed, revision, policy }),
    );
    return {
      ...outcomeBase(ctx, 'blue-green'),
      outcome: operation.direction === 'rollback' ? 'rolled-back' : 'switched',
      revision: revision.number,
      activeRole: active.role,
      idleRole: active.idle,
      changes: notes.list,
      checks: [],
      serving: { kind: 'switch-finished', role: active.role, revision: revision.number, idle },
    };
  });
}

/** What happens to the role that users left. If that takes time, only while the role that they are on now is ready. */
function leaveRole(ctx: OperationContext, request: FinishRequest, role: string): Promise<IdleResult> {
  const { state, policy } = request;
  const { operation } = state;
  const isInstant = policy.idlePolicy.policy === 'keep' && operation.kind === 'finish' && !operation.leftPods;
  if (isInstant) return applyIdlePolicy(ctx, request, role);
  const serving = { state, role: otherRole(state.roleNames, role) };
  return whileReady(ctx, serving, watched => applyIdlePolicy(watched, request, role));
}

async function applyIdlePolicy(ctx: OperationContext, request: FinishRequest, role: string): Promise<IdleResult> {
  const { state, policy } = request;
  // What is staged waits for its promotion.
  if (state.staged?.role === role) return { kind: 'kept', role };
  const leftPods = state.operation.kind === 'finish' ? state.operation.leftPods : undefined;
  const { timeoutMs } = policy;
  const closing = async () =>
    leftPods && { connections: await closeConnections(ctx, { state, role, leftPods, timeoutMs }) };
  switch (policy.idlePolicy.policy) {
    case 'keep':
      // If no pod is removed, there is nothing to wait for: pending requests end on pods that stay.
      if (leftPods !== undefined) await drain(ctx, role, policy.drainMs);
      return { kind: 'kept', role, ...(await closing()) };
    case 'scale-down': {
      await drain(ctx, role, policy.drainMs);
      const left = state.roles[role];
      const idle: Unreached = { services: state.publicServices, name: role, podLabels: left?.podLabels ?? [] };
      await refuseIfServing(ctx, idle);
      if (left?.revision === undefined) return { kind: 'not-recorded', role };
      const { replicas } = policy.idlePolicy;
      await scaleDown(ctx, { idle, revision: await ctx.records.readRevision(left.revision), replicas });
      return { kind: 'scaled-down', role, replicas, ...(await closing()) };
    }
    default:
      return policy.idlePolicy satisfies never;
  }
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
  { publicServices: services }: BlueGreenState,
): Promise<void> {
  const live = await ctx.cluster.get(adopted.ref);
  if (live === undefined) return;
  await refuseIfServing(ctx, { services, name: describeRef(adopted.ref), podLabels: [templateLabels(live)] });
  await removeFound(ctx, adopted);
}

function finishedMeanwhile(release: string): CutoverError {
  return new CutoverError(`Another run changed release ${release} while this one waited for its lock`, {
    code: 'changed',
    hint: 'Run this step again: it starts from what is live now.',
  });
}
