import { isDeployment } from '../../kubernetes/deployment.js';
import { refOf } from '../../kubernetes/object.js';
import type { RollingState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import type { Outcome } from '../outcome/outcome.js';
import type { Serving } from '../outcome/serving.js';
import { healthOf, statusBase, unfinishedOf } from '../shared/release-status.js';

/** Which revision serves users, how many pods are ready, and the history. Only reads. */
export async function rollingStatus(ctx: RunContext, state: RollingState): Promise<Outcome> {
  return { ...statusBase(ctx, state), serving: await servingNow(ctx, state) };
}

async function servingNow(ctx: RunContext, state: RollingState): Promise<Serving> {
  const { current } = state;
  if (current === undefined) return { kind: 'rolling-status', workloads: [], ...unfinishedOf(state) };
  const { objects } = await ctx.records.readRevision(current);
  const workloads = await healthOf(ctx, objects.filter(isDeployment).map(refOf));
  return { kind: 'rolling-status', current, workloads, ...unfinishedOf(state) };
}
