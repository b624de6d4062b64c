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
 * The same for a step that only looks for left objects, and so can go on without the revision: also `undefined`, with a warning, if the
 * record of the revision cannot be used.
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
      `Which objects revision ${number} has and needs is not known: ${error.message}. This step goes on without them; a step that needs revision ${number} will fail.`,
    );
    return undefined;
  }
}
