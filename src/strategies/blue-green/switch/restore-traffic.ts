import { asCutoverError } from '../../../errors.js';
import { describeRef, refKey, refOf, type ObjectRef } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import { recordFailure } from '../../../release/record-failure.js';
import { historyEntry } from '../../../release/revision.js';
import type { BlueGreenState, HistoryEntry } from '../../../release/state.js';
import type { SwitchOperation } from '../../../release/operation.js';
import { abandon, begin, withHistory } from '../../../release/transitions.js';
import { begunBy } from '../../../run/begun.js';
import type { LockedContext, OperationContext } from '../../../run/context.js';
import { confirmMs } from '../../../traffic/endpoint-slices.js';
import type { TrafficRouter } from '../../../traffic/router.js';
import { routerOf } from '../../../traffic/routers.js';
import type { Outcome } from '../../outcome/outcome.js';
import { withoutLock } from '../../outcome/restored.js';
import type { WhyNotSwitchedBack } from '../../outcome/serving.js';
import { MovedAway } from '../operation/moved-away.js';
import { removeStagedAutoscalers } from './remove-staged-autoscalers.js';
import { withUsersNow } from '../operation/users-now.js';
import type { RecordedSwitch, SwitchToRestore } from './traffic-switch.js';

/** Where users are after a switch that failed. */
export type RestoredTraffic = Pick<Outcome, 'serving' | 'activeRole' | 'idleRole' | 'stagedRole'>;

/** A switch whose writes failed, or were never sent. */
export type FailedSwitch = Omit<RecordedSwitch, 'previousServices'>;

/**
 * After a write of the switch failed, or was not sent. Of the Services whose write may have been made, by this run or by a killed
 * one, reads where the router sends users now, and restores those that were switched. Otherwise nothing changed: whoever leads users to the role meanwhile is somebody else, who may know that it
 * is the better one. If the router cannot be read, the record keeps the snapshot.
 */
export async function restoreFailedSwitch(
  ctx: OperationContext,
  recorded: FailedSwitch,
  mayBeMade: readonly ObjectRef[],
): Promise<RestoredTraffic> {
  const { trafficSwitch, switching } = recorded;
  const { revision, from } = trafficSwitch;
  const failed = historyEntry(ctx.run, revision, 'failed');
  let previousServices: readonly Snapshot[];
  try {
    previousServices = await switchedOf(ctx, recorded, mayBeMade);
  } catch (error) {
    const note = await recordFailure(ctx.records, withHistory(switching, failed));
    return { serving: { kind: 'switch-unknown', reason: asCutoverError(error).message, ...note } };
  }
  if (previousServices.length > 0) return restoreTraffic(ctx, { ...recorded, previousServices });
  const note = await recordFailure(ctx.records, undone(recorded, failed));
  return withUsersNow(ctx, switching, {
    ...(from !== undefined && { activeRole: from }),
    ...(switching.staged !== undefined && { stagedRole: switching.staged.role }),
    serving: { kind: 'switch-failed', ...(from !== undefined && { active: from }), ...note },
  });
}

/** The Services, as they were before the switch, that lead users to where it was to send them. */
async function switchedOf(
  ctx: OperationContext,
  { trafficSwitch, switching }: FailedSwitch,
  mayBeMade: readonly ObjectRef[],
): Promise<readonly Snapshot[]> {
  const { publicServices } = trafficSwitch;
  const keys = new Set(mayBeMade.map(refKey));
  const objects = publicServices.filter(object => keys.has(refKey(refOf(object))));
  const router = routerOf(ctx);
  const set = await Promise.all(objects.map(object => router.isSetTo(object)));
  const switched = new Set(objects.filter((_, index) => set[index]).map(object => refKey(refOf(object))));
  return switching.operation.services.map(({ before }) => before).filter(({ ref }) => switched.has(refKey(ref)));
}

/** Sends users back, unless the role that they left cannot serve. Goes on after a cancel; never throws, so that the cause stays. */
export async function restoreTraffic(ctx: OperationContext, recorded: RecordedSwitch): Promise<RestoredTraffic> {
  return withUsersNow(ctx, recorded.switching, await switchBackIfSafe(ctx, recorded));
}

async function switchBackIfSafe(ctx: OperationContext, recorded: RecordedSwitch): Promise<RestoredTraffic> {
  const { trafficSwitch, previousServices, cause } = recorded;
  const { from, policy } = trafficSwitch;
  if (cause instanceof MovedAway) return leaveSwitched(ctx, recorded, { kind: 'moved-away' });
  const code = cause === undefined ? undefined : asCutoverError(cause).code;
  const without = code === 'changed' ? ({ kind: 'lock-lost' } as const) : withoutLock(ctx.lockLost);
  if (without !== undefined) return leaveSwitched(ctx, recorded, without);
  if (code === 'record-unknown') return leaveSwitched(ctx, recorded, { kind: code });
  if (!policy.rollbackOnFailure) return leaveSwitched(ctx, recorded, { kind: 'rollback-disabled' });
  try {
    return await ctx.phase('Restore', async () => {
      const router = routerOf(ctx);
      const pods = await Promise.all(previousServices.map(({ object }) => router.readyPods(object)));
      const empty = previousServices.filter((_, index) => pods[index]?.length === 0);
      if (from !== undefined && empty.length > 0) {
        const behind =
          previousServices.length === 1 ? '' : ` for ${empty.map(({ ref }) => describeRef(ref)).join(', ')}`;
        ctx.log.error(
          `${from} has no ready pod${behind}, so users were not sent back to it. Both roles may be unhealthy: look at them now.`,
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
  const resumed = { ...operation, ...begunBy(ctx) };
  const switching = { ...begin(trafficSwitch.state, resumed), operation: resumed };
  const previousServices = operation.services.filter(({ sent }) => sent).map(({ before }) => before);
  return restoreTraffic(await ctx.recordOperation(switching), { trafficSwitch, previousServices, switching });
}

async function switchBack(
  ctx: OperationContext,
  recorded: RecordedSwitch,
  router: TrafficRouter,
): Promise<RestoredTraffic> {
  const { trafficSwitch, previousServices } = recorded;
  const { to: role, from, state, revision } = trafficSwitch;
  await restoreAll(ctx, router, previousServices);
  await removeStagedAutoscalers(ctx, { state, role, revision });
  const failed = historyEntry(ctx.run, revision, 'failed');
  const note = await recordFailure(ctx.records, undone(recorded, failed));
  const services = previousServices.map(({ ref }) => ref);
  const objects = previousServices.map(({ object }) => object).filter(object => object !== undefined);
  if (from === undefined || objects.length === 0) return { serving: { kind: 'switched-back', services, ...note } };
  const to = { role: from, ...(state.current !== undefined && { revision: state.current }) };
  const roles = {
    activeRole: from,
    idleRole: role,
    ...(state.staged !== undefined && { stagedRole: state.staged.role }),
  };
  const serving = { kind: 'switched-back', services, to, ...note } as const;
  if (ctx.signal.aborted) return { ...roles, serving };
  try {
    // Whatever a Service selected before is right again, also pods that became ready since.
    for (const object of objects)
      await router.confirm({ object }, { timeoutMs: confirmMs, signal: new AbortController().signal });
    return { ...roles, serving };
  } catch (error) {
    return { ...roles, serving: { ...serving, unconfirmed: asCutoverError(error).message } };
  }
}

/** Restores each of the Services, whatever becomes of the others. Throws the first error. */
async function restoreAll(ctx: OperationContext, router: TrafficRouter, before: readonly Snapshot[]): Promise<void> {
  const errors: unknown[] = [];
  for (const one of before) await router.restore(one, ctx.writer).catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw errors[0];
}

/** The state without the switch. An operation that was unfinished when the switch replaced it on record is on record again. */
function undone(
  { trafficSwitch, switching }: Pick<RecordedSwitch, 'trafficSwitch' | 'switching'>,
  failed: HistoryEntry,
): BlueGreenState {
  const { operation } = trafficSwitch.state;
  const abandoned = abandon<BlueGreenState>(switching, failed);
  const wasUnfinished = operation?.kind === 'finish' || operation?.kind === 'stage' || operation?.kind === 'reject';
  return wasUnfinished ? begin(abandoned, operation) : abandoned;
}

async function leaveSwitched(
  ctx: OperationContext,
  { trafficSwitch, previousServices, switching }: RecordedSwitch,
  why: WhyNotSwitchedBack,
): Promise<RestoredTraffic> {
  const { to: role, revision } = trafficSwitch;
  const services = previousServices.map(({ ref }) => ref);
  const failed = historyEntry(ctx.run, revision, 'failed');
  const note = await recordFailure(ctx.records, withHistory(switching, failed));
  return {
    activeRole: role,
    serving: { kind: 'not-switched-back', services, role, revision: revision.number, why, ...note },
  };
}
