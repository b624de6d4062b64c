import { activePods, isReady } from '../../../../kubernetes/pods/pod.js';
import { statusOf } from '../../../../kubernetes/status.js';
import { fieldAt } from '../../../../kubernetes/fields.js';
import { refOf, type KubeObject } from '../../../../kubernetes/object.js';
import { hashLabel } from '../../../../kubernetes/pods/pod-template.js';
import { specOf } from '../../../../kubernetes/workload.js';
import type { RunContext } from '../../../../run/context.js';
import { selectedPods } from '../../../../traffic/selected-pods.js';
import { inRollout, noReadyPod, notOfDeployment, severalOwners } from './refusals.js';

/** The Deployment behind a public Service that knows no roles. */
export interface ServingDeployment {
  readonly deployment: KubeObject;
  /** The ReplicaSet of its pods. */
  readonly replicaSet: KubeObject;
  /** The pods that the Service selects. */
  readonly pods: readonly KubeObject[];
}

/** The one settled Deployment whose pods the Service selects. Throws `roles` when there is none. Only reads. */
export async function findServing(ctx: RunContext, service: KubeObject): Promise<ServingDeployment> {
  const pods = await servingPods(ctx, service);
  const found = await ownersOf(ctx, service, pods);
  const reason = unsettled(found.deployment, pods.length);
  if (reason !== undefined) throw inRollout(service, { deployment: found.deployment, reason });
  return { ...found, pods };
}

/** Why the rollout of a Deployment is not complete, so that its pods may be of several versions; `undefined`: it is. */
export function unsettled(deployment: KubeObject, pods: number): string | undefined {
  const { replicas = 1 } = specOf(deployment);
  const status = statusOf(deployment);
  if (fieldAt(deployment, ['spec', 'paused']) === true) return 'it is paused';
  if (status.observedGeneration !== deployment.metadata.generation)
    return 'its controller has not seen its last change';
  if (status.updatedReplicas !== replicas)
    return `${status.updatedReplicas ?? 0} of ${replicas} pods are of its last version`;
  if (status.readyReplicas !== replicas) return `${status.readyReplicas ?? 0} of ${replicas} pods are ready`;
  return pods === replicas ? undefined : `the Service selects ${pods} of its pods, and it has ${replicas}`;
}

/** The pods that a Service selects and that count. Throws `roles` when none of them is ready. */
async function servingPods(ctx: RunContext, service: KubeObject): Promise<readonly KubeObject[]> {
  const pods = activePods(await selectedPods(ctx.cluster, service));
  if (pods.some(isReady)) return pods;
  throw noReadyPod(service);
}

/** The one Deployment that owns all pods, which are of one template. */
async function ownersOf(
  ctx: RunContext,
  service: KubeObject,
  pods: readonly KubeObject[],
): Promise<Omit<ServingDeployment, 'pods'>> {
  const { namespace } = refOf(service);
  const here = namespace === undefined ? {} : { namespace };
  const owners = new Map(pods.map(pod => [ownerKey(pod), pod]));
  const [sample, ...more] = owners.values();
  const names = [...owners.keys()].join(', ');
  if (sample === undefined || more.length > 0) throw severalOwners(service, names);
  const [controller] = sample.metadata.ownerReferences ?? [];
  const hash = sample.metadata.labels?.[hashLabel];
  if (controller?.kind !== 'ReplicaSet' || hash === undefined)
    throw notOfDeployment(service, `its pods are not those of a Deployment but of ${names}`);
  const sets = await ctx.cluster.list(
    { apiVersion: 'apps/v1', kind: 'ReplicaSet', ...here },
    { labelSelector: `${hashLabel}=${hash}` },
  );
  const replicaSet = sets.find(({ metadata }) => metadata.uid === controller.uid);
  const owner = replicaSet?.metadata.ownerReferences?.[0];
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: owner?.name ?? '', ...here };
  const deployment = owner?.kind === 'Deployment' ? await ctx.cluster.get(ref) : undefined;
  if (replicaSet === undefined || deployment === undefined)
    throw notOfDeployment(service, `ReplicaSet ${controller.name} is not of a Deployment`);
  return { deployment, replicaSet };
}

function ownerKey({ metadata }: KubeObject): string {
  const [owner] = metadata.ownerReferences ?? [];
  return owner === undefined ? `Pod ${metadata.name}` : `${owner.kind} ${owner.name}`;
}
