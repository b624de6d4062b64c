import { CutoverError } from '../../errors.js';
import { newRolling, type ReleaseState } from '../../release/state.js';
import { hasRoles } from '../../release/transitions.js';
import type { RunContext } from '../../run/context.js';
import { underLock } from '../../run/under-lock.js';
import { refuseUnfinished } from '../blue-green/operation/unfinished.js';
import type { DeployRequest, Strategy } from '../strategy.js';
import { deployRolling } from './deploy.js';
import { planRolling } from './plan.js';
import { renderRolling, rollingReleaseName } from './render.js';
import { restoreInterruptedRollout } from './restore-interrupted.js';
import type { RollingDeploy } from './rolling-deploy.js';
import { rollBackRolling } from './rollback.js';
import { rollingStatus } from './status.js';

/** Kubernetes replaces the pods in place, a few at a time. */
export const rolling: Strategy<'rolling'> = {
  releaseName: rollingReleaseName,
  deploy: async (ctx, request) => {
    let found: ReleaseState | undefined = await readToDeploy(ctx, request);
    return deployRolling(ctx, async () => {
      const state = found ?? (await read(ctx));
      found = undefined;
      return nextRevision(ctx, request, state);
    });
  },
  plan: async (ctx, request) => planRolling(ctx, await nextRevision(ctx, request, await read(ctx))),
  rollBack: rollBackRolling,
  status: rollingStatus,
  restoreInterrupted: restoreInterruptedRollout,
};

/** The record, a new one for a new release. */
async function read({ records }: Pick<RunContext, 'records'>): Promise<ReleaseState> {
  return (await records.readState()) ?? newRolling(records.release);
}

/** The record that a deploy starts from. A run that is at work on the roles is waited for: it may leave nothing unfinished. */
async function readToDeploy(ctx: RunContext, { inputs }: DeployRequest<'rolling'>): Promise<ReleaseState> {
  const state = await read(ctx);
  const isAtWork = state.strategy === 'blue-green' && state.operation !== undefined;
  return isAtWork ? underLock(ctx, inputs.lockTimeoutMs, read) : state;
}

/**
 * The next revision after the record. The roles of a blue/green release are left. Throws `changed` while something is staged or
 * unfinished there, `input` when the step does not name the strategy.
 */
async function nextRevision(
  { log, records: { release } }: RunContext,
  request: DeployRequest<'rolling'>,
  state: ReleaseState,
): Promise<RollingDeploy> {
  refuseRoles(release, request, state);
  return renderRolling(log, request, state);
}

function refuseRoles(release: string, { inputs }: DeployRequest<'rolling'>, state: ReleaseState): void {
  if (state.strategy === 'rolling') return;
  if (hasRoles(state) && inputs.strategyOmitted) throw strategyOmitted(release);
  refuseUnfinished(state, ({ kind }) => kind === 'leave');
  if (state.staged === undefined) return;
  const { revision, role } = state.staged;
  throw new CutoverError(`Revision ${revision} of release ${release} is staged on ${role}; nothing was changed`, {
    code: 'changed',
    hint: 'Use `action: promote` or `action: reject` first, then change the strategy.',
  });
}

/** A step that forgets the strategy must not delete the roles. */
function strategyOmitted(release: string): CutoverError {
  return new CutoverError(
    `Release ${release} is deployed with strategy blue-green, and the input "strategy" is omitted: its default is rolling`,
    {
      code: 'input',
      hint: 'Set `strategy: blue-green`. With `strategy: rolling`, the release leaves its roles, and both are deleted.',
    },
  );
}
