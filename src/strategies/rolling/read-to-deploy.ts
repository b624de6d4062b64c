import { CutoverError } from '../../errors.js';
import type { DeployInputs } from '../../inputs/inputs.js';
import { newRolling, type ReleaseState } from '../../release/state.js';
import { hasRoles } from '../../release/transitions.js';
import type { RunContext } from '../../run/context.js';
import { underLock } from '../../run/under-lock.js';
import { refuseUnfinished } from '../blue-green/operation/unfinished.js';

/**
 * The record that a deploy starts from, a new one for a new release. The roles of a blue/green release are left. Throws `changed`
 * while something is staged or unfinished there, `input` when the step does not name the strategy.
 */
export async function readToDeploy(ctx: RunContext, inputs: DeployInputs<'rolling'>): Promise<ReleaseState> {
  return refuseRoles(await readOrNew(ctx), inputs);
}

/** The same. A run that is at work on the roles is waited for: it may leave nothing unfinished. */
export async function readToDeployOnceSettled(ctx: RunContext, inputs: DeployInputs<'rolling'>): Promise<ReleaseState> {
  const state = await readOrNew(ctx);
  const isAtWork = state.strategy === 'blue-green' && state.operation !== undefined;
  return refuseRoles(isAtWork ? await underLock(ctx, inputs.lockTimeoutMs, readOrNew) : state, inputs);
}

async function readOrNew({ records }: RunContext): Promise<ReleaseState> {
  return (await records.readState()) ?? newRolling(records.release);
}

function refuseRoles(state: ReleaseState, { strategyOmitted }: DeployInputs<'rolling'>): ReleaseState {
  if (state.strategy === 'rolling') return state;
  if (hasRoles(state) && strategyOmitted) throw noStrategy(state.release);
  refuseUnfinished(state, ({ kind }) => kind === 'leave');
  if (state.staged === undefined) return state;
  const { revision, role } = state.staged;
  throw new CutoverError(`Revision ${revision} of release ${state.release} is staged on ${role}; nothing was changed`, {
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
