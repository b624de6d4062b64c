import { CutoverError } from '../../errors.js';
import { newRolling, type ReleaseState } from '../../release/state.js';
import { hasRoles } from '../../release/transitions.js';
import type { RunContext } from '../../run/context.js';
import { refuseUnfinished } from '../blue-green/operation/unfinished.js';
import type { DeployRequest, Strategy } from '../strategy.js';
import { deployRolling } from './deploy.js';
import { planRolling } from './plan.js';
import { renderRolling, rollingReleaseName } from './render.js';
import { restoreInterruptedRollout } from './restore-interrupted.js';
import type { RollingDeploy } from './rolling-deploy.js';
import { rollBackRolling } from './rollback.js';
import { rollingStatus } from './status.js';

/** Kubernetes replaces the pods in place, a few at a time. */
export const rolling: Strategy<'rolling'> = {
  releaseName: rollingReleaseName,
  deploy: (ctx, request) => deployRolling(ctx, () => nextRevision(ctx, request)),
  plan: async (ctx, request) => planRolling(ctx, await nextRevision(ctx, request)),
  rollBack: rollBackRolling,
  status: rollingStatus,
  restoreInterrupted: restoreInterruptedRollout,
};

async function nextRevision(ctx: RunContext, request: DeployRequest<'rolling'>): Promise<RollingDeploy> {
  return renderRolling(ctx.log, request, await stateOf(ctx, request));
}

/**
 * The record that a deploy starts from, a new one for a new release. The roles of a blue/green release are left. Throws `changed`
 * while something is staged or unfinished there, `input` when the step does not name the strategy.
 */
async function stateOf({ records }: RunContext, { inputs }: DeployRequest<'rolling'>): Promise<ReleaseState> {
  const { release } = records;
  const state = (await records.readState()) ?? newRolling(release);
  if (state.strategy === 'rolling') return state;
  if (hasRoles(state) && inputs.strategyOmitted) throw strategyOmitted(release);
  refuseUnfinished(state, ({ kind }) => kind === 'leave');
  if (state.staged === undefined) return state;
  const { revision, role } = state.staged;
  throw new CutoverError(`Revision ${revision} of release ${release} is staged on ${role}; nothing was changed`, {
    code: 'changed',
    hint: 'Use `action: promote` or `action: reject` first, then change the strategy.',
  });
}

/** A step that forgets the strategy must not delete the roles. */
function strategyOmitted(release: string): CutoverError {
  return new CutoverError(
    `Release ${release} is deployed with strategy blue-green, and the input "strategy" is omitted: its default is rolling`,
    {
      code: 'input',
      hint: 'Set `strategy: blue-green`. With `strategy: rolling`, the release leaves its roles, and both are deleted.',
    },
  );
}
