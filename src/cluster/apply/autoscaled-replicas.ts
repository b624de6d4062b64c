import { asCutoverError } from '../../errors.js';
import { autoscalerKinds, isAutoscaler, isScaleTarget } from '../../kubernetes/autoscaler.js';
import { fieldAt } from '../../kubernetes/fields.js';
import type { KindRef, KubeObject } from '../../kubernetes/object.js';
import type { Log } from '../../log.js';
import type { Snapshot } from '../../plan/change.js';
import type { Cluster } from '../cluster.js';
import { isScaledToNone, scaledBy } from './owned-fields.js';

/** Decides whether the live replicas of a workload stay, whatever its snapshot says. */
export type KeepsReplicas = (before: KubeObject, live: KubeObject) => Promise<boolean>;

/**
 * Replicas stay that an autoscaler or a person has set through the scale subresource, now or at the snapshot, and those of a
 * workload that an autoscaler targets, now or at the snapshot: its load decides, not a snapshot. The autoscalers of a
 * namespace are read once, and only if the replicas differ.
 */
export function keepsAutoscaledReplicas({
  cluster,
  snapshots,
  log,
}: {
  readonly cluster: Pick<Cluster, 'list'>;
  readonly snapshots: readonly Snapshot[];
  readonly log: Log;
}): KeepsReplicas {
  const recorded = snapshots.flatMap(({ object }) => (object !== undefined && isAutoscaler(object) ? [object] : []));
  const lists = new Map<string, Promise<readonly KubeObject[]>>();
  const liveAutoscalers = (namespace: string): Promise<readonly KubeObject[]> => {
    const list = lists.get(namespace) ?? listAutoscalers(cluster, { namespace, log });
    lists.set(namespace, list);
    return list;
  };
  return async (before, live) => {
    if (replicasOf(live) === undefined) return false;
    if (scaledBy(live) !== undefined || scaledBy(before) !== undefined || isScaledToNone(live)) return true;
    if (replicasOf(live) === replicasOf(before)) return false;
    const scales = (autoscaler: KubeObject): boolean => isScaleTarget(live, autoscaler);
    return recorded.some(scales) || (await liveAutoscalers(live.metadata.namespace ?? '')).some(scales);
  };
}

/** `spec.replicas`; `undefined`: the object has no such field. */
export function replicasOf(object: KubeObject): unknown {
  return fieldAt(object, ['spec', 'replicas']);
}

async function listAutoscalers(
  cluster: Pick<Cluster, 'list'>,
  { namespace, log }: { readonly namespace: string; readonly log: Log },
): Promise<readonly KubeObject[]> {
  const list = async (kind: KindRef): Promise<readonly KubeObject[]> => {
    try {
      return await cluster.list({ ...kind, namespace });
    } catch (thrown) {
      const { code, message } = asCutoverError(thrown);
      // One that has ever scaled the workload is known from managedFields all the same.
      if (code === 'forbidden') log.warning(`Restoring replicas without looking for a ${kind.kind}: ${message}`);
      else if (code !== 'unknown-kind') throw thrown;
      return [];
    }
  };
  return (await Promise.all(autoscalerKinds.map(list))).flat();
}
