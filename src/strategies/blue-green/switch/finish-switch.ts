import { isDeployment, replicasOf, withReplicas } from '../../../kubernetes/deployment.js';
import { templateLabels } from '../../../kubernetes/pods/pod-spec.js';
import { asCutoverError, CutoverError, sentences } from '../../../errors.js';
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
import { LostReadiness, whileReady } from '../bake/while-ready.js';
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
  /**
   * Whether an earlier run has made the switch. Otherwise, if the new role loses its pods before any is taken from the old one,
   * `LostReadiness` is thrown.
   */
  readonly isResumed: boolean;
}

/** What happens to the role that users left. */
export type FinishPolicy = Pick<SwitchPolicy, 'idlePolicy' | 'drainMs' | 'timeoutMs' | 'historyLimit'>;

/**
 * Applies the autoscalers of the new role, drains the old role, closes connections to it, applies the idle policy, and removes the
 * operation from the record. Each part can be done twice, so a run that was killed here is finished by the next.
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
      finishSwitch(notes.follow(await locked.recordOperation(resumed)), {
        state: resumed,
        revision,
        policy,
        isResumed: true,
      }),
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

/** What happens to the role that users left. */
async function leaveRole(ctx: OperationContext, request: FinishRequest, role: string): Promise<IdleResult> {
  const { state, policy } = request;
  // What is staged waits for its promotion.
  if (state.staged?.role === role) return { kind: 'kept', role };
  switch (policy.idlePolicy.policy) {
    case 'keep': {
      const { operation } = state;
      // If no pod is removed, there is nothing to wait for: pending requests end on pods that stay.
      if (operation.kind !== 'finish' || operation.leftPods === undefined) return { kind: 'kept', role };
      return whileGood(ctx, { ...request, left: role }, async watched => {
        await drain(watched, role, policy.drainMs);
        return { kind: 'kept', role, ...(await closing(watched, request, role)) };
      });
    }
    case 'scale-down': {
      const kept = await whileGood(ctx, { ...request, left: role }, async watched => {
        await drain(watched, role, policy.drainMs);
        return undefined;
      });
      if (kept !== undefined) return kept;
      const left = state.roles[role];
      const idle: Unreached = { services: state.publicServices, name: role, podLabels: left?.podLabels ?? [] };
      await refuseIfServing(ctx, idle);
      if (left?.revision === undefined) return { kind: 'not-recorded', role };
      const { replicas } = policy.idlePolicy;
      await scaleDown(ctx, { idle, revision: await ctx.records.readRevision(left.revision), replicas });
      return { kind: 'scaled-down', role, replicas, ...(await closing(ctx, request, role)) };
    }
    default:
      return policy.idlePolicy satisfies never;
  }
}

/**
 * Does the work while the role that users are on now is ready. A step that resumes it goes on in any case, so that a repair can be
 * deployed: then the role that users left stays as it is, with the connections to it.
 */
async function whileGood<T>(
  ctx: OperationContext,
  { state, isResumed, left }: FinishRequest & { readonly left: string },
  work: (ctx: OperationContext) => Promise<T>,
): Promise<T | IdleResult> {
  try {
    return await whileReady(ctx, { state, role: otherRole(state.roleNames, left) }, work);
  } catch (error) {
    if (!isResumed || !(error instanceof LostReadiness)) throw error;
    ctx.log.error(sentences(error.message, `${left} is left as it is`, error.hint));
    return { kind: 'kept', role: left, connections: { kind: 'open', reason: error.message } };
  }
}

/** Closes the connections to the role that users left, if any are on record. */
async function closing(
  ctx: OperationContext,
  { state, policy: { timeoutMs } }: FinishRequest,
  role: string,
): Promise<Pick<Extract<IdleResult, { kind: 'kept' }>, 'connections'>> {
  const { operation } = state;
  if (operation.kind !== 'finish' || operation.leftPods === undefined) return {};
  const isWayBack = operation.direction === 'promote';
  const { leftPods } = operation;
  return { connections: await closeConnections(ctx, { state, role, leftPods, timeoutMs, isWayBack }) };
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
