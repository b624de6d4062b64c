import { asCutoverError, CutoverError } from '../../errors.js';
import type { Revision } from '../../release/revision.js';
import { revisionOfRole } from '../../release/revision-of-role.js';
import type { RoleRecord } from '../../release/state.js';
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

/** A revision as it is for a role. Throws `no-revision` if it is not on record for that role. */
export async function readRevisionOfRole(
  { records }: Pick<RunContext, 'records'>,
  number: number,
  role: string,
): Promise<Revision> {
  const recorded = await records.readRevision(number);
  const revision = revisionOfRole(recorded, role);
  if (revision !== undefined) return revision;
  throw new CutoverError(`Revision ${number} of ${records.release} is not on record for ${role}`, {
    code: 'no-revision',
    hint: `It was staged on ${recorded.role ?? 'no role'}. Run \`action: status\` to see what each role runs.`,
  });
}

/** What a role runs: a hot backup runs what was staged on the other role. `undefined`: it is not on record. */
export async function findRevisionOfRole(
  ctx: Pick<RunContext, 'records'>,
  { revision: number }: Pick<RoleRecord, 'revision'>,
  role: string,
): Promise<Revision | undefined> {
  const revision = number === undefined ? undefined : await findRevision(ctx, number);
  return revision && revisionOfRole(revision, role);
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
