import { CutoverError } from '../../../errors.js';
import { type KubeObject, describeRef, refOf } from '../../../kubernetes/object.js';
import { selects } from '../../../kubernetes/selectors.js';
import type { Snapshot } from '../../../plan/change.js';
import { historyEntry, type Revision } from '../../../release/revision.js';
import { begin, completeLeave, type Leaving } from '../../../release/transitions.js';
import { begunBy } from '../../../run/begun.js';
import type { LockedContext, OperationContext, RunContext } from '../../../run/context.js';
import { underLock } from '../../../run/under-lock.js';
import { confirmMs } from '../../../traffic/endpoint-slices.js';
import { routerOf } from '../../../traffic/routers.js';
import type { CheckResult } from '../../../verify/verify.js';
import { removeLive } from '../../blue-green/finish-switch.js';
import { ownedObjects } from '../../recorded/owned-objects.js';
import { changesOf, FailedStep, outcomeBase, type ObjectChange, type Outcome } from '../../outcome/outcome.js';
import { applyAndWait } from '../../shared/apply-and-wait.js';
import { checksOf, requireChecks } from '../../shared/checks.js';
import type { Rollout } from '../rollout.js';
import { leavingFailed, leftUnfinished } from './failed-leave.js';
import type { LeavePlan } from './leave-plan.js';
import { removeIdle } from './remove-idle.js';
import { inDeletionOrder, isConfig, isOnePerPod, objectsOfRole } from './role-objects.js';

/** What is deployed in place of the roles. */
export interface LeaveRequest {
  readonly rollout: Rollout;
  readonly plan: LeavePlan;
}

/** What is left of a release that has left its roles but for the deletion of their objects. */
export async function resumeLeaving(
  ctx: RunContext,
  { lockTimeoutMs, historyLimit }: { readonly lockTimeoutMs: number; readonly historyLimit: number },
): Promise<void> {
  await underLock(ctx, lockTimeoutMs, async locked => {
    const state = await locked.records.readState();
    const { operation } = state ?? {};
    if (state?.strategy !== 'blue-green' || operation?.kind !== 'leave' || !operation.verified) return;
    const leaving: Leaving = { ...state, operation: { ...operation, ...begunBy(locked) } };
    const revision = await locked.records.readRevision(operation.revision);
    await finishLeaving(await locked.recordOperation(leaving), { leaving, revision, historyLimit });
  });
}

/**
 * Deploys a revision without roles: its pods come up beside the active role, the public Service follows, and the objects of the
 * roles are deleted. One operation. Until it is verified, a failure restores everything.
 */
export async function leaveRoles(ctx: LockedContext, { rollout, plan }: LeaveRequest): Promise<Outcome> {
  const { state, active } = plan;
  const { number } = rollout.revision;
  const begun = begin(state, { kind: 'leave', revision: number, role: active, ...begunBy(ctx) });
  const operation = begun.operation as Leaving['operation'];
  const leaving: Leaving = { ...begun, operation };
  const base = {
    ...outcomeBase(ctx, 'rolling'),
    revision: number,
    ...(state.current !== undefined && { previousRevision: state.current }),
    changes: [...changesOf(rollout.planned), ...deletedOf(plan)],
  };
  let started: OperationContext;
  try {
    started = await ctx.recordOperation(leaving, [rollout.revision]);
  } catch (error) {
    const serving = { kind: 'not-switched', active } as const;
    throw new FailedStep(error, { ...base, changes: [], checks: [], serving });
  }
  let checks: readonly CheckResult[] = [];
  const verified: Leaving = { ...leaving, operation: { ...operation, verified: true } };
  try {
    checks = await replaceRoles(started, { rollout, plan });
    // From here on the way is forward: the active role is deleted.
    await ctx.records.writeState(verified);
  } catch (error) {
    throw new FailedStep(error, {
      ...base,
      checks: [...checks, ...checksOf(error)],
      serving: await leavingFailed(started, { leaving, rollout, cause: error }),
    });
  }
  await finishLeaving(started, { leaving: verified, revision: rollout.revision, historyLimit: rollout.historyLimit });
  return {
    ...base,
    outcome: 'deployed',
    checks,
    serving: { kind: 'deployed', revision: number, images: rollout.revision.images },
  };
}

/** A verified operation that is finished. */
export interface FinishLeaving {
  readonly leaving: Leaving;
  readonly revision: Revision;
  readonly historyLimit: number;
}

/** Deletes the objects of the roles, and applies the autoscalers and budgets that take the place of theirs. Can be done twice. */
export async function finishLeaving(ctx: OperationContext, request: FinishLeaving): Promise<void> {
  const { leaving, revision, historyLimit } = request;
  try {
    await ctx.phase('Clean up', async () => {
      await requireNewPods(ctx, request);
      const manifests = [...revision.objects.map(refOf), ...revision.secrets.map(({ ref }) => ref)];
      for (const role of leaving.roleNames) {
        const own = await objectsOfRole(ctx, { state: leaving, role }, manifests);
        for (const object of inDeletionOrder(own)) await removeLive(ctx, refOf(object), object.metadata.uid);
      }
      for (const object of await ownedObjects(ctx, revision.objects.filter(isOnePerPod))) {
        await ctx.writer.apply(object, { force: revision.force });
      }
      const entry = historyEntry(ctx.run, revision, 'deployed');
      await ctx.records.finish(completeLeave(leaving, entry), historyLimit, ctx.log);
    });
  } catch (error) {
    throw new FailedStep(error, leftUnfinished(ctx, leaving));
  }
}

/** Throws `changed` unless the live public Service leads to ready pods that are of no role: users would be left without a pod. */
async function requireNewPods(ctx: OperationContext, { leaving, revision }: FinishLeaving): Promise<void> {
  const { publicService: ref, roles } = leaving;
  const service = await ctx.cluster.get(ref);
  const pods = await routerOf(ctx, ref).readyPods(service);
  const ofRoles = Object.values(roles).map(({ podLabels }) => podLabels);
  const isNew = ({ metadata }: KubeObject): boolean =>
    !ofRoles.some(labels => Object.keys(labels).length > 0 && selects(labels, metadata.labels ?? {}));
  if (pods.some(isNew)) return;
  throw new CutoverError(
    `${describeRef(ref)} leads to no ready pod of revision ${revision.number}: the roles were not deleted`,
    {
      code: 'changed',
      object: describeRef(ref),
      hint: 'Somebody changed the Service or the new pods. Look at them, then run this step again.',
    },
  );
}

/** Brings the revision up, and sends users to it as well as to the active role. Returns the results of the public checks. */
async function replaceRoles(ctx: OperationContext, { rollout, plan }: LeaveRequest): Promise<readonly CheckResult[]> {
  const { waitOptions, force } = rollout;
  const { state, active, service, first } = plan;
  const { object } = service.resource;
  const router = routerOf(ctx, refOf(object));
  const { ready } = await ctx.phase('Deploy', () =>
    applyAndWait(ctx, { planned: first, waitOptions, force, paused: 'noted' }),
  );
  await ctx.phase('Switch', async () => {
    await removeIdle(ctx, {
      state,
      active,
      objects: plan.ofIdle.filter(one => !isConfig(one)),
      timeoutMs: waitOptions.timeoutMs,
    });
    const live = await ctx.cluster.get(refOf(object));
    const before: Snapshot = { ref: refOf(object), ...(live !== undefined && { object: live }) };
    await router.set({ object, force }, before, ctx.writer);
    await router.confirm({ object }, { timeoutMs: confirmMs, signal: ctx.signal });
  });
  return ctx.phase('Verify public', () => {
    const workloads = first.map(({ resource }) => resource.object);
    return requireChecks(ctx, { checks: rollout.checks, side: 'public', service: object, workloads, ready });
  });
}

function deletedOf({ ofIdle, ofActive }: LeavePlan): readonly ObjectChange[] {
  return [...ofIdle, ...ofActive].map(object => ({ ref: refOf(object), change: 'deleted' }));
}
