import { replicasOf } from '../../kubernetes/deployment.js';
import { refOf, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import type { Operation, ReleaseState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import { outcomeBase, type Outcome } from '../outcome/outcome.js';
import type { WorkloadHealth } from '../outcome/serving.js';

/** What `status` reports of a release of any strategy: everything but what serves users. */
export function statusBase(ctx: RunContext, state: ReleaseState): Omit<Outcome, 'serving'> {
  return {
    ...outcomeBase(ctx, state.strategy),
    outcome: 'status',
    changes: [],
    checks: [],
    history: state.history,
    ...(state.current !== undefined && { revision: state.current }),
  };
}

/** Ready pods of these Deployments, without those that do not exist. */
export async function healthOf(ctx: RunContext, refs: readonly ObjectRef[]): Promise<readonly WorkloadHealth[]> {
  const found = await Promise.all(refs.map(ref => ctx.cluster.get(ref)));
  return found.filter(live => live !== undefined).map(workloadHealth);
}

/** The operation that an earlier run has not finished, if there is one. */
export function unfinishedOf({ operation }: ReleaseState): { readonly unfinished?: Operation } {
  return operation === undefined ? {} : { unfinished: operation };
}

function workloadHealth(deployment: KubeObject): WorkloadHealth {
  const { readyReplicas = 0 } = (deployment['status'] ?? {}) as { readyReplicas?: number };
  return { ref: refOf(deployment), ready: readyReplicas, replicas: replicasOf(deployment) };
}
