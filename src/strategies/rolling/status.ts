import { isDeployment } from '../../kubernetes/deployment.js';
import { refOf } from '../../kubernetes/object.js';
import { isService, selectorOf } from '../../kubernetes/selectors.js';
import type { RollingState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import type { Outcome } from '../outcome/outcome.js';
import type { Serving } from '../outcome/serving.js';
import { readLive, servingObjects } from '../status/live-state.js';
import { healthOf, statusBase, unfinishedOf } from '../status/release-status.js';

/** Which revision serves users, how many pods and endpoints are ready, what differs from the record, and the history. Only reads. */
export async function rollingStatus(ctx: RunContext, state: RollingState): Promise<Outcome> {
  return { ...statusBase(ctx, state), serving: await servingNow(ctx, state) };
}

async function servingNow(ctx: RunContext, state: RollingState): Promise<Serving> {
  const { current } = state;
  if (current === undefined) return { kind: 'rolling-status', workloads: [], ...unfinishedOf(state) };
  const revision = await ctx.records.readRevision(current);
  const { objects } = revision;
  const services = objects.filter(object => isService(object) && Object.keys(selectorOf(object)).length > 0);
  const [workloads, live] = await Promise.all([
    healthOf(ctx, objects.filter(isDeployment).map(refOf)),
    readLive(ctx, {
      services: services.map(refOf),
      recorded: state.operation === undefined ? servingObjects(revision) : [],
    }),
  ]);
  return { kind: 'rolling-status', current, workloads, live, ...unfinishedOf(state) };
}
