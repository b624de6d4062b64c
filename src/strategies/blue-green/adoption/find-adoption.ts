import { selectorOf } from '../../../kubernetes/selectors.js';
import { activePods, isReady } from '../../../kubernetes/pod.js';
import { statusOf } from '../../../kubernetes/status.js';
import { fieldManager } from '../../../cluster/apply/field-manager.js';
import { appliedBy } from '../../../cluster/apply/owned-fields.js';
import { planOwnershipMigration, type OwnershipMigration } from '../../../cluster/apply/ownership-migration.js';
import { CutoverError } from '../../../errors.js';
import { fieldAt, withField } from '../../../kubernetes/fields.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../../kubernetes/object.js';
import { hashLabel } from '../../../kubernetes/pod-template.js';
import { specOf } from '../../../kubernetes/workload.js';
import { roleLabel } from '../../../manifests/roles/copies.js';
import type { ReleaseState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import { selectedPods } from '../../../traffic/selected-pods.js';
import type { BlueGreenDeploy } from '../staging/staging.js';
import type { Adoption } from './live-application.js';

/**
 * The live application that must be adopted before anything can be staged beside it. `undefined`: none is live, or it has
 * roles already. Throws `roles` if the live pods cannot be distinguished from those that would be staged. Only reads.
 */
export async function findAdoption(ctx: RunContext, deploy: BlueGreenDeploy): Promise<Adoption | undefined> {
  const { inputs, resources, state } = deploy;
  const publicService = resources.publicService[inputs.roles[0]]?.object;
  if (resources.automatic === undefined || publicService === undefined) return undefined;
  const service = await ctx.cluster.get(refOf(publicService));
  if (service === undefined || !isWithoutRoles(service, state)) return undefined;
  const pods = await servingPods(ctx, service);
  const deployment = await ownerOf(ctx, service, pods);
  refuseToWrite(deployment, { service, deploy });
  const reason = unsettled(deployment, pods.length);
  if (reason !== undefined) throw inRollout(service, { deployment, reason });
  const hash = pods[0]?.metadata.labels?.[hashLabel] ?? '';
  const migration = planOwnershipMigration(service, publicService, fieldManager);
  ctx.log.info(
    `${describeRef(refOf(service))} selects the pods of ${describeRef(refOf(deployment))}, which has no role: it is adopted as ${inputs.roles[1]}`,
  );
  return {
    role: inputs.roles[1],
    deployment,
    autoscalers: await autoscalersOf(ctx, deployment),
    before: { ref: refOf(service), object: service },
    narrowed: narrowedTo(hash, service, migration),
    ...(migration !== undefined && { migration }),
  };
}

/** Whether the Service was never narrowed or switched. After an interrupted adoption it may still be as it was. */
function isWithoutRoles(service: KubeObject, { current, operation }: ReleaseState): boolean {
  const selector = selectorOf(service);
  if (Object.keys(selector).length === 0 || roleLabel in selector) return false;
  if (current === undefined) return true;
  return operation?.kind === 'adopt';
}

/** Throws when the deploy would write the Deployment that serves users. */
function refuseToWrite(
  deployment: KubeObject,
  { service, deploy }: { readonly service: KubeObject; readonly deploy: BlueGreenDeploy },
): void {
  const { shared, of } = deploy.resources;
  const written = [...shared, ...Object.values(of).flat()].map(({ object }) => refKey(refOf(object)));
  if (written.includes(refKey(refOf(deployment)))) throw wouldBeWritten(service, deployment);
}

async function servingPods(ctx: RunContext, service: KubeObject): Promise<readonly KubeObject[]> {
  const pods = activePods(await selectedPods(ctx.cluster, service));
  if (pods.some(isReady)) return pods;
  throw noReadyPod(service);
}

/** The one Deployment that owns all pods, which are of one template. */
async function ownerOf(ctx: RunContext, service: KubeObject, pods: readonly KubeObject[]): Promise<KubeObject> {
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
  const owner = sets.find(({ metadata }) => metadata.uid === controller.uid)?.metadata.ownerReferences?.[0];
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: owner?.name ?? '', ...here };
  const deployment = owner?.kind === 'Deployment' ? await ctx.cluster.get(ref) : undefined;
  if (deployment === undefined) throw notOfDeployment(service, `ReplicaSet ${controller.name} is not of a Deployment`);
  return deployment;
}

function ownerKey({ metadata }: KubeObject): string {
  const [owner] = metadata.ownerReferences ?? [];
  return owner === undefined ? `Pod ${metadata.name}` : `${owner.kind} ${owner.name}`;
}

/** Why the rollout of a Deployment is not complete, so that its pods may be of several versions; `undefined`: it is. */
export function unsettled(deployment: KubeObject, pods: number): string | undefined {
  const { replicas = 1 } = specOf(deployment);
  const status = statusOf(deployment);
  if (status.observedGeneration !== deployment.metadata.generation)
    return 'its controller has not seen its last change';
  if (status.updatedReplicas !== replicas)
    return `${status.updatedReplicas ?? 0} of ${replicas} pods are of its last version`;
  if (status.readyReplicas !== replicas) return `${status.readyReplicas ?? 0} of ${replicas} pods are ready`;
  return pods === replicas ? undefined : `the Service selects ${pods} of its pods, and it has ${replicas}`;
}

async function autoscalersOf(ctx: RunContext, deployment: KubeObject): Promise<readonly KubeObject[]> {
  const { name, namespace } = deployment.metadata;
  const kind = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' };
  const all = await ctx.cluster.list({ ...kind, ...(namespace !== undefined && { namespace }) });
  return (
    all
      .filter(object => fieldAt(object, ['spec', 'scaleTargetRef', 'kind']) === 'Deployment')
      .filter(object => fieldAt(object, ['spec', 'scaleTargetRef', 'name']) === name)
      // A list names the kind once, for all.
      .map(object => ({ ...object, ...kind }))
  );
}

/** The fields of the Service that Cutover owns from now on, with the selector narrowed. */
function narrowedTo(hash: string, service: KubeObject, migration: OwnershipMigration | undefined): KubeObject {
  const { apiVersion, kind, name, namespace } = refOf(service);
  const metadata = { name, ...(namespace !== undefined && { namespace }) };
  const owned =
    migration === undefined
      ? undefined
      : appliedBy(withField(service, ['metadata', 'managedFields'], migration.managedFields), fieldManager);
  const base = owned ?? { apiVersion, kind, metadata };
  return withField(base, ['spec', 'selector'], { ...selectorOf(service), [hashLabel]: hash });
}

function wouldBeWritten(service: KubeObject, deployment: KubeObject): CutoverError {
  const name = describeRef(refOf(deployment));
  return notAdoptable(service, {
    reason: `${name} serves users, and this step would write it`,
    hint: 'Rename the Deployment in the manifests.',
  });
}

function inRollout(
  service: KubeObject,
  { deployment, reason }: { readonly deployment: KubeObject; readonly reason: string },
): CutoverError {
  return notAdoptable(service, {
    reason: `${describeRef(refOf(deployment))} is in the middle of a rollout: ${reason}`,
    hint: 'Run this step again once the rollout is over.',
  });
}

function noReadyPod(service: KubeObject): CutoverError {
  return notAdoptable(service, {
    reason: 'it selects no ready pod',
    hint: 'Scale its Deployment up, or delete the Service if nobody uses it; then run this step again.',
  });
}

function severalOwners(service: KubeObject, names: string): CutoverError {
  return notAdoptable(service, {
    reason: `its pods are of several sets: ${names}`,
    hint: 'Wait until its rollout is over. If it selects pods of several Deployments, narrow its selector to the one that the manifests mean.',
  });
}

function notOfDeployment(service: KubeObject, reason: string): CutoverError {
  return notAdoptable(service, { reason, hint: 'Only the pods of a Deployment can be adopted.' });
}

function notAdoptable(
  service: KubeObject,
  { reason, hint }: { readonly reason: string; readonly hint: string },
): CutoverError {
  const name = describeRef(refOf(service));
  return new CutoverError(`What ${name} selects cannot be adopted: ${reason}`, { code: 'roles', object: name, hint });
}
