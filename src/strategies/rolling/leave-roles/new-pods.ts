import { fieldManager } from '../../../cluster/apply/field-manager.js';
import { appliedBy } from '../../../cluster/apply/owned-fields.js';
import { CutoverError } from '../../../errors.js';
import { isDeployment, replicasOf, withReplicas } from '../../../kubernetes/deployment.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../../kubernetes/object.js';
import { templateLabels } from '../../../kubernetes/pods/pod-spec.js';
import { selectorOf, selects } from '../../../kubernetes/selectors.js';
import type { Snapshot } from '../../../plan/change.js';
import { isGivenTo } from '../../../manifests/roles/counterparts.js';
import type { Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { Leaving } from '../../../release/transitions.js';
import { observe, type ReadyWorkload } from '../../../rollout/observer.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import { routerOf } from '../../../traffic/routers.js';
import { shortage } from '../../../traffic/served-pods.js';
import { ownedLive } from '../../recorded/owned-objects.js';

/** Deployments without a role, and the public Service that leads to their pods. */
export interface WithoutRole {
  readonly objects: readonly KubeObject[];
  readonly service: KubeObject;
}

/**
 * How many pods each of the Deployments needs to take over from the role, by its key: as many as its counterpart, which has the
 * same name but for the role. One without a counterpart needs as many as the largest of the role if users reach its pods;
 * otherwise it is left out.
 */
export async function neededSizes(
  ctx: Pick<RunContext, 'cluster'>,
  { state, role }: { readonly state: BlueGreenState; readonly role: string },
  { objects, service }: WithoutRole,
): Promise<ReadonlyMap<string, number>> {
  const found = await Promise.all((state.roles[role]?.deployments ?? []).map(ref => ctx.cluster.get(ref)));
  const serving = found.filter(live => live !== undefined);
  const most = Math.max(0, ...serving.map(replicasOf));
  return new Map(
    objects.filter(isDeployment).flatMap(object => {
      const counterpart = serving.find(({ metadata: { name } }) => isGivenTo(object.metadata.name, { name, role }));
      if (counterpart === undefined && !selects(selectorOf(service), templateLabels(object))) return [];
      return [[refKey(refOf(object)), counterpart === undefined ? most : replicasOf(counterpart)] as const];
    }),
  );
}

/** The pods that take over from the roles. */
export interface NewPods {
  readonly leaving: Leaving;
  readonly revision: Revision;
  /** How long the pods may take to be ready, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Scales the Deployments of the revision up to what serves on the active role now, and waits until all their pods are ready:
 * users depend on them from here on. `service`: the public Service, as it leads to them. Throws `timeout`, `rollout`; `switch`
 * when one of the Deployments is gone.
 */
export async function requireAllPods(
  ctx: OperationContext,
  { service, ...request }: NewPods & { readonly service: KubeObject },
): Promise<readonly ReadyWorkload[]> {
  const { leaving, revision, timeoutMs } = request;
  const { role } = leaving.operation;
  const objects = revision.objects.filter(isDeployment);
  const sizes = await neededSizes(ctx, { state: leaving, role }, { objects, service });
  const found = await Promise.all(objects.map(object => ownedLive(ctx, refOf(object))));
  const targets: KubeObject[] = [];
  for (const live of found) {
    if (live === undefined) throw noNewPods(request);
    const needed = sizes.get(refKey(refOf(live))) ?? 0;
    targets.push(needed > replicasOf(live) ? await scaleUp(ctx, live, needed) : live);
  }
  const { cluster, log, clock, signal } = ctx;
  const observer = observe({ cluster, log, clock, signal, targets: targets.map(refOf) });
  try {
    await observer.synced;
    return await observer.waitForRollout({ targets, timeoutMs, stableForMs: 0, paused: 'noted' });
  } finally {
    observer.close();
  }
}

/**
 * Waits until all pods of the new revision are ready, and looks whether users reach them through the live public Service, which
 * this returns as it was read. Throws `switch` when they do not: without the roles, users would be left without a pod.
 */
export async function requireNewPods(ctx: OperationContext, request: NewPods): Promise<Snapshot> {
  const { publicService: ref } = request.leaving;
  const service = await ctx.cluster.get(ref);
  if (service === undefined) throw noNewPods(request);
  const verified = await requireAllPods(ctx, { ...request, service });
  // As it is after the wait.
  const target = await ctx.cluster.get(ref);
  if (target === undefined) throw noNewPods(request);
  const { before, workloads } = await routerOf(ctx, ref).look({ target, verified });
  const isComplete = workloads.every(workload => shortage(workload, { pods: workload.pods, owners: [] }).length === 0);
  if (isComplete && workloads.some(({ isServed, wanted }) => isServed && wanted > 0)) return before;
  throw noNewPods(request);
}

function noNewPods({ leaving, revision }: NewPods): CutoverError {
  const name = describeRef(leaving.publicService);
  return new CutoverError(
    `${name} does not lead to all wanted pods of revision ${revision.number}: the roles were not deleted`,
    {
      code: 'switch',
      object: name,
      hint: 'Somebody changed the Service, or deleted or changed the new pods. Undo that, then run this step again.',
    },
  );
}

/** What Cutover applied, with another size: a write to the field alone would make another entry its owner. */
async function scaleUp(ctx: OperationContext, live: KubeObject, replicas: number): Promise<KubeObject> {
  const applied = appliedBy(live, fieldManager) ?? live;
  const { object } = await ctx.writer.apply(withReplicas(applied, replicas), { force: true });
  ctx.log.info(`${describeRef(refOf(live))}: ${replicasOf(live)} → ${replicas} replicas, as many as serve now`);
  return object;
}
