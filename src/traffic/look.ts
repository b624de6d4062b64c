import type { Cluster } from '../cluster/cluster.js';
import { CutoverError } from '../errors.js';
import { isDeployment, replicasOf } from '../kubernetes/deployment.js';
import { describeRef, refOf, type KubeObject, type ObjectRef } from '../kubernetes/object.js';
import { isActive, isReady } from '../kubernetes/pods/pod.js';
import { templateLabels } from '../kubernetes/pods/pod-spec.js';
import { hashLabel, newReplicaSet } from '../kubernetes/pods/pod-template.js';
import { selectorOf, selects } from '../kubernetes/selectors.js';
import type { Snapshot } from '../plan/change.js';
import type { ReadyWorkload } from '../rollout/observer.js';
import { isOf, type WorkloadPods } from './served-pods.js';
import { selectedPods } from './selected-pods.js';

/** What users would reach, seen in one look right before a write. */
export interface Look {
  /** The routing object as it was read, before anything else of the look: the precondition of the write. */
  readonly before: Snapshot;
  /** The Deployments that were verified, with their pods. */
  readonly workloads: readonly SeenWorkload[];
  /** Ready pods that users would reach and that are of none of these Deployments, or of another template. */
  readonly others: readonly KubeObject[];
}

/** A verified Deployment. `wanted` is what its live spec wants. */
export interface SeenWorkload extends WorkloadPods {
  readonly live: KubeObject;
  /** Its ReplicaSet. */
  readonly set: KubeObject;
  /** Whether users would reach its pods. */
  readonly isServed: boolean;
  /** Its active pods; if it is served, those that users would reach. */
  readonly pods: readonly KubeObject[];
}

/** What a look is about. */
export interface LookRequest {
  /** The routing object as it would be written. */
  readonly target: KubeObject;
  /** What was verified. Only Deployments have a role, so other kinds are ignored. */
  readonly verified: readonly ReadyWorkload[];
}

/** Reads the Service first and then the pods. Throws `changed` when a Deployment is no longer the one that was verified. */
export async function lookAt(cluster: Cluster, service: ObjectRef, request: LookRequest): Promise<Look> {
  const { target, verified } = request;
  const object = await cluster.get(service);
  const deployments = verified.filter(({ ref }) => isDeployment(ref));
  const [selected, found] = await Promise.all([
    selectedPods(cluster, target),
    Promise.all(deployments.map(workload => findWorkload(cluster, workload))),
  ]);
  const workloads = await Promise.all(
    found.map(async workload => {
      const isServed = selects(selectorOf(target), templateLabels(workload.set));
      const pods = isServed ? selected : await podsOf(cluster, workload);
      return { ...workload, isServed, pods: pods.filter(pod => isActive(pod) && isOf(workload, pod)) };
    }),
  );
  return {
    before: { ref: service, ...(object !== undefined && { object }) },
    workloads,
    others: selected.filter(pod => isReady(pod) && !workloads.some(workload => isOf(workload, pod))),
  };
}

async function findWorkload(
  cluster: Cluster,
  { ref, uid, templateHash = '' }: ReadyWorkload,
): Promise<Omit<SeenWorkload, 'isServed' | 'pods'>> {
  const { namespace } = ref;
  const kind = { apiVersion: 'apps/v1', kind: 'ReplicaSet', ...(namespace !== undefined && { namespace }) };
  const [live, sets] = await Promise.all([
    cluster.get(ref),
    cluster.list(kind, { labelSelector: `${hashLabel}=${templateHash}` }),
  ]);
  if (live === undefined) throw changed(ref, 'is gone');
  if (live.metadata.uid !== uid) throw changed(ref, 'was deleted and recreated');
  const set = newReplicaSet(live, sets);
  const owner = set?.metadata.uid;
  if (set === undefined || owner === undefined) throw changed(ref, 'got another pod template');
  return { ref, owner, templateHash, wanted: replicasOf(live), live, set };
}

/** The pods with the template of a workload that the Service does not select. */
async function podsOf(
  cluster: Cluster,
  { live, templateHash }: Pick<SeenWorkload, 'live' | 'templateHash'>,
): Promise<readonly KubeObject[]> {
  const { namespace } = refOf(live);
  const kind = { apiVersion: 'v1', kind: 'Pod', ...(namespace !== undefined && { namespace }) };
  return cluster.list(kind, { labelSelector: `${hashLabel}=${templateHash}` });
}

function changed(ref: ObjectRef, how: string): CutoverError {
  const name = describeRef(ref);
  return new CutoverError(`${name} ${how} after it was verified`, {
    code: 'changed',
    object: name,
    hint: 'Somebody or something else changed it. Verify it again: run this step again, or deploy again if the step refuses.',
  });
}
