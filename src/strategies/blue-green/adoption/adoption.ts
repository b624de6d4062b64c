import { fieldManager } from '../../../cluster/apply/field-manager.js';
import { planOwnershipMigration, type OwnershipMigration } from '../../../cluster/apply/ownership-migration.js';
import { appliedBy } from '../../../cluster/apply/owned-fields.js';
import { CutoverError } from '../../../errors.js';
import { fieldAt, withField, without } from '../../../kubernetes/fields.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../../kubernetes/object.js';
import { roleLabel } from '../../../manifests/roles/copies.js';
import { canonical, type Snapshot } from '../../../plan/change.js';
import { authorOf, imagesOf, type Revision } from '../../../release/revision.js';
import { adoptedRevision, type ReleaseState } from '../../../release/state.js';
import { isReady, specOf, statusOf } from '../../../kubernetes/workload.js';
import { hashLabel } from './pin.js';
import { selectorOf, templateLabels } from '../../../traffic/active-role.js';
import type { BlueGreenDeploy } from '../staging/staging-plan.js';
import type { RunContext } from '../../../run/context.js';
import type { PodName } from '../../../traffic/service-selector.js';

/** An application that is live without roles, and what is needed to make its Deployment the first way back. */
export interface Adoption {
  /** The role whose place it takes. */
  readonly role: string;
  readonly deployment: KubeObject;
  /** What scales it. */
  readonly autoscalers: readonly KubeObject[];
  /** The public Service as it is. */
  readonly before: Snapshot & { readonly object: KubeObject };
  /** What is applied to it, so that it selects the very pods that it selects now, by the hash of their template. */
  readonly pinned: KubeObject;
  /** Fields that other tools give up to this one; absent: there are none. */
  readonly takeover?: OwnershipMigration;
  /** The pods that serve now. */
  readonly pods: readonly PodName[];
}

/**
 * The application that has to be adopted before anything can be staged beside it. `undefined`: none is live, or it has
 * roles already. Throws `roles` where what is live cannot be told from what would be staged. Only reads.
 */
export async function findAdoption(ctx: RunContext, deploy: BlueGreenDeploy): Promise<Adoption | undefined> {
  const { inputs, resources, state } = deploy;
  const wanted = resources.publicService[inputs.roles[0]]?.object;
  if (resources.automatic === undefined || wanted === undefined) return undefined;
  const service = await ctx.cluster.get(refOf(wanted));
  if (service === undefined || !isWithoutRoles(service, state)) return undefined;
  const pods = await servingPods(ctx, service);
  const deployment = await ownerOf(ctx, service, pods);
  const name = describeRef(refOf(deployment));
  const written = [...resources.shared, ...Object.values(resources.of).flat()].map(({ object }) =>
    refKey(refOf(object)),
  );
  if (written.includes(refKey(refOf(deployment))))
    throw refused(
      service,
      `${name} serves users, and this step would write it`,
      'Rename the Deployment in the manifests.',
    );
  const why = unsettled(deployment, pods.length);
  if (why !== undefined)
    throw refused(
      service,
      `${name} is in the middle of a rollout: ${why}`,
      'Run this step again once the rollout is over.',
    );
  const hash = pods[0]?.metadata.labels?.[hashLabel] ?? '';
  const takeover = planOwnershipMigration(service, wanted, fieldManager);
  ctx.log.info(
    `${describeRef(refOf(service))} leads to ${name}, which knows of no roles: it is adopted as ${inputs.roles[1]}`,
  );
  return {
    role: inputs.roles[1],
    deployment,
    autoscalers: await autoscalersOf(ctx, deployment),
    before: { ref: refOf(service), object: service },
    pinned: pinnedTo(hash, service, takeover),
    ...(takeover !== undefined && { takeover }),
    pods: pods.map(({ metadata }) => ({ name: metadata.name })),
  };
}

/** Whether the Service was never pinned or switched. After an adoption that was begun it may still be as it was. */
function isWithoutRoles(service: KubeObject, { current, operation }: ReleaseState): boolean {
  const selector = selectorOf(service);
  if (Object.keys(selector).length === 0 || roleLabel in selector) return false;
  if (current === undefined) return true;
  const before = operation?.kind === 'stage' ? operation.previousService?.object : undefined;
  return before !== undefined && canonical(selectorOf(before)) === canonical(selector);
}

function refused(service: KubeObject, why: string, hint: string): CutoverError {
  const name = describeRef(refOf(service));
  return new CutoverError(`What ${name} leads to cannot be adopted: ${why}`, { code: 'roles', object: name, hint });
}

async function servingPods(ctx: RunContext, service: KubeObject): Promise<readonly KubeObject[]> {
  const { namespace } = refOf(service);
  const labelSelector = Object.entries(selectorOf(service))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const found = await ctx.cluster.list(
    { apiVersion: 'v1', kind: 'Pod', ...(namespace !== undefined && { namespace }) },
    { labelSelector },
  );
  const finished = ['Succeeded', 'Failed'];
  const pods = found.filter(pod => {
    return pod.metadata.deletionTimestamp === undefined && !finished.includes(statusOf(pod).phase ?? '');
  });
  if (pods.some(isReady)) return pods;
  const hint = 'Bring its Deployment up, or delete the Service if nobody uses it; then run this step again.';
  throw refused(service, 'it leads to no ready pod', hint);
}

/** The one Deployment that all pods are of, all of one template. */
async function ownerOf(ctx: RunContext, service: KubeObject, pods: readonly KubeObject[]): Promise<KubeObject> {
  const { namespace } = refOf(service);
  const here = namespace === undefined ? {} : { namespace };
  const owners = new Map(pods.map(pod => [ownerKey(pod), pod]));
  const [sample, ...more] = owners.values();
  const names = [...owners.keys()].join(', ');
  if (sample === undefined || more.length > 0) {
    const hint =
      'Wait until its rollout is over; if it leads to several Deployments, narrow its selector to the one that the manifests mean.';
    throw refused(service, `its pods are of several sets: ${names}`, hint);
  }
  const [controller] = sample.metadata.ownerReferences ?? [];
  const hash = sample.metadata.labels?.[hashLabel];
  const hint = 'Only the pods of a Deployment can be adopted.';
  if (controller?.kind !== 'ReplicaSet' || hash === undefined)
    throw refused(service, `its pods are not those of a Deployment but of ${names}`, hint);
  const sets = await ctx.cluster.list(
    { apiVersion: 'apps/v1', kind: 'ReplicaSet', ...here },
    { labelSelector: `${hashLabel}=${hash}` },
  );
  const owner = sets.find(({ metadata }) => metadata.uid === controller.uid)?.metadata.ownerReferences?.[0];
  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: owner?.name ?? '', ...here };
  const deployment = owner?.kind === 'Deployment' ? await ctx.cluster.get(ref) : undefined;
  if (deployment === undefined) throw refused(service, `ReplicaSet ${controller.name} is of no Deployment`, hint);
  return deployment;
}

function ownerKey({ metadata }: KubeObject): string {
  const [owner] = metadata.ownerReferences ?? [];
  return owner === undefined ? `Pod ${metadata.name}` : `${owner.kind} ${owner.name}`;
}

/** Why a Deployment is not the one, fully rolled out version that its pods show; `undefined`: it is. */
export function unsettled(deployment: KubeObject, pods: number): string | undefined {
  const { replicas = 1 } = specOf(deployment);
  const status = statusOf(deployment);
  if (status.observedGeneration !== deployment.metadata.generation)
    return 'its controller has not seen its last change';
  if (status.updatedReplicas !== replicas)
    return `${status.updatedReplicas ?? 0} of ${replicas} pods are of its last version`;
  if (status.readyReplicas !== replicas) return `${status.readyReplicas ?? 0} of ${replicas} pods are ready`;
  return pods === replicas ? undefined : `the Service leads to ${pods} of its pods, and it has ${replicas}`;
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

/** What is Cutover's of the Service from now on, with the selector narrowed. */
function pinnedTo(hash: string, service: KubeObject, takeover: OwnershipMigration | undefined): KubeObject {
  const { apiVersion, kind, name, namespace } = refOf(service);
  const metadata = { name, ...(namespace !== undefined && { namespace }) };
  const owned =
    takeover === undefined
      ? undefined
      : appliedBy(withField(service, ['metadata', 'managedFields'], takeover.managedFields), fieldManager);
  const base = owned ?? { apiVersion, kind, metadata };
  return withField(base, ['spec', 'selector'], { ...selectorOf(service), [hashLabel]: hash });
}

/** The record of a release whose users are still on what was adopted. */
export function withAdopted(deploy: BlueGreenDeploy, adoption: Adoption): BlueGreenDeploy {
  const { state, inputs } = deploy;
  const { role, deployment, before, pinned } = adoption;
  const podLabels = { ...templateLabels(deployment), [hashLabel]: selectorOf(pinned)[hashLabel] ?? '' };
  const adopted: ReleaseState = {
    ...withoutAdopted(state),
    current: adoptedRevision,
    publicService: before.ref,
    roleNames: inputs.roles,
    roles: { [role]: { podLabels, deployments: [refOf(deployment)], revision: adoptedRevision } },
  };
  return { ...deploy, state: adopted, adoption };
}

/** The state of a release that never had roles; the same state where users are on a revision of its own. */
export function withoutAdopted(state: ReleaseState): ReleaseState {
  if (state.current !== undefined && state.current !== adoptedRevision) return state;
  const { current: _none, roles: _roles, roleNames: _names, publicService: _service, staged: _staged, ...rest } = state;
  return rest;
}

/** What was live, as the revision that a rollback goes back to. */
export function revisionOfAdopted(
  ctx: RunContext,
  { role, deployment, autoscalers, before, pinned }: Adoption,
): Revision {
  const objects = [recorded(deployment)];
  return {
    ...authorOf(ctx.run),
    number: adoptedRevision,
    strategy: 'blue-green',
    role,
    objects,
    secrets: [],
    publicService: pinned,
    shared: [],
    applyAfterSwitch: autoscalers.map(recorded),
    before: [before],
    // Those of the manifests speak of the new version.
    checks: [],
    // Its fields are still those of whoever applied it.
    force: true,
    contentHash: '',
    images: imagesOf(objects),
    at: new Date().toISOString(),
  };
}

/** What can be applied again without a change: nothing that controllers keep there. */
function recorded(object: KubeObject): KubeObject {
  const { status: _status, metadata, ...rest } = object;
  const { managedFields: _fields, annotations = {}, ...kept } = metadata;
  const own = without(annotations, ['deployment.kubernetes.io/revision']);
  return { ...rest, metadata: { ...kept, annotations: own } } as KubeObject;
}
