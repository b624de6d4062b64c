import type { RunContext } from '../../run/context.js';
import type { DeployRequest, Strategy } from '../strategy.js';
import { deployRolling } from './deploy.js';
import { planRolling } from './plan.js';
import { readToDeploy, readToDeployOnceSettled } from './read-to-deploy.js';
import { renderRolling, rollingReleaseName } from './render.js';
import { restoreInterruptedRollout } from './restore-interrupted.js';
import type { RollingDeploy } from './rolling-deploy.js';
import { rollBackRolling } from './rollback.js';
import { rollingStatus } from './status.js';

/** Kubernetes replaces the pods in place, a few at a time. */
export const rolling: Strategy<'rolling'> = {
  releaseName: rollingReleaseName,
  deploy: async (ctx, request) => {
    const state = await readToDeployOnceSettled(ctx, request.inputs);
    return deployRolling(ctx, await renderRolling(ctx.log, request, state), () => nextRevision(ctx, request));
  },
  plan: async (ctx, request) => planRolling(ctx, await nextRevision(ctx, request)),
  rollBack: rollBackRolling,
  status: rollingStatus,
  restoreInterrupted: restoreInterruptedRollout,
};

async function nextRevision(ctx: RunContext, request: DeployRequest<'rolling'>): Promise<RollingDeploy> {
  return renderRolling(ctx.log, request, await readToDeploy(ctx, request.inputs));
}
