import { asCutoverError } from '../../../errors.js';
import { refKey, refOf, type ObjectRef } from '../../../kubernetes/object.js';
import { routesTo } from '../../../kubernetes/selectors.js';
import type { Snapshot } from '../../../plan/change.js';
import { recordFailure } from '../../../release/record-failure.js';
import { historyEntry, type Revision } from '../../../release/revision.js';
import { abandon, withHistory, type Leaving } from '../../../release/transitions.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import { otherRole } from '../../../traffic/active-role.js';
import { routerOf } from '../../../traffic/routers.js';
import { outcomeBase, type Outcome } from '../../outcome/outcome.js';
import type { Reached, Restored } from '../../outcome/restored.js';
import type { Serving } from '../../outcome/serving.js';
import { requireOwnedSnapshots } from '../../recorded/owned-objects.js';
import { restoreRecorded } from '../../recorded/restore-recorded.js';
import { whyWithheld } from '../../shared/restore-objects.js';
import type { Rollout } from '../rollout.js';
import { checkedServing } from './checked-serving.js';
import { refsOfRole } from './role-objects.js';

/** An operation that failed before it was verified. */
export interface FailedLeave {
  readonly leaving: Leaving;
  readonly rollout: Rollout;
  readonly cause: unknown;
}

/** Restores everything, unless `rollback-on-failure` is false, and records the failure. */
export async function leavingFailed(ctx: OperationContext, failure: FailedLeave): Promise<Serving> {
  const { leaving, rollout } = failure;
  const said = await restoreFailed(ctx, failure);
  const isUndone = said.kind === 'restored' && said.restored.kind === 'complete';
  // Until everything is restored, the new pods may answer beside the role, and the text says so.
  const reached = { role: leaving.operation.role, ...(!isUndone && { revision: rollout.revision }) };
  return checkedServing(ctx, leaving, { said, reached });
}

async function restoreFailed(ctx: OperationContext, { leaving, rollout, cause }: FailedLeave): Promise<Serving> {
  const { revision, snapshots, waitOptions, rollbackOnFailure } = rollout;
  const failed = historyEntry(ctx.run, revision, 'failed');
  const { current } = leaving;
  if (!rollbackOnFailure) {
    const note = await recordFailure(ctx.records, withHistory(leaving, failed));
    return { kind: 'partly-deployed', ...note };
  }
  const restored = await restoreRoles(ctx, { leaving, revision, snapshots, timeoutMs: waitOptions.timeoutMs, cause });
  const after = restored.kind === 'complete' ? abandon(leaving, failed) : withHistory(leaving, failed);
  const note = await recordFailure(ctx.records, after);
  return { kind: 'restored', restored, ...(current !== undefined && { current }), ...note };
}

/** What is restored, and why. */
export interface RestoreRoles {
  readonly leaving: Leaving;
  readonly revision: Revision;
  readonly snapshots: readonly Snapshot[];
  readonly timeoutMs: number;
  readonly cause?: unknown;
}

/**
 * Sends users back to the active role alone, then restores the rest: a pod of the idle role must not answer meanwhile. A
 * public Service that does not select what the operation had set is left as it is: the operation did not get to it, or somebody
 * else has switched since. Users are not sent back to a role without a ready pod, and keep the new pods if they are on them.
 */
export async function restoreRoles(ctx: OperationContext, request: RestoreRoles): Promise<Restored> {
  const { leaving, snapshots, timeoutMs, cause } = request;
  const withheld = whyWithheld(ctx, cause);
  if (withheld !== undefined) return withheld;
  const keys = new Set(leaving.publicServices.map(refKey));
  const services = snapshots.filter(({ ref }) => keys.has(refKey(ref)));
  const back = await sendBack(ctx, request, services);
  if (back !== undefined) return back;
  const rest = snapshots.filter(snapshot => !services.includes(snapshot));
  const ofIdle = await keysOfIdle(ctx, leaving);
  const { restored } = await restoreRecorded(ctx, {
    snapshots: rest,
    timeoutMs,
    ready: ref => !ofIdle.has(refKey(ref)),
    reached: () => reachedRevision(ctx, request),
    ...(cause !== undefined && { cause }),
  });
  return restored;
}

/**
 * Restores those of the public Services that are as the operation has set them, if each would select a ready pod then; else none.
 * Returns why they are not restored; `undefined`: they are.
 */
async function sendBack(
  ctx: OperationContext,
  { leaving, revision }: RestoreRoles,
  services: readonly Snapshot[],
): Promise<Restored | undefined> {
  const router = routerOf(ctx);
  const failed: ObjectRef[] = [];
  const toRestore: Snapshot[] = [];
  const fail = ({ ref }: Snapshot, error: unknown): void => {
    ctx.log.error(asCutoverError(error).message);
    failed.push(ref);
  };
  for (const service of services) {
    try {
      const owned = await setByOperation(ctx, revision, service);
      if (owned === undefined) continue;
      if (owned.object !== undefined && (await router.readyPods(owned.object)).length === 0) {
        const { role } = leaving.operation;
        ctx.log.error(`${role} has no ready pod, so users were not sent back to it. Look at both versions now.`);
        return { kind: 'no-ready-pod', role };
      }
      toRestore.push(owned);
    } catch (error) {
      fail(service, error);
    }
  }
  for (const service of toRestore) {
    await router.restore(service, ctx.writer).catch((error: unknown) => fail(service, error));
  }
  return failed.length === 0 ? undefined : { kind: 'incomplete', failed };
}

/** The snapshot of a public Service, if it is as the operation has set it and may be restored. */
async function setByOperation(
  ctx: OperationContext,
  revision: Revision,
  service: Snapshot,
): Promise<Snapshot | undefined> {
  const object = revision.objects.find(one => refKey(refOf(one)) === refKey(service.ref));
  if (object === undefined || !(await routerOf(ctx).isSetTo(object))) return undefined;
  const [owned] = await requireOwnedSnapshots(ctx, [service]);
  return owned;
}

/** What the idle role runs, by its keys: no user needs it. */
async function keysOfIdle(ctx: RunContext, leaving: Leaving): Promise<ReadonlySet<string>> {
  const role = otherRole(leaving.roleNames, leaving.operation.role);
  const refs = await refsOfRole(ctx, { state: leaving, role }).catch(() => []);
  return new Set(refs.map(refKey));
}

/** Whether a public Service, as it is read now, leads users to pods that the restore would delete. */
async function reachedRevision(
  { cluster }: RunContext,
  { leaving, revision, snapshots }: RestoreRoles,
): Promise<Reached | undefined> {
  const isDeleted = ({ object, recreated }: Snapshot): boolean => object === undefined || recreated === true;
  const created = new Set(snapshots.filter(isDeleted).map(({ ref }) => refKey(ref)));
  for (const service of leaving.publicServices) {
    const live = await cluster.get(service);
    if (live === undefined) continue;
    const isReached = revision.objects.some(one => created.has(refKey(refOf(one))) && routesTo(live, one));
    if (isReached) return { kind: 'reached', service, to: `revision ${revision.number}` };
  }
  return undefined;
}

/** The outcome when users are on the new pods, but objects of the roles are left. */
export async function leftUnfinished(
  ctx: RunContext,
  leaving: Leaving,
  deployed: Revision,
): Promise<Omit<Outcome, 'outcome'>> {
  const { revision } = leaving.operation;
  const said: Serving = { kind: 'roles-left', revision };
  const serving = await checkedServing(ctx, leaving, { said, reached: { revision: deployed } });
  return { ...outcomeBase(ctx, 'rolling'), revision, changes: [], checks: [], serving };
}
