import { replicasOf } from '../../kubernetes/deployment.js';
import { statusOf } from '../../kubernetes/status.js';
import { refOf, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import type { ReleaseState } from '../../release/state.js';
import type { Operation } from '../../release/operation.js';
import type { RunContext } from '../../run/context.js';
import { outcomeBase, type Outcome } from '../outcome/outcome.js';
import type { WorkloadHealth } from '../outcome/status-serving.js';
import { reasonOf } from './services.js';

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

/** Ready pods of these workloads, without those that do not exist or may not be read. */
export async function healthOf(ctx: RunContext, refs: readonly ObjectRef[]): Promise<readonly WorkloadHealth[]> {
  const found = await Promise.all(refs.map(ref => ctx.cluster.get(ref).catch(unreadable)));
  return found.filter(live => live !== undefined).map(workloadHealth);
}

/** The operation that an earlier run has not finished, if there is one. */
export function unfinishedOf({ operation }: ReleaseState): { readonly unfinished?: Operation } {
  return operation === undefined ? {} : { unfinished: operation };
}

/** A workload that may not be read is told as not compared. */
function unreadable(thrown: unknown): undefined {
  void reasonOf(thrown);
  return undefined;
}

function workloadHealth(workload: KubeObject): WorkloadHealth {
  const { readyReplicas = 0, numberAvailable = 0, desiredNumberScheduled = 0 } = statusOf(workload);
  const ref = refOf(workload);
  // A DaemonSet has one pod for each node.
  if (workload.kind === 'DaemonSet') return { ref, ready: numberAvailable, replicas: desiredNumberScheduled };
  return { ref, ready: readyReplicas, replicas: replicasOf(workload) };
}
