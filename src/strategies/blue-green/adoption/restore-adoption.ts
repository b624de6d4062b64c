import { restoreSnapshots } from '../../../cluster/apply/restore-snapshots.js';
import { hasApplied } from '../../../cluster/apply/owned-fields.js';
import { fieldManager } from '../../../cluster/apply/field-manager.js';
import { asCutoverError } from '../../../errors.js';
import { isAutoscaler } from '../../../kubernetes/autoscaler.js';
import { describeRef, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import type { OperationContext } from '../../../run/context.js';
import { isFound } from '../../recorded/found-objects.js';
import { ownedObjects } from '../../recorded/owned-objects.js';
import { partsOf, type BegunAdoption } from './begun-adoption.js';

/**
 * Takes back an adoption whose Service was not narrowed yet: the autoscalers of the live Deployment are created again, and the
 * twin is removed. The live Deployment was not written. Returns what could not be restored.
 */
export async function restoreAdoption(
  ctx: OperationContext,
  { revision }: BegunAdoption,
): Promise<readonly ObjectRef[]> {
  const { cluster, writer, records, log, clock, created, lockLost: signal } = ctx;
  const { service, liveAutoscalers } = partsOf(revision);
  const deleted = await Promise.all(
    liveAutoscalers.map(async object => ((await cluster.get(refOf(object))) === undefined ? [object] : [])),
  );
  // What still exists was not written, but others may have changed it in the meantime.
  const snapshots: readonly Snapshot[] = [
    ...(await ownedObjects(ctx, deleted.flat().filter(isAutoscaler))).map(object => ({ ref: refOf(object), object })),
    ...revision.before.filter(({ object }) => object === undefined),
  ];
  const { failed } = await restoreSnapshots({
    ...{ cluster, writer, snapshots, release: records.release, log, clock, signal, created },
  });
  await giveBackOwnership(ctx, service);
  return failed.map(({ ref }) => ref);
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
