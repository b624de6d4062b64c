import { isDeployment } from '../../../kubernetes/deployment.js';
import { groupKind } from '../../../kubernetes/kinds.js';
import { describeRef, type ObjectRef } from '../../../kubernetes/object.js';
import type { AdoptedDeployment } from '../../../release/operation.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import { isFound } from '../../recorded/found-objects.js';

/** Kinds of the objects that an adoption takes the place of. */
const adoptable: ReadonlySet<string> = new Set(['apps/Deployment', 'policy/PodDisruptionBudget']);

/** An object that other tools created, with its uid. */
export interface FoundObject {
  readonly ref: ObjectRef;
  readonly uid: string | undefined;
}

/**
 * Deletes an object that was live before an adoption, and so does not carry the release's annotation: only the object with
 * that uid, of a kind that is adopted, in the release's namespace, and not if it belongs to another release.
 */
export async function removeFound(ctx: OperationContext, { ref, uid }: FoundObject): Promise<void> {
  if (uid === undefined || !adoptable.has(groupKind(ref)) || ref.namespace !== ctx.records.namespace) return;
  if (!isFound(ctx, await ctx.cluster.get(ref), uid)) return;
  await ctx.writer.remove(ref, { uid });
  ctx.log.info(`${describeRef(ref)} removed`);
}

/** Whether a recorded Deployment may be one that was adopted: others are neither scaled nor deleted, whatever the record says. */
export function isAdoptable(ctx: Pick<RunContext, 'records'>, { ref }: AdoptedDeployment): boolean {
  return isDeployment(ref) && ref.namespace === ctx.records.namespace;
}
