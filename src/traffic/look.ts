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

/** What users would reach, seen in one look right before the writes. */
export interface Look {
  /** The routing objects as they were read, before anything else of the look: the precondition of each write. */
  readonly before: readonly Snapshot[];
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
  /** Its active pods; if it is served, those that users would reach through every target that leads to them. */
  readonly pods: readonly KubeObject[];
}

/** What a look is about. */
export interface LookRequest {
  /** The routing objects as they would be written. */
  readonly targets: readonly KubeObject[];
  /** What was verified. Only Deployments have a role, so other kinds are ignored. */
  readonly verified: readonly ReadyWorkload[];
}

/** Reads the Services first and then the pods. Throws `changed` when a Deployment is no longer the one that was verified. */
export async function lookAt(cluster: Cluster, { targets, verified }: LookRequest): Promise<Look> {
  const before = await Promise.all(targets.map(target => snapshotOf(cluster, refOf(target))));
  const deployments = verified.filter(({ ref }) => isDeployment(ref));
  const [selected, found] = await Promise.all([
    Promise.all(targets.map(async target => ({ target, pods: await selectedPods(cluster, target) }))),
    Promise.all(deployments.map(workload => findWorkload(cluster, workload))),
  ]);
  const workloads = await Promise.all(
    found.map(async workload => {
      const leading = selected.filter(({ target }) => selects(selectorOf(target), templateLabels(workload.set)));
      const isServed = leading.length > 0;
      const pods = isServed ? inAll(leading.map(one => one.pods)) : await podsOf(cluster, workload);
      return { ...workload, isServed, pods: pods.filter(pod => isActive(pod) && isOf(workload, pod)) };
    }),
  );
  return {
    before,
    workloads,
    others: selected
      .flatMap(({ pods }) => pods)
      .filter(pod => isReady(pod) && !workloads.some(workload => isOf(workload, pod))),
  };
}

async function snapshotOf(cluster: Cluster, ref: ObjectRef): Promise<Snapshot> {
  const object = await cluster.get(ref);
  return { ref, ...(object !== undefined && { object }) };
}

/** The pods that are in every list. */
function inAll([first = [], ...others]: readonly (readonly KubeObject[])[]): readonly KubeObject[] {
  const uids = others.map(pods => new Set(pods.map(({ metadata }) => metadata.uid)));
  return first.filter(({ metadata }) => uids.every(known => known.has(metadata.uid)));
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
