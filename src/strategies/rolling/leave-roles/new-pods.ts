import { CutoverError } from '../../../errors.js';
import { isDeployment } from '../../../kubernetes/deployment.js';
import { describeRef, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
import { templateLabels } from '../../../kubernetes/pods/pod-spec.js';
import { selectorOf, selects } from '../../../kubernetes/selectors.js';
import type { Snapshot } from '../../../plan/change.js';
import type { Revision } from '../../../release/revision.js';
import type { Leaving } from '../../../release/transitions.js';
import type { ReadyWorkload } from '../../../rollout/observer.js';
import { waitForLive } from '../../../rollout/wait/wait-for-live.js';
import type { OperationContext } from '../../../run/context.js';
import { routerOf } from '../../../traffic/routers.js';
import { shortage } from '../../../traffic/served-pods.js';
import { deploymentsOf } from '../../blue-green/operation/counterparts.js';
import { scaleUp, tooSmall } from '../../blue-green/operation/sizes.js';
import { ownedLive } from '../../recorded/owned-objects.js';

/** The pods that take over from the roles. */
export interface NewPods {
  readonly leaving: Leaving;
  readonly revision: Revision;
  /** How long the pods may take to be ready, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Scales the Deployments of the revision up to what serves on the active role now, and waits until all their pods are ready:
 * users depend on them from here on. `services`: the public Services, as they lead to them. Throws `timeout`, `rollout`; `switch`
 * when one of the Deployments is gone.
 */
export async function requireAllPods(
  ctx: OperationContext,
  { services, ...request }: NewPods & { readonly services: readonly KubeObject[] },
): Promise<readonly ReadyWorkload[]> {
  const { leaving, revision, timeoutMs } = request;
  const { role } = leaving.operation;
  const objects = revision.objects.filter(isDeployment);
  const found = await Promise.all(objects.map(object => ownedLive(ctx, refOf(object))));
  const live = found.filter(object => object !== undefined);
  if (live.length < objects.length) throw noNewPods(request);
  const serving = deploymentsOf(leaving, role);
  const scaled = await scaleUp(ctx, await tooSmall(ctx, { objects: live, services }, serving), serving);
  const targets = live.map(object => scaled.find(one => one.metadata.uid === object.metadata.uid) ?? object);
  return waitForLive(ctx, { targets, timeoutMs, paused: 'noted' });
}

/**
 * Waits until all pods of the new revision are ready, and looks whether users reach them through the live public Services, which
 * this returns as they were read. Throws `switch` when they do not: without the roles, users would be left without a pod.
 */
export async function requireNewPods(ctx: OperationContext, request: NewPods): Promise<readonly Snapshot[]> {
  const verified = await requireAllPods(ctx, { ...request, services: await liveServices(ctx, request) });
  // As they are after the wait.
  const targets = await liveServices(ctx, request);
  const { before, workloads } = await routerOf(ctx).look({ targets, verified });
  const isComplete = workloads.every(workload => shortage(workload, { pods: workload.pods, owners: [] }).length === 0);
  const [unserved] = targets.filter(
    target =>
      !isComplete ||
      !workloads.some(({ set, wanted }) => wanted > 0 && selects(selectorOf(target), templateLabels(set))),
  );
  if (unserved === undefined) return before;
  throw noNewPods(request, refOf(unserved));
}

async function liveServices(ctx: OperationContext, request: NewPods): Promise<readonly KubeObject[]> {
  return Promise.all(
    request.leaving.publicServices.map(async ref => {
      const live = await ctx.cluster.get(ref);
      if (live === undefined) throw noNewPods(request, ref);
      return live;
    }),
  );
}

function noNewPods({ leaving, revision }: NewPods, service: ObjectRef = leaving.publicServices[0]): CutoverError {
  const name = describeRef(service);
  return new CutoverError(
    `${name} does not lead to all wanted pods of revision ${revision.number}: the roles were not deleted`,
    {
      code: 'switch',
      object: name,
      hint: 'Somebody changed the Service, or deleted or changed the new pods. Undo that, then run this step again.',
    },
  );
}
