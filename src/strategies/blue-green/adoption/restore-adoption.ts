import { restoreSnapshots, type LeftObject } from '../../../cluster/apply/restore-snapshots.js';
import { hasApplied } from '../../../cluster/apply/owned-fields.js';
import { fieldManager } from '../../../cluster/apply/field-manager.js';
import { asCutoverError, CutoverError } from '../../../errors.js';
import { describeRef, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
import { isBeingDeleted } from '../../../kubernetes/pods/pod.js';
import type { Snapshot } from '../../../plan/change.js';
import type { OperationContext } from '../../../run/context.js';
import { confirmMs } from '../../../traffic/endpoint-slices.js';
import { routerOf } from '../../../traffic/routers.js';
import { isFound } from '../../recorded/found-objects.js';
import { ownedObjects, requireOwnedService } from '../../recorded/owned-objects.js';
import { guarded } from '../../shared/restore-objects.js';
import { partsOf, type BegunAdoption } from './begun-adoption.js';
import { reachedTwins, servicesToSendBack } from './users-on-twins.js';

/** What a restored adoption leaves. */
export interface RestoredAdoption {
  /** What could not be restored. */
  readonly failed: readonly ObjectRef[];
  /** What others have written, such as a twin that another tool has annotated. */
  readonly left: readonly LeftObject[];
  /** Users have no pods but those of the role by now, so nothing more was restored: the only way is forward. */
  readonly isReached: boolean;
}

/**
 * Takes back an adoption that has not replaced the live Deployments yet: public Services that were narrowed lead to those again, what
 * the role got is removed, and the autoscalers and budgets of the live Deployments are created again. Looks before each removal
 * whether users have other pods.
 */
export async function restoreAdoption(ctx: OperationContext, begun: BegunAdoption): Promise<RestoredAdoption> {
  const { revision } = begun;
  const { writer, found } = guarded(ctx.writer, async () => (await reachedTwins(ctx, begun))[0]);
  const { cluster, records, log, clock, created, lockLost: signal } = ctx;
  const { release, namespace } = records;
  const { services, liveAutoscalers, liveBudgets } = partsOf(revision);
  if (!(await sendBack(ctx, begun))) return { failed: [], left: [], isReached: true };
  const deleted = await Promise.all([...liveBudgets, ...liveAutoscalers].map(object => deletedSince(ctx, object)));
  const removed = deleted.flat().map((object): Snapshot => ({ ref: refOf(object), object }));
  const broughtUp = revision.before.filter(({ object }) => object === undefined);
  const failed: ObjectRef[] = [];
  const left: LeftObject[] = [];
  // In this order: two budgets for a pod forbid every eviction, and an autoscaler would average over the pods of the twin, too.
  for (const snapshots of [broughtUp, removed]) {
    const restored = await restoreSnapshots({
      ...{ cluster, writer: snapshots === broughtUp ? writer : ctx.writer, snapshots, release, namespace },
      ...{ log, clock, signal, created },
    });
    if (found() !== undefined) return { failed: [], left: [], isReached: true };
    failed.push(...restored.failed.map(one => one.ref));
    left.push(...restored.left);
  }
  for (const service of services) await giveBackOwnership(ctx, service.found);
  return { failed, left, isReached: false };
}

/**
 * Leads the public Services that this adoption has narrowed to the live Deployments again, and waits until users reach those. False:
 * not all of them could be, so the twins are needed. Goes on after a cancel.
 */
async function sendBack(ctx: OperationContext, begun: BegunAdoption): Promise<boolean> {
  const { state } = begun;
  const router = routerOf(ctx);
  try {
    for (const { found, narrowed } of await servicesToSendBack(ctx, begun)) {
      const live = await ctx.cluster.get(refOf(found));
      requireOwnedService(ctx, { state, publicService: narrowed, live, foundUid: found.metadata.uid });
      if (live?.metadata.uid !== found.metadata.uid) throw recreated(describeRef(refOf(found)));
      await router.restore({ ref: refOf(found), object: found }, ctx.writer);
      await router.confirm({ object: found }, { timeoutMs: confirmMs, signal: ctx.lockLost });
    }
    return true;
  } catch (error) {
    ctx.log.error(`Not all public Services were led back: ${asCutoverError(error).message}`);
    return false;
  }
}

/**
 * The object, if the adoption has deleted it and it may be created again; it may still wait for its finalizers. What exists was
 * not written, but others may have changed it in the meantime.
 */
async function deletedSince(ctx: OperationContext, object: KubeObject): Promise<readonly KubeObject[]> {
  const live = await ctx.cluster.get(refOf(object));
  if (live === undefined) return ownedObjects(ctx, [object]);
  const isDeleted = isBeingDeleted(live) && !isBeingDeleted(object) && isFound(ctx, live, object.metadata.uid);
  return isDeleted ? [object] : [];
}

/** The fields of the Service belong to the tools again that owned them, so that those can go on applying it. */
async function giveBackOwnership(ctx: OperationContext, service: KubeObject): Promise<void> {
  if (hasApplied(service, fieldManager)) return;
  try {
    const live = await ctx.cluster.get(refOf(service));
    if (!isFound(ctx, live, service.metadata.uid) || !hasApplied(live, fieldManager)) return;
    await ctx.writer.setManagedFields(live, service.metadata.managedFields ?? []);
  } catch (error) {
    ctx.log.warning(
      `${describeRef(refOf(service))}: its fields still belong to Cutover: ${asCutoverError(error).message}`,
    );
  }
}

function recreated(name: string): CutoverError {
  return new CutoverError(`${name} was deleted and created again while the version behind it was being adopted`, {
    code: 'changed',
    object: name,
    hint: 'Run this step again: it starts from what is live now.',
  });
}
