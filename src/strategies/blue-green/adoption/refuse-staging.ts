import type { Log } from '../../../log.js';
import type { RunContext } from '../../../run/context.js';
import { throwAny } from '../../shared/refusals.js';
import type { BlueGreenDeploy } from '../staging/staging.js';
import { decideStaging } from '../staging/staging-decision.js';
import type { AdoptedRole } from './adoption.js';

/**
 * Throws every reason why the new version could not be staged once the live one is adopted: then nothing is adopted, either.
 * Logs nothing, since the staging itself decides again.
 */
export async function refuseStaging(ctx: RunContext, deploy: BlueGreenDeploy, adoption: AdoptedRole): Promise<void> {
  const silent: RunContext = {
    ...ctx,
    log: silentLog(ctx.log),
    phase: (_name, work) => work(),
    logPlan: () => undefined,
    recordFindings: () => undefined,
  };
  throwAny((await decideStaging(silent, deploy, { adoption })).refusals);
}

/** The log without its lines; secrets are still masked. */
export function silentLog(log: Log): Log {
  const nothing = (): void => undefined;
  return {
    info: nothing,
    debug: nothing,
    warning: nothing,
    error: nothing,
    mask: secret => log.mask(secret),
    hide: secret => log.hide(secret),
    group: (_title, work) => work(),
  };
}
