import { removeAndWait } from '../../../cluster/apply/apply-change.js';
import { requirePlan } from '../../../cluster/apply/dry-run-all.js';
import { asCutoverError, CutoverError } from '../../../errors.js';
import { replicasOf, withReplicas } from '../../../kubernetes/deployment.js';
import { describeRef, refKey, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
import type { AdoptingDeployment } from '../../../release/operation.js';
import type { ReadyWorkload } from '../../../rollout/observer.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import { applyAndWait, type WaitOptions } from '../../shared/apply-and-wait.js';
import { requireFound } from '../../recorded/found-objects.js';
import { requireOwnedObjects } from '../../recorded/owned-objects.js';
import { recordedResource } from '../../shared/recorded-objects.js';
import { partsOf, twinsOf, type BegunAdoption, type Twin } from './begun-adoption.js';
import { imageIdsOf } from './find/images.js';
import { autoscalersOf } from './find/scaling.js';
import { templateIdentity } from './find/twin.js';
import { own } from '../../../own.js';

/** Twins that are ready. */
export interface ReadyTwins {
  readonly verified: readonly ReadyWorkload[];
  /** Until when pods that go missing are waited for, in milliseconds of the context's clock. */
  readonly readyUntilMs: number;
}

/**
 * Deletes what scales the live Deployments, then brings their twins up: an autoscaler averages over all pods that its selector
 * matches, those of the twin too. Throws `changed` when a Deployment or an image is another one by then.
 */
export async function bringUpTwins(
  ctx: OperationContext,
  begun: BegunAdoption,
  waitOptions: WaitOptions,
): Promise<ReadyTwins> {
  const { revision } = begun;
  const { up, liveAutoscalers: recorded } = partsOf(revision);
  const { cluster } = ctx;
  const pairs = twinsOf(begun);
  const { timeoutMs } = waitOptions;
  for (const { deployment } of pairs) await removeAutoscalers(ctx, { deployment: deployment.ref, recorded, timeoutMs });
  const sizes = new Map<KubeObject, number>();
  for (const { deployment, twin } of pairs) {
    const [live, before] = [await requireSameVersion(ctx, deployment), await cluster.get(refOf(twin))];
    // An interrupted adoption may have scaled the live Deployment to zero already, and users may be on the twin.
    const wanted = Math.max(replicasOf(live) || replicasOf(twin), before === undefined ? 0 : replicasOf(before));
    sizes.set(twin, wanted);
  }
  const resources = (await requireOwnedObjects(ctx, up)).map(object => {
    const wanted = sizes.get(object);
    return recordedResource(wanted === undefined ? object : withReplicas(object, wanted), revision.number);
  });
  const planned = await requirePlan({ cluster, resources, force: revision.force, idle: new Set(resources) });
  const { ready } = await applyAndWait(ctx, { planned, waitOptions, force: revision.force }).catch((error: unknown) => {
    throw withRoomHint(
      error,
      [...sizes.values()].reduce((sum, replicas) => sum + replicas, 0),
    );
  });
  for (const pair of pairs) {
    const workload = ready.find(({ ref }) => refKey(ref) === refKey(refOf(pair.twin)));
    if (workload === undefined) throw new Error('a twin is not awaited');
    await requireSameImages(ctx, pair, workload);
    await requireSameVersion(ctx, pair.deployment);
  }
  return { verified: ready, readyUntilMs: ctx.clock.now() + timeoutMs };
}

/** What scales the live Deployment. */
interface Scaled {
  readonly deployment: ObjectRef;
  /** The autoscalers that the adoption has found. */
  readonly recorded: readonly KubeObject[];
  readonly timeoutMs: number;
}

/** How often the autoscalers are listed while those of a deleted custom resource are collected as garbage. */
const collectionMs = 500;

/** Deletes what scales the Deployment, and waits until it is gone. Throws `changed` when that is not what is on record. */
async function removeAutoscalers(ctx: OperationContext, { deployment, recorded, timeoutMs }: Scaled): Promise<void> {
  const { cluster, writer, clock, signal, log } = ctx;
  const uids = new Set(recorded.map(({ metadata }) => metadata.uid));
  const deadline = clock.now() + timeoutMs;
  for (;;) {
    const [found] = await autoscalersOf(ctx, deployment);
    if (found === undefined) return;
    if (uids.has(found.metadata.uid)) {
      requireFound(ctx, found);
      await removeAndWait(found, { cluster, writer, clock, signal, log, timeoutMs });
      log.info(`${describeRef(refOf(found))} removed: the role gets one in its place`);
      continue;
    }
    const isCollected = found.metadata.ownerReferences?.some(({ uid }) => uids.has(uid)) ?? false;
    if (!isCollected || clock.now() > deadline) throw scaledByOther(describeRef(deployment), describeRef(refOf(found)));
    await clock.wait(collectionMs, signal);
    signal.throwIfAborted();
  }
}

/** The live Deployment, which must still be the one whose version the twin runs. A restart does not matter. */
async function requireSameVersion(ctx: RunContext, { ref, uid, template }: AdoptingDeployment): Promise<KubeObject> {
  const live = await ctx.cluster.get(ref);
  if (live !== undefined && live.metadata.uid === uid && templateIdentity(live) === template) return live;
  const name = describeRef(ref);
  throw new CutoverError(`${name} was changed while its version was being brought up once more`, {
    code: 'changed',
    object: name,
    hint: 'Users are on what it runs now. Run this step again once its rollout is over.',
  });
}

/** Throws `changed` unless the pods of the twin run the very images that serve. */
async function requireSameImages(ctx: RunContext, { deployment, twin }: Twin, { pods }: ReadyWorkload): Promise<void> {
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
  const { imageIds } = deployment;
  const other =
    differs ?? Object.keys(ids).find(name => Object.hasOwn(imageIds, name) && imageIds[name] !== own(ids, name));
  if (other === undefined) return;
  const name = describeRef(refOf(twin));
  throw new CutoverError(`${name} does not run the image that serves users, in container ${other}: its tag was moved`, {
    code: 'changed',
    object: name,
    hint: `Set the image of ${describeRef(deployment.ref)} by digest, or restart it so that it runs what the tag means now; then run this step again.`,
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
