import type { DeployBlueGreen } from '../../inputs/inputs.js';
import type { RunContext } from '../../run/context.js';
import { FailedStep, type Outcome } from '../outcome/outcome.js';
import { readOrCreate } from '../shared/recorded-release.js';
import { renderBlueGreen, type Draft } from '../shared/rendering.js';
import { resumeFinishSwitch } from './finish-switch.js';
import { promote } from './promote.js';
import { stage } from './staging/stage.js';
import type { SwitchPolicy } from './traffic-switch.js';

/**
 * The blue/green strategy: finishes what an earlier switch left, stages the revision on the idle role and, with
 * `switch: auto`, promotes it.
 */
export async function deployBlueGreen(
  ctx: RunContext,
  request: { readonly inputs: DeployBlueGreen; readonly draft: Draft },
): Promise<Outcome> {
  const { inputs, draft } = request;
  const policy = policyOf(inputs);
  let state = await readOrCreate(ctx, 'blue-green');
  if (state.operation?.kind === 'finish') {
    await resumeFinishSwitch(ctx, { state, policy });
    state = await readOrCreate(ctx, 'blue-green');
  }
  const staged = await stage(ctx, renderBlueGreen(ctx.log, { inputs, draft, state }));
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

function policyOf({ idlePolicy, drainMs, rollbackOnFailure, historyLimit }: DeployBlueGreen): SwitchPolicy {
  return { idlePolicy, drainMs, rollbackOnFailure, historyLimit };
}
