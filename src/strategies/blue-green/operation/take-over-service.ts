import { migrateFieldOwnership } from '../../../cluster/apply/apply-change.js';
import { fieldManager } from '../../../cluster/apply/field-manager.js';
import { hasApplied } from '../../../cluster/apply/owned-fields.js';
import type { KubeObject } from '../../../kubernetes/object.js';
import type { OperationContext } from '../../../run/context.js';
import { takesOver } from '../adoption/find/narrowed-service.js';

/** The public Service that a switch writes. */
export interface ServiceToTakeOver {
  readonly target: KubeObject;
  /** The live Service; absent: there is none. */
  readonly live: KubeObject | undefined;
  /** Whether fields of any other manager are taken over. */
  readonly force: boolean;
}

/**
 * Migrates the field ownership of a Service that another tool created, as a deploy does with any object that it applies for the
 * first time. Returns whether the switch must take fields over. Throws `conflict` where a manager owns them that is not migrated.
 */
export async function takeOverService(
  ctx: OperationContext,
  { target, live, force }: ServiceToTakeOver,
): Promise<boolean> {
  if (live === undefined || hasApplied(live, fieldManager)) return force;
  await migrateFieldOwnership(live, target, ctx);
  return takesOver(ctx, { narrowed: target, force });
}
