import { restoreSnapshots, type LeftObject } from '../../../cluster/apply/restore-snapshots.js';
import { hasApplied } from '../../../cluster/apply/owned-fields.js';
import { fieldManager } from '../../../cluster/apply/field-manager.js';
import { asCutoverError } from '../../../errors.js';
import { describeRef, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import type { OperationContext } from '../../../run/context.js';
import { isFound } from '../../recorded/found-objects.js';
import { ownedObjects } from '../../recorded/owned-objects.js';
import { partsOf, type BegunAdoption } from './begun-adoption.js';

/** What a restored adoption leaves. */
export interface RestoredAdoption {
  /** What could not be restored. */
  readonly failed: readonly ObjectRef[];
  /** What others have written, such as a twin that another tool has annotated. */
  readonly left: readonly LeftObject[];
}

/**
 * Takes back an adoption whose Service was not narrowed yet: the twin is removed, and the autoscalers of the live Deployment are
 * created again. The live Deployment was not written.
 */
export async function restoreAdoption(ctx: OperationContext, { revision }: BegunAdoption): Promise<RestoredAdoption> {
  const { cluster, writer, records, log, clock, created, lockLost: signal } = ctx;
  const { service, liveAutoscalers } = partsOf(revision);
  const deleted = await Promise.all(
    liveAutoscalers.map(async object => ((await cluster.get(refOf(object))) === undefined ? [object] : [])),
  );
  // What still exists was not written, but others may have changed it in the meantime.
  const owned = await ownedObjects(ctx, deleted.flat());
  const autoscalers = owned.map((object): Snapshot => ({ ref: refOf(object), object }));
  const broughtUp = revision.before.filter(({ object }) => object === undefined);
  const failed: ObjectRef[] = [];
  const left: LeftObject[] = [];
  // The autoscalers come last: they would average over the pods of the twin, too.
  for (const snapshots of [broughtUp, autoscalers]) {
    const restored = await restoreSnapshots({
      ...{ cluster, writer, snapshots, release: records.release, log, clock, signal, created },
    });
    failed.push(...restored.failed.map(({ ref }) => ref));
    left.push(...restored.left);
  }
  await giveBackOwnership(ctx, service);
  return { failed, left };
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
