import { CutoverError } from '../../errors.js';
import type { DeployInputs } from '../../inputs/inputs.js';
import { newRolling, type ReleaseState } from '../../release/state.js';
import { hasRoles } from '../../release/transitions.js';
import type { RunContext } from '../../run/context.js';
import { refuseUnfinished } from '../blue-green/operation/unfinished.js';

/**
 * The record that a deploy starts from, a new one for a new release. The roles of a blue/green release are left. Throws `changed`
 * while something is staged or unfinished there, `input` when the step does not name the strategy.
 */
export async function readToDeploy(
  { records }: Pick<RunContext, 'records'>,
  { strategyOmitted }: Pick<DeployInputs<'rolling'>, 'strategyOmitted'>,
): Promise<ReleaseState> {
  const { release } = records;
  const state = (await records.readState()) ?? newRolling(release);
  if (state.strategy === 'rolling') return state;
  if (hasRoles(state) && strategyOmitted) throw noStrategy(release);
  refuseUnfinished(state, ({ kind }) => kind === 'leave');
  if (state.staged === undefined) return state;
  const { revision, role } = state.staged;
  throw new CutoverError(`Revision ${revision} of release ${release} is staged on ${role}; nothing was changed`, {
    code: 'changed',
    hint: 'Use `action: promote` or `action: reject` first, then change the strategy.',
  });
}

/** A step that forgets the strategy must not delete the roles. */
function noStrategy(release: string): CutoverError {
  return new CutoverError(
    `Release ${release} is deployed with strategy blue-green, and the input "strategy" is omitted: its default is rolling`,
    {
      code: 'input',
      hint: 'Set `strategy: blue-green`. With `strategy: rolling`, the release leaves its roles, and both are deleted.',
    },
  );
}
