import type { RunContext } from '../../run/context.js';
import { readOrCreate } from '../shared/recorded-release.js';
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
  deploy: async (ctx, request) => deployRolling(ctx, await nextRevision(ctx, request)),
  plan: async (ctx, request) => planRolling(ctx, await nextRevision(ctx, request)),
  rollBack: rollBackRolling,
  status: rollingStatus,
  restoreInterrupted: restoreInterruptedRollout,
};

async function nextRevision(ctx: RunContext, request: DeployRequest<'rolling'>): Promise<RollingDeploy> {
  return renderRolling(ctx.log, request, await readOrCreate(ctx, 'rolling'));
}
