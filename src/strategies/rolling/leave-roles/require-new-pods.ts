import { CutoverError } from '../../../errors.js';
import { isDeployment } from '../../../kubernetes/deployment.js';
import { describeRef, refOf } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import type { Revision } from '../../../release/revision.js';
import type { Leaving } from '../../../release/transitions.js';
import { observe, type ReadyWorkload } from '../../../rollout/observer.js';
import type { OperationContext } from '../../../run/context.js';
import { routerOf } from '../../../traffic/routers.js';
import { shortage } from '../../../traffic/served-pods.js';
import { ownedLive } from '../../recorded/owned-objects.js';

/** A release whose new pods serve users, as its record says. */
export interface NewPodsRequest {
  readonly leaving: Leaving;
  readonly revision: Revision;
  /** How long pods that are being replaced may take to be ready. */
  readonly timeoutMs: number;
}

/**
 * Looks whether users reach all wanted pods of the new revision through the live public Service, which this returns as it was
 * read. Throws `changed` when they do not: without the roles, users would be left without a pod.
 */
export async function requireNewPods(ctx: OperationContext, request: NewPodsRequest): Promise<Snapshot> {
  const { leaving, revision } = request;
  const { publicService: ref } = leaving;
  const verified = await readyWorkloads(ctx, request);
  const target = await ctx.cluster.get(ref);
  if (target === undefined) throw noNewPods(request);
  const { before, workloads } = await routerOf(ctx, ref).look({ target, verified });
  const isComplete = workloads.every(workload => shortage(workload, { pods: workload.pods, owners: [] }).length === 0);
  if (isComplete && workloads.some(({ isServed, wanted }) => isServed && wanted > 0)) return before;
  throw noNewPods({ leaving, revision });
}

/** Waits until the Deployments of the revision are ready in the version that is live. Throws `changed` when one is gone. */
async function readyWorkloads(ctx: OperationContext, request: NewPodsRequest): Promise<readonly ReadyWorkload[]> {
  const { cluster, log, clock, signal } = ctx;
  const refs = request.revision.objects.filter(isDeployment).map(refOf);
  const found = await Promise.all(refs.map(ref => ownedLive(ctx, ref)));
  const targets = found.filter(live => live !== undefined);
  if (targets.length < refs.length) throw noNewPods(request);
  const observer = observe({ cluster, log, clock, signal, targets: refs });
  try {
    await observer.synced;
    return await observer.waitForRollout({ targets, timeoutMs: request.timeoutMs, stableForMs: 0, paused: 'noted' });
  } finally {
    observer.close();
  }
}

function noNewPods({ leaving, revision }: Pick<NewPodsRequest, 'leaving' | 'revision'>): CutoverError {
  const name = describeRef(leaving.publicService);
  return new CutoverError(
    `${name} does not lead to all wanted pods of revision ${revision.number}: the roles were not deleted`,
    {
      code: 'changed',
      object: name,
      hint: 'Somebody changed the Service, or changed or scaled down the new pods. Undo that, then run this step again.',
    },
  );
}
