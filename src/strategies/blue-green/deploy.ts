import type { RunContext } from '../../run/context.js';
import { FailedStep, type Outcome } from '../outcome/outcome.js';
import { readOrCreate } from '../shared/recorded-release.js';
import type { DeployRequest } from '../strategy.js';
import { resumeFinishSwitch } from './finish-switch.js';
import { promote } from './promote.js';
import { renderBlueGreen } from './staging/render.js';
import { stage } from './staging/stage.js';
import { switchPolicyOf } from './traffic-switch.js';

/**
 * The blue/green strategy: finishes what an earlier switch left, stages the revision on the idle role and, with
 * `switch: auto`, promotes it.
 */
export async function deployBlueGreen(ctx: RunContext, request: DeployRequest<'blue-green'>): Promise<Outcome> {
  const { inputs } = request;
  const policy = switchPolicyOf(inputs);
  let state = await readOrCreate(ctx, 'blue-green');
  if (state.operation?.kind === 'finish') {
    await resumeFinishSwitch(ctx, { state, policy });
    state = await readOrCreate(ctx, 'blue-green');
  }
  const staged = await stage(ctx, renderBlueGreen(ctx.log, request, state));
  if (inputs.switch === 'manual' || staged.outcome !== 'staged') return staged;
  const promoted = await promote(ctx, {
    ...(staged.revision !== undefined && { revision: staged.revision }),
    verify: inputs.verify,
    force: inputs.forceConflicts,
    timeoutMs: inputs.timeoutMs,
    policy,
  }).catch((error: unknown) => {
    // An error that is not a `FailedStep` ended the promotion before it switched anything: users are where staging left them.
    throw error instanceof FailedStep ? error : new FailedStep(error, staged);
  });
  return { ...promoted, changes: [...staged.changes, ...promoted.changes] };
}
