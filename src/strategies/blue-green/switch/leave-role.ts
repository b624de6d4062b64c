import { sentences } from '../../../errors.js';
import type { Check } from '../../../inputs/inputs.js';
import { isDeployment, replicasOf, withReplicas } from '../../../kubernetes/deployment.js';
import { describeRef, refOf } from '../../../kubernetes/object.js';
import type { Revision } from '../../../release/revision.js';
import { revisionOfRole } from '../../../release/revision-of-role.js';
import type { BlueGreenState } from '../../../release/state.js';
import { completeFinish, type InProgress } from '../../../release/transitions.js';
import type { OperationContext } from '../../../run/context.js';
import { otherRole } from '../../../traffic/active-role.js';
import type { IdleResult } from '../../outcome/serving.js';
import { readRevisionOfRole } from '../../recorded/find-revision.js';
import { ownedLive } from '../../recorded/owned-objects.js';
import { removeLive } from '../../recorded/remove-live.js';
import { makeHotBackup } from '../backup/hot-backup.js';
import { LostReadiness, whileReady } from '../bake/while-ready.js';
import { closeConnections } from '../closing/close-connections.js';
import { drain } from '../operation/drain.js';
import { refuseIfServing, type Unreached } from '../operation/refuse-if-serving.js';
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
  /** The checks of a hot backup. */
  readonly checks: readonly Check[];
}

/** What happens to the role that users left. */
export type FinishPolicy = Pick<SwitchPolicy, 'idlePolicy' | 'drainMs' | 'timeoutMs' | 'stableForMs' | 'historyLimit'>;

/** What the idle policy did to the role that users left. */
export interface LeftRole {
  readonly idle: IdleResult;
  /** The state once that is on record. */
  readonly done: BlueGreenState;
}

/**
 * Applies the idle policy to the role that users left. Until the first pod is taken from it, only while the role that they are on now is
 * ready. Throws `LostReadiness`, and `BackupFailed` when the role did not become a hot backup.
 */
export async function leaveRole(ctx: OperationContext, request: FinishRequest, role: string): Promise<LeftRole> {
  const { state, revision, policy, checks } = request;
  const { drainMs, timeoutMs, stableForMs } = policy;
  const { operation } = state;
  const leftPods = operation.kind === 'finish' ? operation.leftPods : undefined;
  const done = completeFinish(state);
  if (!isBackupMade(ctx, request, role)) return { idle: await applyIdlePolicy(ctx, request, role), done };
  const kept = await whileGood(ctx, { ...request, left: role }, watched => drain(watched, role, drainMs));
  if (kept !== undefined) return { idle: kept, done };
  const made = await makeHotBackup(ctx, { state, revision, role, checks, waitOptions: { timeoutMs, stableForMs } });
  const previous = made.roles[role]?.previous?.revision;
  const closing = leftPods && {
    connections: await closeConnections(ctx, { state: made, role, leftPods, timeoutMs, isWayBack: true }),
  };
  const idle = {
    kind: 'backup' as const,
    ...{ role, revision: revision.number },
    ...(previous !== undefined && { previous }),
  };
  return { idle: { ...idle, ...closing }, done: made };
}

/** Whether the role becomes a hot backup. What is staged on it waits for its promotion. */
function isBackupMade(ctx: OperationContext, { state, revision, policy }: FinishRequest, role: string): boolean {
  const { operation, roles, staged } = state;
  const isAsked = policy.idlePolicy.policy === 'hot-backup';
  const before = roles[role]?.revision;
  if (operation.kind !== 'finish') return false;
  if (operation.backup && !isAsked && before !== undefined)
    ctx.log.warning(
      `${role} does not become the hot backup, for which it was changed in part: a rollback brings up revision ${before} there again`,
    );
  if (!isAsked || staged?.role === role || before === undefined) return false;
  if (operation.direction === 'promote' || revisionOfRole(revision, role) !== undefined) return true;
  // Users are back already: what is missing for a backup must not stop that.
  ctx.log.warning(
    `${role} stays as it is: revision ${revision.number} was staged without \`idle-policy: hot-backup\`, so what a hot backup would run is not on record`,
  );
  return false;
}

async function applyIdlePolicy(ctx: OperationContext, request: FinishRequest, role: string): Promise<IdleResult> {
  const { state, policy } = request;
  // What is staged waits for its promotion.
  if (state.staged?.role === role) return { kind: 'kept', role };
  switch (policy.idlePolicy.policy) {
    case 'keep':
    case 'hot-backup': {
      const { operation } = state;
      // If no pod is removed, there is nothing to wait for: pending requests end on pods that stay.
      if (operation.kind !== 'finish' || operation.leftPods === undefined) return { kind: 'kept', role };
      return whileGood(ctx, { ...request, left: role }, async watched => {
        await drain(watched, role, policy.drainMs);
        return { kind: 'kept', role, ...(await closing(watched, request, role)) };
      });
    }
    case 'scale-down': {
      const kept = await whileGood(ctx, { ...request, left: role }, watched => drain(watched, role, policy.drainMs));
      if (kept !== undefined) return kept;
      const left = state.roles[role];
      const idle: Unreached = { services: state.publicServices, name: role, podLabels: left?.podLabels ?? [] };
      await refuseIfServing(ctx, idle);
      if (left?.revision === undefined) return { kind: 'not-recorded', role };
      const { replicas } = policy.idlePolicy;
      const revision = await readRevisionOfRole(ctx, left.revision, role);
      await scaleDown(ctx, { idle, revision, replicas });
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
