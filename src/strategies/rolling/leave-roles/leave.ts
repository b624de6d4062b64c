import type { Check } from '../../../inputs/inputs.js';
import { refOf, type KubeObject } from '../../../kubernetes/object.js';
import { templateLabels } from '../../../kubernetes/pods/pod-spec.js';
import { selectorOf, selects } from '../../../kubernetes/selectors.js';
import { historyEntry } from '../../../release/revision.js';
import { begin, completeLeave, type Leaving } from '../../../release/transitions.js';
import { begunBy } from '../../../run/begun.js';
import type { LockedContext, OperationContext, RunContext } from '../../../run/context.js';
import { underLock } from '../../../run/under-lock.js';
import { confirmMs } from '../../../traffic/endpoint-slices.js';
import { routerOf } from '../../../traffic/routers.js';
import { requireReadyRole } from '../../../traffic/switch-precondition.js';
import type { CheckResult } from '../../../verify/verify.js';
import { deploymentsOf } from '../../blue-green/operation/counterparts.js';
import { sizesOf } from '../../blue-green/operation/sizes.js';
import { saidBy } from '../../blue-green/operation/users-now.js';
import { tellLeft, withLeft } from '../../recorded/left-objects.js';
import { ownedObjects } from '../../recorded/owned-objects.js';
import { changesAfterRestore, changesOf } from '../../outcome/changes.js';
import { FailedStep, outcomeBase, type ObjectChange, type Outcome } from '../../outcome/outcome.js';
import { applyAndWait } from '../../shared/apply-and-wait.js';
import { checksOf, requireChecks, servingService } from '../../shared/checks.js';
import { noTraffic, underTraffic, type SyntheticTraffic } from '../../shared/synthetic-traffic.js';
import type { Serving } from '../../outcome/serving.js';
import type { Rollout } from '../rollout.js';
import { checkedServing } from './checked-serving.js';
import { leavingFailed, leftUnfinished } from './failed-leave.js';
import type { LeavePlan } from './leave-plan.js';
import { requireAllPods, requireNewPods, type NewPods } from './new-pods.js';
import { removeIdle, removeUnreached } from './remove-idle.js';
import { isConfig, isOnePerPod, objectsOfRole } from './role-objects.js';

/** What is deployed in place of the roles. */
export interface LeaveRequest {
  readonly rollout: Rollout;
  readonly plan: LeavePlan;
}

/** How the rest of an interrupted operation is done. */
export interface ResumeLeaving {
  readonly lockTimeoutMs: number;
  readonly historyLimit: number;
  /** How long pods that are being replaced may take to be ready. */
  readonly timeoutMs: number;
  /** The checks of the step. */
  readonly verify: readonly Check[];
}

/** What is left of a release that has left its roles but for the deletion of their objects. */
export async function resumeLeaving(
  ctx: RunContext,
  { lockTimeoutMs, historyLimit, timeoutMs, verify }: ResumeLeaving,
): Promise<void> {
  await underLock(ctx, lockTimeoutMs, async locked => {
    const state = await locked.records.readState();
    const { operation } = state ?? {};
    if (state?.strategy !== 'blue-green' || operation?.kind !== 'leave' || !operation.verified) return;
    const leaving: Leaving = { ...state, operation: { ...operation, ...begunBy(locked) } };
    const revision = await locked.records.readRevision(operation.revision);
    const { objects, service, number } = revision;
    const users = { service: servingService(objects, service), checks: verify, version: `revision ${number}` };
    // The active role still answers beside the new pods.
    await underTraffic(locked, users, async () => {
      await finishLeaving(await locked.recordOperation(leaving), { leaving, revision, historyLimit, timeoutMs });
    });
  });
}

/**
 * Deploys a revision without roles: its pods come up beside the active role, the public Services follow, and the objects of the
 * roles are deleted. One operation. Until it is verified, a failure restores everything.
 */
export async function leaveRoles(ctx: LockedContext, request: LeaveRequest): Promise<Outcome> {
  const { checks, revision } = request.rollout;
  const [service] = request.plan.services;
  if (service === undefined) return leaveUnder(ctx, request, noTraffic);
  const users = { service: service.resource.object, checks, version: `revision ${revision.number}` };
  return underTraffic(ctx, users, traffic => leaveUnder(ctx, request, traffic));
}

async function leaveUnder(
  ctx: LockedContext,
  { rollout, plan }: LeaveRequest,
  traffic: SyntheticTraffic,
): Promise<Outcome> {
  const { state, active } = plan;
  const { number } = rollout.revision;
  const begun = begin(state, { kind: 'leave', revision: number, role: active, ...begunBy(ctx) });
  const operation = begun.operation as Leaving['operation'];
  const leaving: Leaving = { ...begun, operation };
  const base = {
    ...outcomeBase(ctx, 'rolling'),
    revision: number,
    ...(state.current !== undefined && { previousRevision: state.current }),
    changes: [...changesOf(rollout.planned), ...deletedOf([...plan.ofIdle, ...plan.ofActive])],
  };
  let started: OperationContext;
  try {
    started = await ctx.recordOperation(leaving, [rollout.revision]);
  } catch (error) {
    const said: Serving = { kind: 'not-switched', active };
    const serving = await checkedServing(ctx, state, { said, reached: { role: active } });
    throw new FailedStep(error, { ...base, changes: [], checks: [], serving });
  }
  let checks: readonly CheckResult[] = [];
  // On record before the roles are deleted: what finishes after a kill has no manifests.
  const verified: Leaving = withLeft({ ...leaving, operation: { ...operation, verified: true } }, plan.left);
  // Only until the deploy is verified: after that, the only way is forward.
  const watched = { ...started, signal: AbortSignal.any([ctx.signal, traffic.exceeded]) };
  try {
    checks = await traffic.require(await replaceRoles(watched, { rollout, plan, leaving }));
    // From here on the way is forward: the active role is deleted.
    await ctx.records.writeState(verified);
  } catch (error) {
    const serving = await leavingFailed(started, { leaving, rollout, cause: error });
    // The active role is not deleted yet.
    const made = [...changesOf(rollout.planned), ...deletedOf(plan.ofIdle)];
    const said = saidBy(serving);
    const changes =
      said.kind === 'restored'
        ? changesAfterRestore(made, { restored: said.restored, snapshots: rollout.snapshots })
        : made;
    throw new FailedStep(error, { ...base, changes, checks: [...checks, ...checksOf(error)], serving });
  }
  const { revision, historyLimit, waitOptions } = rollout;
  await finishLeaving(started, { leaving: verified, revision, historyLimit, timeoutMs: waitOptions.timeoutMs });
  tellLeft(ctx, plan.left);
  const left = state.current === undefined ? {} : { left: { revision: state.current, role: active } };
  return {
    ...base,
    outcome: 'deployed',
    checks,
    serving: { kind: 'deployed', revision: number, images: rollout.revision.images, ...left },
  };
}

/** A verified operation that is finished. */
export interface FinishLeaving extends NewPods {
  readonly historyLimit: number;
}

/** Deletes the objects of the roles, and applies the autoscalers and budgets that take the place of theirs. Can be done twice. */
async function finishLeaving(ctx: OperationContext, request: FinishLeaving): Promise<void> {
  const { leaving, revision, historyLimit } = request;
  try {
    await ctx.phase('Clean up', async () => {
      const seen = await requireNewPods(ctx, request);
      for (const role of leaving.roleNames) {
        const own = await objectsOfRole(ctx, { state: leaving, role }, revision);
        await removeUnreached(ctx, own, seen);
      }
      for (const object of await ownedObjects(ctx, revision.objects.filter(isOnePerPod))) {
        await ctx.writer.apply(object, { force: revision.force });
      }
      const entry = historyEntry(ctx.run, revision, 'deployed');
      await ctx.records.finish(completeLeave(leaving, entry), historyLimit);
    });
  } catch (error) {
    throw new FailedStep(error, await leftUnfinished(ctx, leaving, revision));
  }
}

/** Brings the revision up, and sends users to it as well as to the active role. Returns the results of the public checks. */
async function replaceRoles(
  ctx: OperationContext,
  { rollout, plan, leaving }: LeaveRequest & { readonly leaving: Leaving },
): Promise<readonly CheckResult[]> {
  const { waitOptions, force, revision } = rollout;
  const { timeoutMs } = waitOptions;
  const { state, active, services, first } = plan;
  const targets = services.map(({ resource }) => resource.object);
  const router = routerOf(ctx);
  const newPods = { leaving, revision, timeoutMs };
  await ctx.phase('Deploy', () => applyAndWait(ctx, { planned: first, waitOptions, force, paused: 'noted' }));
  const ready = await ctx.phase('Switch', async () => {
    ctx.signal.throwIfAborted();
    const ofIdle = plan.ofIdle.filter(one => !isConfig(one));
    const decidedOn = await removeIdle(ctx, { state, active, objects: ofIdle, timeoutMs });
    const readyUntilMs = ctx.clock.now() + timeoutMs;
    const all = await requireAllPods(ctx, { ...newPods, services: targets });
    const role = `revision ${revision.number}`;
    // Both versions answer until the active role is deleted, as in any rolling update.
    const beside = state.roles[active]?.podLabels ?? [];
    const sizes = sizesOf(ctx, { services: targets }, deploymentsOf(state, active));
    const precondition = { router, decidedOn, targets, role, verified: all, readyUntilMs, sizes, beside };
    const look = await requireReadyRole(ctx, precondition);
    for (const [index, object] of targets.entries())
      await router.set({ object, force }, look.before[index] ?? { ref: refOf(object) }, ctx.writer);
    for (const object of targets) {
      const workloads = look.workloads.filter(({ set }) => selects(selectorOf(object), templateLabels(set)));
      const readyTimeoutMs = readyUntilMs - ctx.clock.now();
      await router.confirm({ object, workloads, beside }, { timeoutMs: confirmMs, readyTimeoutMs, signal: ctx.signal });
    }
    return all;
  });
  return ctx.phase('Verify public', async () => {
    const workloads = first.map(({ resource }) => resource.object);
    const checks = rollout.checks;
    const results = await requireChecks(ctx, { checks, side: 'public', service: targets[0], workloads, ready });
    await requireAllPods(ctx, { ...newPods, services: targets });
    return results;
  });
}

function deletedOf(objects: readonly KubeObject[]): readonly ObjectChange[] {
  return objects.map(object => ({ ref: refOf(object), change: 'deleted' }));
}
