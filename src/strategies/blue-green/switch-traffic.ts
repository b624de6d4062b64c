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
import { isOf } from '../../traffic/served-pods.js';
import { requireReadyRole } from '../../traffic/switch-precondition.js';
import type { CheckResult } from '../../verify/verify.js';
import { checksOf, requireChecks } from '../shared/checks.js';
import { FailedStep, outcomeBase, type Outcome } from '../outcome/outcome.js';
import type { IdleResult, SwitchedTo } from '../outcome/serving.js';
import { finishSwitch } from './finish-switch.js';
import { readActive } from './live-traffic.js';
import { deploymentsOf } from './operation/counterparts.js';
import { sizesOf } from './operation/sizes.js';
import { takeOverService } from './operation/take-over-service.js';
import { restoreFailedSwitch, restoreTraffic } from './restore-traffic.js';
import type { RecordedSwitch, TrafficSwitch } from './traffic-switch.js';

/**
 * Moves all users: switch, confirm, verify, then apply the idle policy to the role that they left. On failure users are
 * sent back, provided that the role that they left is ready.
 */
export async function switchTraffic(ctx: LockedContext, trafficSwitch: TrafficSwitch): Promise<Outcome> {
  const { state, revision, to, from, publicService, verified, approval, direction, policy } = trafficSwitch;
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
    changes: [{ ref: service, change: trafficSwitch.liveBefore.object === undefined ? 'created' : 'changed' }],
  } as const;
  const { stagedChecks } = verified;
  let operation: OperationContext;
  try {
    // On record before the switch: after a killed run, the next one knows where to send users back to.
    operation = await ctx.recordOperation(switching, approval === undefined ? [] : [{ ...revision, approval }]);
  } catch (error) {
    const serving = { kind: 'not-switched', ...(from !== undefined && { active: from }) } as const;
    throw new FailedStep(error, { ...base, changes: [], checks: stagedChecks, serving });
  }

  let look: Look;
  try {
    look = await ctx.phase('Switch', async () => {
      ctx.signal.throwIfAborted();
      const { object: live } = trafficSwitch.liveBefore;
      const force = await takeOverService(operation, { target: publicService, live, force: revision.force });
      const found = await podsToServe(operation, router, trafficSwitch);
      await router.set({ object: publicService, force }, found.before, operation.writer);
      return found;
    });
  } catch (error) {
    throw new FailedStep(error, { ...base, ...(await restoreFailedSwitch(operation, recorded)), checks: stagedChecks });
  }
  let publicChecks: readonly CheckResult[] = [];
  let switched: InProgress<BlueGreenState>;
  try {
    // Draining the old role before every proxy knows the new one would refuse connections.
    const served = await ctx.phase('Switch', () => confirmServed(ctx, router, { trafficSwitch, look }));
    publicChecks = await ctx.phase('Verify public', () => verifyPublic(ctx, served));
    // A switch that is not on record looks like an interrupted one and cannot be rolled back, so it counts as failed.
    switched = await ctx.phase('Clean up', () => recordSwitch(operation, trafficSwitch, switching));
  } catch (error) {
    const restored = await restoreTraffic(operation, { ...recorded, cause: error });
    throw new FailedStep(error, {
      ...base,
      ...restored,
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
    idle = await ctx.phase('Clean up', () => finishSwitch(operation, { state: switched, revision, policy }));
  } catch (error) {
    throw new FailedStep(error, { ...arrived, ...(await usersNow(ctx, switched, switchedTo)) });
  }
  const { release, namespace } = base;
  // A rollback that follows a rollback changes nothing.
  const canRollBack =
    from !== undefined && state.roles[from]?.revision !== undefined && !isRolledBack(completeFinish(switched));
  return {
    ...arrived,
    outcome: direction === 'promote' ? 'switched' : 'rolled-back',
    serving: { kind: 'switched', ...switchedTo, idle },
    ...(canRollBack && { rollbackHint: { action: 'rollback', release, namespace } as const }),
  };
}

/** Where users are when the work after a switch has failed: somebody may have led them elsewhere since. */
async function usersNow(
  ctx: RunContext,
  state: BlueGreenState,
  switchedTo: SwitchedTo,
): Promise<Pick<Outcome, 'serving' | 'activeRole' | 'idleRole'>> {
  const unfinished = { kind: 'switched-unfinished', ...switchedTo } as const;
  try {
    const { active } = await readActive(ctx, state);
    if (active.kind === 'none') return { serving: { ...unfinished, moved: {} } };
    if (active.role === switchedTo.role) return { serving: unfinished };
    const { role: activeRole, idle: idleRole } = active;
    return { activeRole, idleRole, serving: { ...unfinished, moved: { active: activeRole } } };
  } catch (error) {
    // The Service selects no role, or both. Otherwise it cannot be read, and was verified a moment ago.
    return { serving: asCutoverError(error).code === 'roles' ? { kind: 'unknown' } : unfinished };
  }
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
