import { asCutoverError } from '../../../errors.js';
import { waitUntilGone } from '../../../cluster/apply/apply-change.js';
import { describeRef, refOf } from '../../../kubernetes/object.js';
import { isBeingDeleted } from '../../../kubernetes/pods/pod.js';
import type { Revision } from '../../../release/revision.js';
import type { OperationContext } from '../../../run/context.js';
import { ownedObjects } from '../../recorded/owned-objects.js';

/** Limit of the wait for each autoscaler that is being deleted. */
const deletionTimeoutMs = 60_000;

/**
 * Applies the autoscalers of a role that has the traffic now. The API server accepts an apply to an object that is being deleted,
 * and the object is gone nevertheless: KEDA has a finalizer on each ScaledObject, so one that was deleted for a staging or a
 * rollback may still be there. It is waited for. One with fields of others stays as it is, with a warning. Throws `timeout` or
 * `cancelled`.
 */
export async function applyAutoscalers(ctx: OperationContext, revision: Revision): Promise<void> {
  const { cluster, writer, clock, signal, log } = ctx;
  for (const object of await ownedObjects(ctx, revision.applyAfterSwitch)) {
    const ref = refOf(object);
    const live = await cluster.get(ref);
    if (live !== undefined && isBeingDeleted(live))
      await waitUntilGone(live, { cluster, clock, signal, log, timeoutMs: deletionTimeoutMs });
    try {
      await writer.apply(object, { force: revision.force });
      log.info(`${describeRef(ref)} applied, now that its role has the traffic`);
    } catch (error) {
      const { code, message, hint = '' } = asCutoverError(error);
      if (code !== 'conflict') throw error;
      // Users are there: what others have set must stop no later step.
      log.warning(`${describeRef(ref)} stays as others have set it: ${message}. ${hint}`);
    }
  }
}
