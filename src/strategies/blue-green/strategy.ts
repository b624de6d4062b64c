import { readOrCreate } from '../shared/recorded-release.js';
import type { Strategy } from '../strategy.js';
import { deployBlueGreen } from './deploy.js';
import { planBlueGreen } from './plan.js';
import { restoreInterruptedRelease } from './restore-interrupted.js';
import { rollBackBlueGreen } from './rollback.js';
import { blueGreenReleaseName, renderBlueGreen } from './staging/render.js';
import { blueGreenStatus } from './status.js';

/** The new version comes up on the idle role; one write switches all users to it. */
export const blueGreen: Strategy<'blue-green'> = {
  releaseName: blueGreenReleaseName,
  deploy: deployBlueGreen,
  plan: async (ctx, request) => {
    const state = await readOrCreate(ctx, 'blue-green');
    return planBlueGreen(ctx, renderBlueGreen(ctx.log, request, state));
  },
  rollBack: rollBackBlueGreen,
  status: blueGreenStatus,
  restoreInterrupted: restoreInterruptedRelease,
};
