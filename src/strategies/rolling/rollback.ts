import { CutoverError } from '../../errors.js';
import type { Rollback } from '../../inputs/inputs.js';
import { requirePlan } from '../../cluster/apply/dry-run-all.js';
import { previousRevision } from '../../release/retention.js';
import type { RollingOperation, RollingState } from '../../release/state.js';
import type { LockedContext, RunContext } from '../../run/context.js';
import { underLock } from '../../run/under-lock.js';
import { recordedChecks } from '../../verify/recorded-checks.js';
import { requireOwnedObjects } from '../recorded/owned-objects.js';
import type { Outcome } from '../outcome/outcome.js';
import {
  isRolledBack,
  noRevisionToRollBackTo,
  recordedResource,
  rolledBackBefore,
  warnOfSecrets,
} from '../shared/recorded-objects.js';
import { readRelease } from '../shared/recorded-release.js';
import type { RollbackRequest } from '../strategy.js';
import { earliest, recordable, snapshotsOf } from '../shared/snapshots.js';
import { interruptedSnapshots } from './deploy.js';
import { warnOfLeftObjects } from './left-objects.js';
import { rollOut } from './rollout.js';

/** Applies an earlier revision again exactly as it was recorded, ConfigMaps included. */
export async function rollBackRolling(ctx: RunContext, request: RollbackRequest<RollingState>): Promise<Outcome> {
  const { inputs, approve } = request;
  const aim = targetOf(inputs, request.state);
  if (aim === undefined) return rolledBackBefore(ctx, request.state);
  const approval = approve && (await ctx.phase('Confirm', approve));
  return underLock(ctx, inputs.lockTimeoutMs, async locked => {
    const state = await readRolling(locked);
    const target = targetOf(inputs, state);
    if (target === undefined) return rolledBackBefore(locked, state);
    const recorded = await locked.records.readRevision(target);
    await warnOfSecrets(locked, recorded);
    // Jobs of that revision have already run. Running an old migration again could revert a newer one.
    const repeated = recorded.objects.filter(({ kind }) => kind !== 'Job');
    const objects = await requireOwnedObjects(locked, repeated);
    const resources = objects.map(object => recordedResource(object, recorded.number));
    const planned = await locked.phase('Plan', async () => {
      const changes = await requirePlan({
        cluster: locked.cluster,
        resources,
        force: recorded.force,
        applied: state.applied,
        recent: locked.recentApplies,
      });
      locked.logPlan(changes);
      return changes;
    });
    const left = await warnOfLeftObjects(locked, state, resources);
    const snapshots = earliest(await interruptedSnapshots(locked, state), snapshotsOf(planned));
    return rollOut(locked, {
      kind: 'rollback',
      state,
      revision: { ...recorded, before: recordable(snapshots), ...(approval !== undefined && { approval }) },
      planned,
      snapshots,
      waitOptions: { timeoutMs: inputs.timeoutMs, stableForMs: inputs.stableForMs },
      checks: inputs.verify ?? recordedChecks(recorded.checks, locked.log),
      force: recorded.force,
      rollbackOnFailure: inputs.rollbackOnFailure,
      historyLimit: inputs.historyLimit,
      left,
    });
  });
}

/** The revision to roll back to; `undefined`: the last step was a rollback already. Throws `no-revision` when there is none. */
function targetOf({ revision }: Rollback, state: RollingState): number | undefined {
  if (revision !== undefined) return revision;
  // The target of a rollback that was interrupted: its failed attempt is no reason to go back further.
  if (state.operation?.kind === 'rollback') return state.operation.revision;
  if (isRolledBack(state)) return undefined;
  const target = previousRevision(state);
  if (target !== undefined) return target;
  throw state.operation === undefined ? noRevisionToRollBackTo(state.release) : neverFinished(state, state.operation);
}

function neverFinished({ release }: RollingState, { revision, run }: RollingOperation): CutoverError {
  return new CutoverError(
    `Release ${release} cannot be rolled back: the deploy of revision ${revision} was never finished, and no earlier revision is on record`,
    { code: 'no-revision', hint: `Run \`action: deploy\` again. It was begun by ${run}.` },
  );
}

async function readRolling(ctx: LockedContext): Promise<RollingState> {
  const state = await readRelease(ctx);
  if (state.strategy === 'rolling') return state;
  throw new CutoverError(`Release ${state.release} was deployed with strategy blue-green in the meantime`, {
    code: 'changed',
    hint: 'Run this step again.',
  });
}
