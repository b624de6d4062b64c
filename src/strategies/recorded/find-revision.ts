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
