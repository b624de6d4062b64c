import { asCutoverError } from '../../../errors.js';
import { replicasOf, withReplicas } from '../../../kubernetes/deployment.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import type { PlanNote } from '../../outcome/plan-note.js';
import type { Staging } from '../staging/staging.js';
import { closingTime, totalMs, type ToReplace } from './closing-time.js';
import { mostStaying, reachableDeployments, reachablePods } from './left-pods.js';

/** What a switch of this staging would do about connections that users keep open; empty: nothing, or there are no users yet. */
export async function planClosing(
  ctx: RunContext,
  { deploy, active, adoption }: Staging,
): Promise<readonly PlanNote[]> {
  const { inputs, state } = deploy;
  const { closeConnections, idlePolicy, drainMs, timeoutMs } = inputs;
  const most = mostStaying(idlePolicy);
  // Of a role that is adopted first, nothing exists yet.
  if (closeConnections === 'off' || most === 0 || active.kind === 'none' || adoption !== undefined) return [];
  const deployments = await toReplace(ctx, state, active.role);
  const staying = deployments.map(({ live, pods }) => {
    const left = withReplicas(live, Math.min(replicasOf(live), most));
    return { live: left, ...(pods !== undefined && { pods }) };
  });
  const time = closingTime(staying.filter(({ live }) => replicasOf(live) > 1));
  if (time.pods === 0) return [];
  const by = inputs.switch === 'auto' ? ('deploy' as const) : ('promote' as const);
  const isTooLong = totalMs(time) > timeoutMs;
  return [{ kind: 'to-close-connections', role: active.role, time, drainMs, by, ...(isTooLong && { timeoutMs }) }];
}

/** A plan needs no right to read pods: without it, how long a pod takes to start is not known. */
async function toReplace(ctx: RunContext, state: BlueGreenState, role: string): Promise<readonly ToReplace[]> {
  try {
    return await reachablePods(ctx, state, role);
  } catch (error) {
    if (asCutoverError(error).code !== 'forbidden') throw error;
  }
  return (await reachableDeployments(ctx, state, role)).map(live => ({ live }));
}
