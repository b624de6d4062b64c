import { CutoverError } from '../../errors.js';
import { newRolling, type ReleaseState } from '../../release/state.js';
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
  return renderRolling(ctx.log, request, await stateOf(ctx));
}

/**
 * The record that a deploy starts from, a new one for a new release. The roles of a blue/green release are left. Throws `changed`
 * while something is staged or unfinished there.
 */
async function stateOf({ records }: RunContext): Promise<ReleaseState> {
  const { release } = records;
  const state = (await records.readState()) ?? newRolling(release);
  if (state.strategy === 'rolling') return state;
  refuseUnfinished(state, ({ kind }) => kind === 'leave');
  if (state.staged === undefined) return state;
  const { revision, role } = state.staged;
  throw new CutoverError(`Revision ${revision} of release ${release} is staged on ${role}; nothing was changed`, {
    code: 'changed',
    hint: 'Use `action: promote` or `action: reject` first, then change the strategy.',
  });
}
