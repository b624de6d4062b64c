import type { ReleaseState } from '../../release/state.js';
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
  const resumed = inputs.switch === 'auto' ? await switchedTo(ctx, request, found) : undefined;
  const isSwitching = resumed !== undefined;
  const deploy =
    resumed ?? (operation?.kind === 'finish' ? await read() : await renderBlueGreen(ctx.log, request, found));
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

/** The manifests as the revision that an interrupted switch was switching to; `undefined`: they are others, or there is no such switch. */
async function switchedTo(
  ctx: RunContext,
  request: DeployRequest<'blue-green'>,
  found: ReleaseState | undefined,
): Promise<BlueGreenDeploy | undefined> {
  if (found?.strategy !== 'blue-green' || found.operation?.kind !== 'switch') return undefined;
  const { staged, operation, roles } = found;
  if (staged?.revision !== operation.revision) return undefined;
  // As they were rendered then: they may name their revision.
  const deploy = await renderBlueGreen(ctx.log, request, { ...found, latest: operation.revision - 1 });
  return roles[staged.role]?.contentHash === deploy.contentHash ? deploy : undefined;
}
