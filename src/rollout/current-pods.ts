import type { Cluster } from '../cluster/cluster.js';
import type { KubeObject } from '../kubernetes/object.js';
import { hashLabel, revisionLabel } from '../kubernetes/pods/pod-template.js';
import { activePods } from '../kubernetes/pods/pod.js';
import { ownedBy } from '../kubernetes/workload.js';
import type { ReadyWorkload } from './observer.js';

/** The pods that a workload has by now in the version that was ready: others may have taken the place of those that were. One request. */
export async function currentPods(
  cluster: Pick<Cluster, 'list'>,
  { ref, uid, templateHash }: ReadyWorkload,
): Promise<readonly KubeObject[]> {
  const { kind, name, namespace } = ref;
  const label = kind === 'Deployment' ? hashLabel : revisionLabel;
  const pods = await cluster.list(
    { apiVersion: 'v1', kind: 'Pod', ...(namespace !== undefined && { namespace }) },
    templateHash === undefined ? {} : { labelSelector: `${label}=${templateHash}` },
  );
  // The controller names the ReplicaSet of a Deployment so.
  const replicaSet = `${name}-${templateHash ?? ''}`;
  const isOwn = (pod: KubeObject): boolean =>
    kind === 'Deployment'
      ? (pod.metadata.ownerReferences ?? []).some(owner => owner.kind === 'ReplicaSet' && owner.name === replicaSet)
      : ownedBy(pod, uid);
  return activePods(pods.filter(isOwn));
}
