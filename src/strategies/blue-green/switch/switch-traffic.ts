import { asCutoverError, sentences } from '../../../errors.js';
import { isRolledBack } from '../../../release/retention.js';
import { historyEntry } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { SwitchOperation } from '../../../release/operation.js';
import {
  begin,
  completeFinish,
  completeSwitch,
  type InProgress,
  type Switching,
} from '../../../release/transitions.js';
import { begunBy } from '../../../run/begun.js';
import type { LockedContext, OperationContext, RunContext } from '../../../run/context.js';
import type { Look } from '../../../traffic/look.js';
import { routerOf } from '../../../traffic/routers.js';
import { pendingAddresses, type PendingAddress } from '../../../traffic/pending-addresses.js';
import type { CheckResult } from '../../../verify/verify.js';
import { checksOf } from '../../shared/checks.js';
import { underTraffic, type SyntheticTraffic } from '../../shared/synthetic-traffic.js';
import { mergedChanges } from '../../outcome/changes.js';
import { FailedStep, outcomeBase, type ObjectChange, type Outcome } from '../../outcome/outcome.js';
import type { IdleResult } from '../../outcome/serving.js';
import { BackupFailed } from '../backup/hot-backup.js';
import { withoutBackupMade } from '../backup/without-backup.js';
import { bake, type Baked } from '../bake/bake.js';
import { LostReadiness } from '../bake/while-ready.js';
import { podsToLeave } from '../closing/left-pods.js';
import { finishSwitch } from './finish-switch.js';
import { saidBy, withUsersNow } from '../operation/users-now.js';
import { sayingHowToGoOn } from './lost-credentials.js';
import { restoreFailedSwitch, restoreTraffic, type RestoredTraffic } from './restore-traffic.js';
import { confirmServed, podsToServe, takeOverServices, verifyPublic } from './served-role.js';
import { journalOf, ServiceSwitch } from './switch-services.js';
import type { RecordedSwitch, TrafficSwitch } from './traffic-switch.js';

/**
 * Moves all users: switch, confirm, verify, then apply the idle policy to the role that they left. On failure users are
 * sent back, provided that the role that they left is ready.
 */
export async function switchTraffic(ctx: LockedContext, trafficSwitch: TrafficSwitch): Promise<Outcome> {
  const { publicServices, checks, revision } = trafficSwitch;
  const [service] = publicServices;
  const users = { service, checks, version: `revision ${revision.number}`, begins: 'later' } as const;
  try {
    return await underTraffic(ctx, users, traffic => moveUsers(ctx, trafficSwitch, traffic));
  } catch (error) {
    throw sayingHowToGoOn(error, trafficSwitch);
  }
}

async function moveUsers(
  ctx: LockedContext,
  trafficSwitch: TrafficSwitch,
  traffic: SyntheticTraffic,
): Promise<Outcome> {
  const { state, revision, to, from, publicServices, verified, approval, direction, policy, notes, checks } =
    trafficSwitch;
  const router = routerOf(ctx);
  const { number } = revision;
  const services = journalOf(trafficSwitch);
  const begun: SwitchOperation = { kind: 'switch', direction, revision: number, role: to, services, ...begunBy(ctx) };
  const writes = new ServiceSwitch(trafficSwitch, { ...begin(state, begun), operation: begun });
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
    operation = await ctx.recordOperation(writes.switching, approval === undefined ? [] : [{ ...revision, approval }]);
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
  // Only until the switch is on record: after that, what fails sends nobody back. A rollback is not undone for it either: users would be
  // sent back to what they leave, because that fails.
  const counts = direction === 'promote';
  const signal = counts ? AbortSignal.any([ctx.signal, traffic.exceeded]) : ctx.signal;
  const watched = { ...ctx, signal };

  let look: Look;
  let mixedMs: number;
  try {
    ({ look, mixedMs } = await ctx.phase('Switch', async () => {
      signal.throwIfAborted();
      const targets = await takeOverServices(forward, trafficSwitch);
      const found = await podsToServe({ ...forward, signal }, router, trafficSwitch);
      signal.throwIfAborted();
      // What fails before is no matter of the switch, and may be its reason.
      traffic.changing();
      return { look: found, mixedMs: await writes.write({ ...forward, signal }, { router, look: found, targets }) };
    }));
  } catch (error) {
    traffic.movedBack();
    // The cause decides only where the journal says that another run has the release by now.
    const failed = { trafficSwitch, switching: writes.switching, ...(writes.isTaken && { cause: error }) };
    const restored = await restoreFailedSwitch(operation, failed, writes.mayBeMade);
    const changes = changesAfter(trafficSwitch, restored);
    throw new FailedStep(error, { ...base, ...restored, changes, checks: stagedChecks });
  }
  let publicChecks: readonly CheckResult[] = [];
  let baked: Baked | undefined;
  let pending: readonly PendingAddress[];
  let switched: InProgress<BlueGreenState>;
  try {
    // Draining the old role before every proxy knows the new one would refuse connections.
    const served = await ctx.phase('Switch', () => confirmServed(watched, router, { trafficSwitch, look }));
    traffic.moved();
    const check = async (run: RunContext, isBaking: boolean): Promise<readonly CheckResult[]> => {
      const results = await verifyPublic(run, served, { isBaking });
      return counts ? traffic.require(results) : results;
    };
    publicChecks = await ctx.phase('Verify public', () => check(watched, false));
    pending = await pendingAddresses(ctx, publicServices);
    const { bakeMs = 0 } = policy;
    if (bakeMs > 0 && from !== undefined) {
      const request = { trafficSwitch, from, router, bakeMs, check: (run: RunContext) => check(run, true) };
      baked = await ctx.phase('Bake', () => bake({ ...forward, signal }, request));
    } else if (bakeMs > 0) ctx.log.info('A first release is not baked: there is no role to send users back to');
    publicChecks = baked?.checks ?? publicChecks;
    // A switch that is not on record looks like an interrupted one and cannot be rolled back, so it counts as failed.
    // Connections that were closed before the bake are not closed again.
    const leftPods = baked === undefined ? await podsToLeave(ctx, trafficSwitch) : [];
    switched = await ctx.phase('Clean up', () =>
      recordSwitch(operation, trafficSwitch, { switching: writes.switching, leftPods }),
    );
  } catch (error) {
    traffic.movedBack();
    const restored = await restoreTraffic(operation, recordedOf(trafficSwitch, writes, error));
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
    // The bake began with the drain.
    const left = baked === undefined ? policy : { ...policy, drainMs: 0 };
    idle = await ctx.phase('Clean up', () =>
      finishSwitch(forward, { state: switched, revision, policy: left, checks, isResumed: false }),
    );
  } catch (error) {
    // A rollback was asked for because the version that users left was bad: they are not sent back to it.
    const isUndone = error instanceof LostReadiness && direction === 'promote';
    const again = isUndone ? await recordAgain(ctx, writes.switching) : undefined;
    if (again !== undefined) {
      const restored = await restoreTraffic(again, recordedOf(trafficSwitch, writes, error));
      throw new FailedStep(error, { ...arrived, ...restored, changes: changesAfter(trafficSwitch, restored) });
    }
    if (error instanceof BackupFailed) {
      const serving = withoutBackupMade(error, { state: switched, revision, role: to });
      const failed = {
        ...arrived,
        checks: [...arrived.checks, ...checksOf(error.cause)],
        changes: notes.list,
        serving,
      };
      throw new FailedStep(error.cause, await withUsersNow(ctx, switched, failed));
    }
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
    serving: {
      ...{ kind: 'switched', ...switchedTo, idle: withConnections(idle, baked) },
      ...(publicServices.length > 1 && { together: { services: publicServices.length, mixedMs } }),
      ...(pending.length > 0 && { pending }),
    },
    ...(canRollBack && { rollbackHint: { action: 'rollback', release, namespace } as const }),
  };
}

function withConnections(idle: IdleResult, baked: Baked | undefined): IdleResult {
  const { connections } = baked ?? {};
  const hasPods = idle.kind === 'kept' || idle.kind === 'scaled-down' || idle.kind === 'backup';
  return connections === undefined || !hasPods ? idle : { ...idle, connections };
}

/**
 * Puts a switch that was recorded as made on record again as in progress, so that the next run knows of it if this one is killed on the way
 * back. `undefined`: that failed, so users stay.
 */
async function recordAgain(ctx: LockedContext, switching: Switching): Promise<OperationContext | undefined> {
  try {
    return await ctx.recordOperation(switching);
  } catch (error) {
    ctx.log.error(sentences('Users are not sent back, because that cannot be recorded', asCutoverError(error).message));
    return undefined;
  }
}

/** The switch as it is on record, to undo it. */
function recordedOf(trafficSwitch: TrafficSwitch, { switching }: ServiceSwitch, cause: unknown): RecordedSwitch {
  const previousServices = switching.operation.services.map(({ before }) => before);
  return { trafficSwitch, previousServices, switching, cause };
}

/** What is changed after a switch that failed: the public Services are not, if users were sent back. */
function changesAfter({ notes }: TrafficSwitch, { serving }: RestoredTraffic): readonly ObjectChange[] {
  const said = saidBy(serving);
  if (said.kind !== 'switched-back') return notes.list;
  return mergedChanges(
    notes.list,
    said.services.map(ref => ({ ref, change: 'restored' as const })),
  );
}

/** After the switch is verified: the record says that users are on the new role, and what is left to do for the old one. */
async function recordSwitch(
  ctx: OperationContext,
  { revision, to, from, direction }: TrafficSwitch,
  { switching, leftPods }: { readonly switching: Switching; readonly leftPods: readonly string[] },
): Promise<InProgress<BlueGreenState>> {
  const entry = historyEntry(ctx.run, revision, direction === 'promote' ? 'switched' : 'rolled-back');
  const switched = completeSwitch(switching, entry, {
    ...(from !== undefined && { leftRole: from }),
    ...(leftPods.length > 0 && { leftPods }),
  });
  await ctx.records.writeState(switched);
  ctx.log.info(`Recorded: users are on ${to}, revision ${revision.number}`);
  return switched;
}
