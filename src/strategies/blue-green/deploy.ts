import type { RunContext } from '../../run/context.js';
import { readSettled } from '../../run/under-lock.js';
import { FailedStep, type Outcome } from '../outcome/outcome.js';
import type { DeployRequest } from '../strategy.js';
import { adoptLive } from './adoption/adopt.js';
import { resumeFinishSwitch } from './finish-switch.js';
import { promote } from './promote.js';
import { readToDeploy, toDeploy } from './staging/read-to-deploy.js';
import { renderBlueGreen } from './staging/render.js';
import { stage } from './staging/stage.js';
import type { BlueGreenDeploy } from './staging/staging.js';
import { switchPolicyOf } from './traffic-switch.js';

/**
 * The blue/green strategy: finishes what an earlier switch left, adopts what is live without roles, stages the revision on the
 * idle role and, with `switch: auto`, promotes it.
 */
export async function deployBlueGreen(ctx: RunContext, request: DeployRequest<'blue-green'>): Promise<Outcome> {
  const { inputs } = request;
  const { lockTimeoutMs } = inputs;
  const policy = switchPolicyOf(inputs);
  const found = toDeploy(await readSettled(ctx, lockTimeoutMs, ({ records }) => records.readState()));
  const operation = found?.operation;
  if (operation?.kind === 'finish') await resumeFinishSwitch(ctx, { operation, policy, lockTimeoutMs });
  const read = async (): Promise<BlueGreenDeploy> => renderBlueGreen(ctx.log, request, await readToDeploy(ctx));
  const deploy = operation?.kind === 'finish' ? await read() : await renderBlueGreen(ctx.log, request, found);
  const isSwitching = operation?.kind === 'switch' && inputs.switch === 'auto' && isStaged(deploy);
  const adoption = isSwitching ? undefined : await adoptLive(ctx, deploy, read);
  const adopted = adoption ?? [];
  const staged = isSwitching ? undefined : await stage(ctx, adoption === undefined ? deploy : await read(), read);
  if (staged !== undefined && (inputs.switch === 'manual' || staged.outcome !== 'staged'))
    return { ...staged, changes: [...adopted, ...staged.changes] };
  const revision = staged === undefined ? operation?.revision : staged.revision;
  const promoted = await promote(ctx, {
    ...(revision !== undefined && { revision }),
    verify: inputs.verify,
    force: inputs.forceConflicts,
    timeoutMs: inputs.timeoutMs,
    lockTimeoutMs,
    policy,
  }).catch((error: unknown) => {
    // An error that is not a `FailedStep` ended the promotion before it switched anything: users are where staging left them.
    throw error instanceof FailedStep || staged === undefined ? error : new FailedStep(error, staged);
  });
  return { ...promoted, changes: [...adopted, ...(staged?.changes ?? []), ...promoted.changes] };
}

/** Whether this content is what an interrupted switch was switching to. */
function isStaged({ state, contentHash }: BlueGreenDeploy): boolean {
  const { staged, operation, roles } = state;
  return (
    staged !== undefined && operation?.revision === staged.revision && roles[staged.role]?.contentHash === contentHash
  );
}
