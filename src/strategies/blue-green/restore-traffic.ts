import { asCutoverError } from '../../errors.js';
import { refOf } from '../../kubernetes/object.js';
import { recordFailure } from '../../release/record-failure.js';
import { historyEntry } from '../../release/revision.js';
import type { BlueGreenState, HistoryEntry, SwitchOperation } from '../../release/state.js';
import { abandon, begin, withHistory } from '../../release/transitions.js';
import { begunBy } from '../../run/begun.js';
import type { LockedContext, OperationContext } from '../../run/context.js';
import { confirmMs } from '../../traffic/endpoint-slices.js';
import type { TrafficRouter } from '../../traffic/router.js';
import { routerOf } from '../../traffic/routers.js';
import type { Outcome } from '../outcome/outcome.js';
import { withoutLock } from '../outcome/restored.js';
import type { WhyNotSwitchedBack } from '../outcome/serving.js';
import { withUsersNow } from './operation/users-now.js';
import type { RecordedSwitch, SwitchToRestore } from './traffic-switch.js';

/** Where users are after a switch that failed. */
export type RestoredTraffic = Pick<Outcome, 'serving' | 'activeRole' | 'idleRole' | 'stagedRole'>;

/** The write that failed, or was never sent. */
export interface FailedSwitch {
  /** Whether the write may have been made all the same: by this run, whose answer is not known, or by a killed one. */
  readonly mayBeMade: boolean;
}

/**
 * After the write itself failed, or was not sent. If it may have been made, reads where the router sends users now, and restores
 * traffic if it was. Otherwise nothing changed: whoever leads users to the role meanwhile is somebody else, who may know that it
 * is the better one. If the router cannot be read, the record keeps the snapshot.
 */
export async function restoreFailedSwitch(
  ctx: OperationContext,
  recorded: RecordedSwitch,
  { mayBeMade }: FailedSwitch,
): Promise<RestoredTraffic> {
  const { trafficSwitch, switching } = recorded;
  const { revision, from, publicService } = trafficSwitch;
  const failed = historyEntry(ctx.run, revision, 'failed');
  const target = { object: publicService, force: revision.force };
  let switched: boolean;
  try {
    switched = mayBeMade && (await routerOf(ctx, refOf(publicService)).isSetTo(target));
  } catch (error) {
    const note = await recordFailure(ctx.records, withHistory(switching, failed));
    return { serving: { kind: 'switch-unknown', reason: asCutoverError(error).message, ...note } };
  }
  if (switched) return restoreTraffic(ctx, recorded);
  const note = await recordFailure(ctx.records, undone(recorded, failed));
  return withUsersNow(ctx, switching, {
    ...(from !== undefined && { activeRole: from }),
    ...(switching.staged !== undefined && { stagedRole: switching.staged.role }),
    serving: { kind: 'switch-failed', ...(from !== undefined && { active: from }), ...note },
  });
}

/** Sends users back, unless the role that they left cannot serve. Goes on after a cancel; never throws, so that the cause stays. */
export async function restoreTraffic(ctx: OperationContext, recorded: RecordedSwitch): Promise<RestoredTraffic> {
  return withUsersNow(ctx, recorded.switching, await switchBackIfSafe(ctx, recorded));
}

async function switchBackIfSafe(ctx: OperationContext, recorded: RecordedSwitch): Promise<RestoredTraffic> {
  const { trafficSwitch, previousService, cause } = recorded;
  const { from, policy } = trafficSwitch;
  const code = cause === undefined ? undefined : asCutoverError(cause).code;
  const without = code === 'changed' ? ({ kind: 'lock-lost' } as const) : withoutLock(ctx.lockLost);
  if (without !== undefined) return leaveSwitched(ctx, recorded, without);
  if (code === 'record-unknown') return leaveSwitched(ctx, recorded, { kind: code });
  if (!policy.rollbackOnFailure) return leaveSwitched(ctx, recorded, { kind: 'rollback-disabled' });
  try {
    return await ctx.phase('Restore', async () => {
      const router = routerOf(ctx, previousService.ref);
      const pods = await router.readyPods(previousService.object);
      if (from !== undefined && pods.length === 0) {
        ctx.log.error(
          `${from} has no ready pod, so users were not sent back to it. Both roles may be unhealthy: look at them now.`,
        );
        return leaveSwitched(ctx, recorded, { kind: 'no-ready-pod', role: from });
      }
      return await switchBack(ctx, recorded, router);
    });
  } catch (error) {
    return leaveSwitched(ctx, recorded, { kind: 'failed', reason: asCutoverError(error).message });
  }
}

/**
 * After a killed run had made the switch, and the role that it switched to fails now: as after a switch of this run. Throws
 * when the record cannot be written first.
 */
export async function restoreKilledSwitch(
  ctx: LockedContext,
  trafficSwitch: SwitchToRestore,
  operation: SwitchOperation,
): Promise<RestoredTraffic> {
  const switching = begin(trafficSwitch.state, { ...operation, ...begunBy(ctx) });
  const { previousService } = operation;
  return restoreTraffic(await ctx.recordOperation(switching), { trafficSwitch, previousService, switching });
}

async function switchBack(
  ctx: OperationContext,
  recorded: RecordedSwitch,
  router: TrafficRouter,
): Promise<RestoredTraffic> {
  const { trafficSwitch, previousService } = recorded;
  const { to: role, from, state, revision } = trafficSwitch;
  await router.restore(previousService, ctx.writer);
  const failed = historyEntry(ctx.run, revision, 'failed');
  const note = await recordFailure(ctx.records, undone(recorded, failed));
  const service = previousService.ref;
  const { object } = previousService;
  if (from === undefined || object === undefined) return { serving: { kind: 'switched-back', service, ...note } };
  const to = { role: from, ...(state.current !== undefined && { revision: state.current }) };
  const roles = {
    activeRole: from,
    idleRole: role,
    ...(state.staged !== undefined && { stagedRole: state.staged.role }),
  };
  const serving = { kind: 'switched-back', service, to, ...note } as const;
  if (ctx.signal.aborted) return { ...roles, serving };
  try {
    // Whatever the Service selected before is right again, also pods that became ready since.
    await router.confirm({ object }, { timeoutMs: confirmMs, signal: new AbortController().signal });
    return { ...roles, serving };
  } catch (error) {
    return { ...roles, serving: { ...serving, unconfirmed: asCutoverError(error).message } };
  }
}

/** The state without the switch. An operation that was unfinished when the switch replaced it on record is on record again. */
function undone({ trafficSwitch, switching }: RecordedSwitch, failed: HistoryEntry): BlueGreenState {
  const { operation } = trafficSwitch.state;
  const abandoned = abandon<BlueGreenState>(switching, failed);
  const wasUnfinished = operation?.kind === 'finish' || operation?.kind === 'stage' || operation?.kind === 'reject';
  return wasUnfinished ? begin(abandoned, operation) : abandoned;
}

async function leaveSwitched(
  ctx: OperationContext,
  { trafficSwitch, previousService, switching }: RecordedSwitch,
  why: WhyNotSwitchedBack,
): Promise<RestoredTraffic> {
  const { to: role, revision } = trafficSwitch;
  const failed = historyEntry(ctx.run, revision, 'failed');
  const note = await recordFailure(ctx.records, withHistory(switching, failed));
  return {
    activeRole: role,
    serving: { kind: 'not-switched-back', service: previousService.ref, role, revision: revision.number, why, ...note },
  };
}
