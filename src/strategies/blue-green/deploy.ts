import type { BlueGreenOperation, FinishOperation } from '../../release/operation.js';
import type { ReleaseState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import { readSettled } from '../../run/under-lock.js';
import { changesBeforeFailure, mergedChanges } from '../outcome/changes.js';
import { FailedStep, type ObjectChange, type Outcome } from '../outcome/outcome.js';
import type { DeployRequest } from '../strategy.js';
import { roleRecords } from '../../traffic/active-role.js';
import { adoptLive } from './adoption/adopt.js';
import { refuseExpiring } from './switch/refuse-expiring.js';
import { resumeFinishSwitch } from './switch/finish-switch.js';
import { withLabelsOf } from './live-traffic.js';
import { withUsersNow } from './operation/users-now.js';
import { promote } from './promote.js';
import { readToDeploy, toDeploy } from './staging/read-to-deploy.js';
import { renderBlueGreen } from './staging/render.js';
import { stage, type StageOptions } from './staging/stage.js';
import type { BlueGreenDeploy } from './staging/staging.js';
import { switchPolicyOf } from './switch/traffic-switch.js';

/**
 * The blue/green strategy: finishes what an earlier switch left, adopts what is live without roles, stages the revision on the
 * idle role and, with `switch: auto`, promotes it.
 */
export async function deployBlueGreen(ctx: RunContext, request: DeployRequest<'blue-green'>): Promise<Outcome> {
  const { inputs } = request;
  const { lockTimeoutMs } = inputs;
  const found = toDeploy(await readSettled(ctx, lockTimeoutMs, ({ records }) => records.readState()));
  const operation = found?.operation;
  if (inputs.switch === 'auto') await refuseExpiring(ctx, { ...leftBySwitch(found), policy: switchPolicyOf(inputs) });
  if (operation?.kind === 'finish') await finishEarlier(ctx, request, { found, operation });
  const read = async (): Promise<BlueGreenDeploy> => renderBlueGreen(ctx.log, request, await readToDeploy(ctx));
  if (inputs.switch === 'auto' && (await isSwitchingTo(ctx, request, found)))
    return promoteNow(ctx, request, operation?.revision);
  const deploy = operation?.kind === 'finish' ? await read() : await renderBlueGreen(ctx.log, request, found);
  const adoption = await adoptLive(ctx, deploy, read);
  const adopted = adoption ?? [];
  const toStage = adoption === undefined ? deploy : await read();
  const next: StageOptions['next'] = async (locked, staged, latest) =>
    inputs.switch === 'manual' || staged.outcome !== 'staged'
      ? staged
      : promoteAfterStaging(locked, request, { deploy: latest, staged });
  const outcome = await stage(ctx, toStage, { read, next }).catch((error: unknown) => {
    throw following(adopted, error);
  });
  return { ...outcome, changes: mergedChanges(adopted, outcome.changes) };
}

/** What is known of the role that users would leave. */
function leftBySwitch(found: ReleaseState | undefined): Pick<Parameters<typeof refuseExpiring>[1], 'state' | 'from'> {
  if (found?.strategy !== 'blue-green') return {};
  const [from] = Object.entries(found.roles).find(([, { revision }]) => revision === found.current) ?? [];
  return { state: found, from };
}

/** Finishes an earlier switch. A hot backup is made only of what is deployed now: another revision takes its place at once. */
async function finishEarlier(
  ctx: RunContext,
  request: DeployRequest<'blue-green'>,
  { found, operation }: { readonly found: ReleaseState | undefined; readonly operation: FinishOperation },
): Promise<void> {
  const { verify, lockTimeoutMs, ...inputs } = request.inputs;
  const policy = switchPolicyOf(inputs);
  const isBackup = policy.idlePolicy.policy === 'hot-backup' && (await isContentOf(ctx, request, { found, operation }));
  const idlePolicy = isBackup || policy.idlePolicy.policy !== 'hot-backup' ? policy.idlePolicy : keep;
  await resumeFinishSwitch(ctx, { operation, policy: { ...policy, idlePolicy }, lockTimeoutMs, verify });
}

const keep = { policy: 'keep' } as const;

function promoteNow(
  ctx: RunContext,
  { inputs }: DeployRequest<'blue-green'>,
  revision: number | undefined,
): Promise<Outcome> {
  return promote(ctx, {
    ...(revision !== undefined && { revision }),
    verify: inputs.verify,
    force: inputs.forceConflicts,
    timeoutMs: inputs.timeoutMs,
    lockTimeoutMs: inputs.lockTimeoutMs,
    policy: switchPolicyOf(inputs),
  });
}

/** Promotes what this step has staged. */
async function promoteAfterStaging(
  ctx: RunContext,
  request: DeployRequest<'blue-green'>,
  { deploy, staged }: { readonly deploy: BlueGreenDeploy; readonly staged: Outcome },
): Promise<Outcome> {
  try {
    const promoted = await promoteNow(ctx, request, staged.revision);
    return { ...promoted, changes: mergedChanges(staged.changes, promoted.changes) };
  } catch (error) {
    if (error instanceof FailedStep) throw following(staged.changes, stillStaged(staged, error));
    // The promotion ended before it switched anything.
    const { state, resources } = deploy;
    // The staged role has the labels of the manifests now, and not those on record from before.
    const roles = Object.fromEntries(Object.entries(state.roles).filter(([role]) => role !== staged.stagedRole));
    const led = withLabelsOf({ ...state, roles }, roleRecords(resources));
    throw new FailedStep(error, await withUsersNow(ctx, led, staged));
  }
}

/** A failed promotion with the way to discard what this step has staged, which stays while no user is on it. */
function stillStaged({ rollbackHint }: Outcome, { cause, outcome }: FailedStep): FailedStep {
  const { stagedRole, activeRole } = outcome;
  if (rollbackHint === undefined || stagedRole === undefined || stagedRole === activeRole)
    return new FailedStep(cause, outcome);
  return new FailedStep(cause, { rollbackHint, ...outcome });
}

/** A failure with what was changed before the work that failed. */
function following(before: readonly ObjectChange[], thrown: unknown): unknown {
  if (!(thrown instanceof FailedStep)) return thrown;
  const { outcome, cause } = thrown;
  return new FailedStep(cause, { ...outcome, changes: changesBeforeFailure(before, outcome.changes) });
}

/** Whether an interrupted switch was switching to the revision that these manifests are. */
async function isSwitchingTo(
  ctx: RunContext,
  request: DeployRequest<'blue-green'>,
  found: ReleaseState | undefined,
): Promise<boolean> {
  if (found?.strategy !== 'blue-green' || found.operation?.kind !== 'switch') return false;
  const { staged, operation } = found;
  return staged?.revision === operation.revision && (await isContentOf(ctx, request, { found, operation }));
}

/** Whether these manifests are the revision of an operation. */
async function isContentOf(
  ctx: RunContext,
  request: DeployRequest<'blue-green'>,
  { found, operation }: { readonly found: ReleaseState | undefined; readonly operation: BlueGreenOperation },
): Promise<boolean> {
  if (found?.strategy !== 'blue-green') return false;
  const { revision } = operation;
  // As they were rendered then: they may name their revision.
  const deploy = await renderBlueGreen(ctx.log, request, { ...found, latest: revision - 1 });
  return Object.values(found.roles).some(role => role.revision === revision && role.contentHash === deploy.contentHash);
}
