import { asCutoverError } from '../../errors.js';
import type { Revision } from '../../release/revision.js';
import type { RunContext } from '../../run/context.js';

/** `undefined`: somebody deleted it from the record, so which objects belong to it is unknown. */
export async function findRevision(
  { records }: Pick<RunContext, 'records'>,
  number: number,
): Promise<Revision | undefined> {
  try {
    return await records.readRevision(number);
  } catch (error) {
    if (asCutoverError(error).code === 'no-revision') return undefined;
    throw error;
  }
}

/**
 * The same for a step that can do without the revision: one that cannot be read counts as deleted, too, with a warning. Such a step
 * only looks for objects that left the manifests.
 */
export async function findReadableRevision(
  ctx: Pick<RunContext, 'records' | 'log'>,
  number: number,
): Promise<Revision | undefined> {
  try {
    return await findRevision(ctx, number);
  } catch (thrown) {
    const error = asCutoverError(thrown);
    if (error.code !== 'record') throw thrown;
    ctx.log.warning(
      `Which objects revision ${number} has and needs is not known: ${error.message}. This step goes on without it; one that needs it will fail.`,
    );
    return undefined;
  }
}
