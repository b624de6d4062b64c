import { asCutoverError } from '../../errors.js';
import { refKey, refOf } from '../../kubernetes/object.js';
import type { Snapshot } from '../../plan/change.js';
import { isRolledBack } from '../../release/retention.js';
import { historyEntry } from '../../release/revision.js';
import type { BlueGreenState } from '../../release/state.js';
import { begin, completeFinish, completeSwitch, type InProgress } from '../../release/transitions.js';
import { begunBy } from '../../run/begun.js';
import type { LockedContext, OperationContext, RunContext } from '../../run/context.js';
import { confirmMs } from '../../traffic/endpoint-slices.js';
import type { Look } from '../../traffic/look.js';
import type { TrafficRouter } from '../../traffic/router.js';
import { routerOf } from '../../traffic/routers.js';
import { pendingAddresses, type PendingAddress } from '../../traffic/pending-addresses.js';
import { isOf } from '../../traffic/served-pods.js';
import { requireReadyRole } from '../../traffic/switch-precondition.js';
import type { CheckResult } from '../../verify/verify.js';
import { checksOf, requireChecks } from '../shared/checks.js';
import { mergedChanges } from '../outcome/changes.js';
import { FailedStep, outcomeBase, type ObjectChange, type Outcome } from '../outcome/outcome.js';
import type { IdleResult } from '../outcome/serving.js';
import { finishSwitch } from './finish-switch.js';
import { deploymentsOf } from './operation/counterparts.js';
import { sizesOf } from './operation/sizes.js';
import { takeOverService } from './operation/take-over-service.js';
import { saidBy, withUsersNow } from './operation/users-now.js';
import { restoreFailedSwitch, restoreTraffic, type RestoredTraffic } from './restore-traffic.js';
import type { RecordedSwitch, TrafficSwitch } from './traffic-switch.js';

/**
 * Moves all users: switch, confirm, verify, then apply the idle policy to the role that they left. On failure users are
 * sent back, provided that the role that they left is ready.
 */
export async function switchTraffic(ctx: LockedContext, trafficSwitch: TrafficSwitch): Promise<Outcome> {
  const { state, revision, to, from, publicService, verified, approval, direction, policy, notes } = trafficSwitch;
  const service = refOf(publicService);
  const router = routerOf(ctx, service);
  const previousService = snapshotToRestore(trafficSwitch);
  const { number } = revision;
  const switching = begin(state, {
    kind: 'switch',
    direction,
    revision: number,
    role: to,
    previousService,
    ...begunBy(ctx),
  });
  const recorded: RecordedSwitch = { trafficSwitch, previousService, switching };
  const base = {
    ...outcomeBase(ctx, 'blue-green'),
    revision: revision.number,
    ...(state.current !== undefined && { previousRevision: state.current }),
    ...(approval !== undefined && { approval }),
  } as const;
  const { stagedChecks } = verified;
  let operation: OperationContext;
  try {
    // On record before the switch: after a killed run, the next one knows where to send users back to.
    operation = await ctx.recordOperation(switching, approval === undefined ? [] : [{ ...revision, approval }]);
  } catch (error) {
    const serving = { kind: 'not-switched', ...(from !== undefined && { active: from }) } as const;
    const roles = {
      ...(from !== undefined && { activeRole: from }),
      ...(state.staged !== undefined && { stagedRole: state.staged.role }),
    };
    const failed = { ...base, ...roles, changes: notes.list, serving };
    throw new FailedStep(error, await withUsersNow(ctx, state, { ...failed, checks: stagedChecks }));
  }
  const forward = notes.follow(operation);

  let look: Look;
  let isSent = false as boolean;
  try {
    look = await ctx.phase('Switch', async () => {
      ctx.signal.throwIfAborted();
      const { object: live } = trafficSwitch.liveBefore;
      const force = await takeOverService(forward, { target: publicService, live, force: revision.force });
      const found = await podsToServe(forward, router, trafficSwitch);
      ctx.signal.throwIfAborted();
      isSent = true;
      await router.set({ object: publicService, force }, found.before, forward.writer);
      return found;
    });
  } catch (error) {
    const isResumed = previousService !== trafficSwitch.liveBefore;
    const mayBeMade = isResumed || (isSent && unsure.has(asCutoverError(error).code));
    const restored = await restoreFailedSwitch(operation, recorded, { mayBeMade });
    const changes = changesAfter(trafficSwitch, restored);
    throw new FailedStep(error, { ...base, ...restored, changes, checks: stagedChecks });
  }
  let publicChecks: readonly CheckResult[] = [];
  let pending: readonly PendingAddress[];
  let switched: InProgress<BlueGreenState>;
  try {
    // Draining the old role before every proxy knows the new one would refuse connections.
    const served = await ctx.phase('Switch', () => confirmServed(ctx, router, { trafficSwitch, look }));
    publicChecks = await ctx.phase('Verify public', () => verifyPublic(ctx, served));
    pending = await pendingAddresses(ctx, [publicService]);
    // A switch that is not on record looks like an interrupted one and cannot be rolled back, so it counts as failed.
    switched = await ctx.phase('Clean up', () => recordSwitch(operation, trafficSwitch, switching));
  } catch (error) {
    const restored = await restoreTraffic(operation, { ...recorded, cause: error });
    throw new FailedStep(error, {
      ...base,
      ...restored,
      changes: changesAfter(trafficSwitch, restored),
      checks: [...stagedChecks, ...publicChecks, ...checksOf(error)],
    });
  }
  const arrived = {
    ...base,
    activeRole: to,
    ...(from !== undefined && { idleRole: from }),
    checks: [...stagedChecks, ...publicChecks],
  };
  const switchedTo = { role: to, revision: revision.number, images: revision.images };
  let idle: IdleResult;
  try {
    idle = await ctx.phase('Clean up', () => finishSwitch(forward, { state: switched, revision, policy }));
  } catch (error) {
    const serving = { kind: 'switched-unfinished', ...switchedTo } as const;
    throw new FailedStep(error, await withUsersNow(ctx, switched, { ...arrived, changes: notes.list, serving }));
  }
  const { release, namespace } = base;
  // A rollback that follows a rollback changes nothing.
  const canRollBack =
    from !== undefined && state.roles[from]?.revision !== undefined && !isRolledBack(completeFinish(switched));
  return {
    ...arrived,
    changes: notes.list,
    outcome: direction === 'promote' ? 'switched' : 'rolled-back',
    serving: { kind: 'switched', ...switchedTo, idle, ...(pending.length > 0 && { pending }) },
    ...(canRollBack && { rollbackHint: { action: 'rollback', release, namespace } as const }),
  };
}

/** Errors of a write that may have been made; `moved`, since a repeated write finds its own first attempt. */
const unsure: ReadonlySet<string> = new Set(['unreachable', 'api', 'moved']);

/** What is changed after a switch that failed: the public Service is not, if users were sent back. */
function changesAfter({ notes, publicService }: TrafficSwitch, { serving }: RestoredTraffic): readonly ObjectChange[] {
  if (saidBy(serving).kind !== 'switched-back') return notes.list;
  return mergedChanges(notes.list, [{ ref: refOf(publicService), change: 'restored' }]);
}

/**
 * What a failure restores. After a killed run the live Service is the switched one already: then it is what that run had
 * recorded, if it was a switch to the same role.
 */
function snapshotToRestore({ state, to, liveBefore }: TrafficSwitch): Snapshot {
  const { operation } = state;
  const interrupted = operation?.kind === 'switch' && operation.role === to ? operation.previousService : undefined;
  return interrupted ?? liveBefore;
}

/**
 * What the public Service will select, seen right before it does: all wanted pods of every verified workload are ready, as many as
 * serve now. Throws when they are not, or when it would also select pods of another version: users would get both.
 */
function podsToServe(ctx: OperationContext, router: TrafficRouter, trafficSwitch: TrafficSwitch): Promise<Look> {
  const { state, from, publicService: target, liveBefore: decidedOn, verified, to: role } = trafficSwitch;
  const { ready, readyUntilMs } = verified;
  const precondition = { router, target, decidedOn, role, verified: ready, readyUntilMs };
  if (from === undefined) return requireReadyRole(ctx, precondition);
  const sizes = sizesOf(ctx, { role, service: target }, deploymentsOf(state, from));
  return requireReadyRole(ctx, { ...precondition, sizes });
}

/** Waits until users reach the pods of the look, or those that have replaced them, which the checks are for from now on. */
async function confirmServed(
  ctx: RunContext,
  router: TrafficRouter,
  { trafficSwitch, look }: { readonly trafficSwitch: TrafficSwitch; readonly look: Look },
): Promise<TrafficSwitch> {
  const { publicService: object, verified } = trafficSwitch;
  const workloads = look.workloads.filter(({ isServed }) => isServed);
  const readyTimeoutMs = verified.readyUntilMs - ctx.clock.now();
  const options = { timeoutMs: confirmMs, readyTimeoutMs, signal: ctx.signal };
  const pods = await router.confirm({ object, workloads }, options);
  const ready = verified.ready.map(one => {
    const served = workloads.find(({ ref }) => refKey(ref) === refKey(one.ref));
    if (served === undefined) return one;
    const own = pods.filter(pod => isOf(served, pod));
    return { ...one, pods: own.map(({ metadata: { name, uid = '' } }) => ({ name, uid })) };
  });
  return { ...trafficSwitch, verified: { ...verified, ready } };
}

async function verifyPublic(ctx: RunContext, trafficSwitch: TrafficSwitch): Promise<readonly CheckResult[]> {
  const { publicService: service, verified, checks } = trafficSwitch;
  const { workloads, ready } = verified;
  return requireChecks(ctx, { checks, side: 'public', service, workloads, ready });
}

/** After the switch is verified: the record says that users are on the new role, and what is left to do for the old one. */
async function recordSwitch(
  ctx: OperationContext,
  { revision, to, from, direction }: TrafficSwitch,
  switching: InProgress<BlueGreenState>,
): Promise<InProgress<BlueGreenState>> {
  const entry = historyEntry(ctx.run, revision, direction === 'promote' ? 'switched' : 'rolled-back');
  const switched = completeSwitch(switching, entry, from);
  await ctx.records.writeState(switched);
  ctx.log.info(`Recorded: users are on ${to}, revision ${revision.number}`);
  return switched;
}
