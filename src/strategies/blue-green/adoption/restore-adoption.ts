import { restoreSnapshots, type LeftObject } from '../../../cluster/apply/restore-snapshots.js';
import { hasApplied } from '../../../cluster/apply/owned-fields.js';
import { fieldManager } from '../../../cluster/apply/field-manager.js';
import { asCutoverError } from '../../../errors.js';
import { isAutoscaler } from '../../../kubernetes/autoscaler.js';
import { describeRef, refOf, type KubeObject, type ObjectRef } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import type { OperationContext } from '../../../run/context.js';
import { partsOf, type BegunAdoption } from './begun-adoption.js';

/** What a restored adoption leaves. */
export interface RestoredAdoption {
  /** What could not be restored. */
  readonly failed: readonly ObjectRef[];
  /** What others have written, such as a twin that another tool has annotated. */
  readonly left: readonly LeftObject[];
}

/**
 * Takes back an adoption whose Service was not narrowed yet: the autoscalers of the live Deployment are created again, and the
 * twin is removed. The live Deployment was not written.
 */
export async function restoreAdoption(ctx: OperationContext, { revision }: BegunAdoption): Promise<RestoredAdoption> {
  const { cluster, writer, records, log, clock, created, lockLost: signal } = ctx;
  const { service, liveAutoscalers } = partsOf(revision);
  const deleted = await Promise.all(
    liveAutoscalers.map(async object => ((await cluster.get(refOf(object))) === undefined ? [object] : [])),
  );
  // What still exists was not written, but others may have changed it in the meantime.
  const snapshots: readonly Snapshot[] = [
    ...deleted
      .flat()
      .filter(object => isAutoscaler(object) && object.metadata.namespace === records.namespace)
      .map(object => ({ ref: refOf(object), object })),
    ...revision.before.filter(({ object }) => object === undefined),
  ];
  const { failed, left } = await restoreSnapshots({
    ...{ cluster, writer, snapshots, release: records.release, log, clock, signal, created },
  });
  await giveBackOwnership(ctx, service);
  return { failed: failed.map(({ ref }) => ref), left };
}

/** The fields of the Service belong to the tools again that owned them, so that those can go on applying it. */
async function giveBackOwnership(ctx: OperationContext, service: KubeObject): Promise<void> {
  if (hasApplied(service, fieldManager)) return;
  try {
    const live = await ctx.cluster.get(refOf(service));
    if (live === undefined || live.metadata.uid !== service.metadata.uid || !hasApplied(live, fieldManager)) return;
    await ctx.writer.setManagedFields(live, service.metadata.managedFields ?? []);
  } catch (error) {
    ctx.log.warning(
      `${describeRef(refOf(service))}: its fields still belong to Cutover: ${asCutoverError(error).message}`,
    );
  }
}
