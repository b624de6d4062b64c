import { refOf } from '../../kubernetes/object.js';
import { isService, selectorOf } from '../../kubernetes/selectors.js';
import { isServingWorkload } from '../../kubernetes/workload.js';
import type { RollingState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import type { Outcome } from '../outcome/outcome.js';
import type { Serving } from '../outcome/serving.js';
import { findRevision } from '../recorded/find-revision.js';
import { readLive, servingObjects } from '../status/live-state.js';
import { healthOf, statusBase, unfinishedOf } from '../status/release-status.js';

/** Which revision serves users, how many pods and endpoints are ready, what differs from the record, and the history. Only reads. */
export async function rollingStatus(ctx: RunContext, state: RollingState): Promise<Outcome> {
  return { ...statusBase(ctx, state), serving: await servingNow(ctx, state) };
}

async function servingNow(ctx: RunContext, state: RollingState): Promise<Serving> {
  const { current, operation } = state;
  const revision = current === undefined ? undefined : await findRevision(ctx, current);
  const objects = revision?.objects ?? [];
  const services = objects.filter(object => isService(object) && Object.keys(selectorOf(object)).length > 0);
  const [workloads, live] = await Promise.all([
    healthOf(ctx, objects.filter(isServingWorkload).map(refOf)),
    readLive(ctx, {
      services: services.map(refOf),
      recorded: operation === undefined && revision !== undefined ? servingObjects(revision) : [],
      lost: current !== undefined && revision === undefined ? [current] : [],
    }),
  ]);
  return { kind: 'rolling-status', ...(current !== undefined && { current }), workloads, live, ...unfinishedOf(state) };
}
