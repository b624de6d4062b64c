import { CutoverError } from '../../../errors.js';
import type { ReleaseState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';

/**
 * The record that a deploy starts from; `undefined` for a new release. That of a rolling release is adopted. Throws `changed`
 * when a rolling deploy or rollback is unfinished.
 */
export async function readToDeploy({ records }: Pick<RunContext, 'records'>): Promise<ReleaseState | undefined> {
  return toDeploy(await records.readState());
}

/** The record as {@link readToDeploy} gives it, where it was read before. */
export function toDeploy(state: ReleaseState | undefined): ReleaseState | undefined {
  if (state?.strategy !== 'rolling' || state.operation === undefined) return state;
  const { kind, revision, run } = state.operation;
  throw new CutoverError(
    `The ${kind} of revision ${revision} of release ${state.release} was never finished; nothing was changed`,
    {
      code: 'changed',
      hint: `Run it again with \`strategy: rolling\`, then change the strategy. It was begun by ${run}.`,
    },
  );
}
