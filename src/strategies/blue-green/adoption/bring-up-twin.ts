import { removeAndWait } from '../../../cluster/apply/apply-change.js';
import { requirePlan } from '../../../cluster/apply/dry-run-all.js';
import { asCutoverError, CutoverError } from '../../../errors.js';
import { isDeployment, replicasOf, withReplicas } from '../../../kubernetes/deployment.js';
import { describeRef, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
import type { ReadyWorkload } from '../../../rollout/observer.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import { applyAndWait, type WaitOptions } from '../../shared/apply-and-wait.js';
import { recordedResource } from '../../shared/recorded-objects.js';
import { partsOf, type BegunAdoption } from './begun-adoption.js';
import { imageIdsOf } from './find/images.js';
import { autoscalersOf } from './find/scaling.js';
import { templateIdentity } from './find/twin.js';

/** A twin that is ready. */
export interface ReadyTwin {
  readonly workload: ReadyWorkload;
  readonly replicas: number;
}

/**
 * Deletes what scales the live Deployment, then brings its twin up: an autoscaler averages over all pods that its selector
 * matches, those of the twin too. Throws `changed` when the Deployment or an image is another one by then.
 */
export async function bringUpTwin(
  ctx: OperationContext,
  begun: BegunAdoption,
  waitOptions: WaitOptions,
): Promise<ReadyTwin> {
  const { revision, state } = begun;
  const { deployment } = state.operation;
  const { up, liveAutoscalers } = partsOf(revision);
  const { cluster, writer, clock, signal, log } = ctx;
  for (const object of liveAutoscalers) {
    await removeAndWait(object, { cluster, writer, clock, signal, timeoutMs: waitOptions.timeoutMs });
    log.info(`${describeRef(refOf(object))} removed: ${state.operation.role} gets one in its place`);
  }
  await waitUntilUnscaled(ctx, {
    deployment: deployment.ref,
    owners: liveAutoscalers,
    timeoutMs: waitOptions.timeoutMs,
  });
  const live = await requireSameVersion(ctx, begun);
  const resources = up.map(object => {
    const sized = isDeployment(object) ? withReplicas(object, replicasOf(live)) : object;
    return recordedResource(sized, revision.number);
  });
  const planned = await requirePlan({ cluster, resources, force: revision.force, idle: new Set(resources) });
  const { ready } = await applyAndWait(ctx, { planned, waitOptions, force: revision.force }).catch((error: unknown) => {
    throw withRoomHint(error, replicasOf(live));
  });
  const [workload] = ready;
  if (workload === undefined) throw new Error('the twin is not awaited');
  await requireSameImages(ctx, begun, workload);
  await requireSameVersion(ctx, begun);
  return { workload, replicas: replicasOf(live) };
}

/** How often the autoscalers are listed while those of a deleted custom resource are collected as garbage. */
const collectionMs = 500;

/** Waits until nothing scales a Deployment. Throws `changed` when that is another autoscaler than those that were deleted. */
async function waitUntilUnscaled(
  ctx: RunContext,
  unscaled: { readonly deployment: ObjectRef; readonly owners: readonly KubeObject[]; readonly timeoutMs: number },
): Promise<void> {
  const { deployment, owners, timeoutMs } = unscaled;
  const uids = new Set(owners.map(({ metadata }) => metadata.uid));
  const deadline = ctx.clock.now() + timeoutMs;
  for (;;) {
    const [other] = await autoscalersOf(ctx, deployment);
    if (other === undefined) return;
    const isCollected = other.metadata.ownerReferences?.some(({ uid }) => uids.has(uid)) ?? false;
    if (!isCollected || ctx.clock.now() > deadline)
      throw scaledByOther(describeRef(deployment), describeRef(refOf(other)));
    await ctx.clock.wait(collectionMs, ctx.signal);
    ctx.signal.throwIfAborted();
  }
}

/** The live Deployment, which must still be the one whose version the twin runs. A restart does not matter. */
async function requireSameVersion(ctx: RunContext, { state }: BegunAdoption) {
  const { deployment, template } = state.operation;
  const live = await ctx.cluster.get(deployment.ref);
  if (live !== undefined && live.metadata.uid === deployment.uid && templateIdentity(live) === template) return live;
  const name = describeRef(deployment.ref);
  throw new CutoverError(`${name} was changed while its version was being brought up once more`, {
    code: 'changed',
    object: name,
    hint: 'Users are on what it runs now. Run this step again once its rollout is over.',
  });
}

/** Throws `changed` unless the pods of the twin run the very images that serve. */
async function requireSameImages(ctx: RunContext, { revision, state }: BegunAdoption, { pods }: ReadyWorkload) {
  const { twin } = partsOf(revision);
  const { namespace } = twin.metadata;
  const found = await Promise.all(
    pods.map(({ name }) =>
      ctx.cluster.get({ apiVersion: 'v1', kind: 'Pod', name, ...(namespace !== undefined && { namespace }) }),
    ),
  );
  const { ids, differs } = imageIdsOf(
    twin,
    found.filter(pod => pod !== undefined),
  );
  const { imageIds } = state.operation;
  const other = differs ?? Object.keys(ids).find(name => imageIds[name] !== undefined && imageIds[name] !== ids[name]);
  if (other === undefined) return;
  const name = describeRef(refOf(twin));
  throw new CutoverError(`${name} does not run the image that serves users, in container ${other}: its tag was moved`, {
    code: 'changed',
    object: name,
    hint: `Set the image of ${describeRef(state.operation.deployment.ref)} by digest, or restart it so that it runs what the tag means now; then run this step again.`,
  });
}

function withRoomHint(thrown: unknown, replicas: number): unknown {
  const error = asCutoverError(thrown);
  if (error.code !== 'timeout' && error.code !== 'rollout') return thrown;
  const room = `An adoption brings the version that serves up once more, so it needs room for ${replicas} more pod${replicas === 1 ? '' : 's'}.`;
  return error.amended({ hint: error.hint === undefined ? room : `${error.hint} ${room}` });
}

function scaledByOther(deployment: string, autoscaler: string): CutoverError {
  return new CutoverError(`${autoscaler} scales ${deployment}, but was not there when the adoption began`, {
    code: 'changed',
    object: autoscaler,
    hint: 'Another tool created it in the meantime. Run this step again once that tool is done.',
  });
}
