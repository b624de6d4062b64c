import { CutoverError } from '../../errors.js';
import { newRolling, type RollingState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import type { DeployRequest, Strategy } from '../strategy.js';
import { deployRolling, type RollingDeploy } from './deploy.js';
import { planRolling } from './plan.js';
import { renderRolling, rollingReleaseName } from './render.js';
import { restoreInterruptedRollout } from './restore-interrupted.js';
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

/** The record that a deploy starts from, a new one for a new release. Throws `input` when it is of the other strategy. */
async function stateOf({ records }: RunContext): Promise<RollingState> {
  const { release } = records;
  const state = (await records.readState()) ?? newRolling(release);
  if (state.strategy === 'rolling') return state;
  throw new CutoverError(`Release ${release} is deployed with strategy ${state.strategy}, not rolling`, {
    code: 'input',
    hint: 'Set the input `strategy` as before.',
  });
}
