import type { Strategy } from '../strategy.js';
import { silentLog } from './adoption/refuse-staging.js';
import { deployBlueGreen } from './deploy.js';
import { planBlueGreen } from './plan.js';
import { restoreInterruptedRelease } from './restore-interrupted.js';
import { rollBackBlueGreen } from './rollback/rollback.js';
import { readToDeploy } from './staging/read-to-deploy.js';
import { blueGreenReleaseName, renderBlueGreen } from './staging/render.js';
import { blueGreenStatus } from './status.js';

/** The new version comes up on the idle role; one write switches all users to it. */
export const blueGreen: Strategy<'blue-green'> = {
  releaseName: blueGreenReleaseName,
  deploy: deployBlueGreen,
  plan: async (ctx, request) => {
    const deploy = await renderBlueGreen(ctx.log, request, await readToDeploy(ctx));
    return planBlueGreen(ctx, deploy, state => renderBlueGreen(silentLog(ctx.log), request, state));
  },
  rollBack: rollBackBlueGreen,
  status: blueGreenStatus,
  restoreInterrupted: restoreInterruptedRelease,
};
