import { asCutoverError } from '../../../errors.js';
import { describeRef, refOf } from '../../../kubernetes/object.js';
import type { Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { OperationContext } from '../../../run/context.js';
import { removeLive } from '../../recorded/remove-live.js';
import { reachedRole } from '../operation/reached-role.js';

/** A role whose switch was undone. */
interface UndoneSwitch {
  readonly state: BlueGreenState;
  readonly role: string;
  readonly revision: Pick<Revision, 'objects' | 'applyAfterSwitch'>;
}

/**
 * Removes the autoscalers that an undone promotion had applied: the role is only staged again, and one without users would be scaled
 * down to its minimum before the next promotion, or up by metrics that are not its own. Never throws: users are back already.
 */
export async function removeStagedAutoscalers(
  ctx: OperationContext,
  { state, role, revision }: UndoneSwitch,
): Promise<void> {
  // A rollback leads to a role that is kept with its autoscalers.
  if (state.staged?.role !== role) return;
  for (const object of revision.applyAfterSwitch) {
    const ref = refOf(object);
    try {
      if ((await reachedRole(ctx, state, { role, revision })) === undefined) await removeLive(ctx, ref);
    } catch (error) {
      ctx.log.warning(
        `${describeRef(ref)} could not be removed (${asCutoverError(error).message}): it scales ${role}, which is only staged`,
      );
    }
  }
}
