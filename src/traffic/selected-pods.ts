import type { Cluster } from '../cluster/cluster.js';
import { refOf, type KubeObject } from '../kubernetes/object.js';
import { labelSelectorOf } from '../kubernetes/selectors.js';

/** The pods that a Service selects, in any state. */
export async function selectedPods(cluster: Cluster, service: KubeObject): Promise<readonly KubeObject[]> {
  const { namespace } = refOf(service);
  return cluster.list(
    { apiVersion: 'v1', kind: 'Pod', ...(namespace !== undefined && { namespace }) },
    { labelSelector: labelSelectorOf(service) },
  );
}
