import { CutoverError } from '../../errors.js';
import type { Rollback } from '../../inputs/inputs.js';
import { requirePlan } from '../../cluster/apply/dry-run-all.js';
import type { PlannedChange } from '../../plan/change.js';
import { isRolledBack, previousRevision } from '../../release/retention.js';
import type { Revision } from '../../release/revision.js';
import type { RollingOperation, RollingState } from '../../release/state.js';
import type { LockedContext, RunContext } from '../../run/context.js';
import { underLock } from '../../run/under-lock.js';
import { recordedChecks } from '../../verify/recorded-checks.js';
import { requireOwnedObjects } from '../recorded/owned-objects.js';
import type { Outcome } from '../outcome/outcome.js';
import {
  noRevisionToRollBackTo,
  recordedResource,
  rolledBackBefore,
  warnOfSecrets,
} from '../shared/recorded-objects.js';
import { readRelease } from '../shared/recorded-release.js';
import type { RollbackRequest } from '../strategy.js';
import { earliest, recordable, snapshotsOf } from '../shared/snapshots.js';
import { interruptedSnapshots } from './deploy.js';
import { rollOut } from './rollout.js';

/** Applies an earlier revision again exactly as it was recorded, ConfigMaps included. */
export async function rollBackRolling(ctx: RunContext, request: RollbackRequest<RollingState>): Promise<Outcome> {
  const { inputs, approve, state: found } = request;
  const aim = targetOf(inputs, found);
  if (aim.isRepeated && isLive(await planOf(ctx, found, await ctx.records.readRevision(aim.revision))))
    return rolledBackBefore(ctx, found);
  const approval = approve && (await ctx.phase('Confirm', approve));
  return underLock(ctx, inputs.lockTimeoutMs, async locked => {
    const state = await readRolling(locked);
    const target = targetOf(inputs, state);
    const recorded = await locked.records.readRevision(target.revision);
    await warnOfSecrets(locked, recorded);
    const planned = await locked.phase('Plan', async () => {
      const changes = await planOf(locked, state, recorded);
      locked.logPlan(changes);
      return changes;
    });
    if (target.isRepeated && isLive(planned)) return rolledBackBefore(locked, state);
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
    });
  });
}

/** What the objects of a recorded revision would change. */
async function planOf(ctx: RunContext, state: RollingState, recorded: Revision): Promise<readonly PlannedChange[]> {
  // Jobs of that revision have already run. Running an old migration again could revert a newer one.
  const repeated = recorded.objects.filter(({ kind }) => kind !== 'Job');
  const objects = await requireOwnedObjects(ctx, repeated);
  return requirePlan({
    cluster: ctx.cluster,
    resources: objects.map(object => recordedResource(object, recorded.number)),
    force: recorded.force,
    applied: state.applied,
    recent: ctx.recentApplies,
  });
}

function isLive(planned: readonly PlannedChange[]): boolean {
  return planned.every(({ change }) => change === 'unchanged');
}

/** Where a rollback goes. */
interface Target {
  readonly revision: number;
  /** The last step was a rollback to it already. */
  readonly isRepeated: boolean;
}

/** Throws `no-revision` when there is none. */
function targetOf({ revision }: Rollback, state: RollingState): Target {
  const { operation, current } = state;
  if (revision !== undefined) return { revision, isRepeated: false };
  if (current !== undefined && isRolledBack(state)) return { revision: current, isRepeated: true };
  const target = unfinishedTarget(state) ?? previousRevision(state);
  if (target !== undefined) return { revision: target, isRepeated: false };
  throw operation === undefined ? noRevisionToRollBackTo(state.release) : neverFinished(state, operation);
}

/** The target where an operation is unfinished: that is no reason to go back further than users ever were. */
function unfinishedTarget({ operation, current }: RollingState): number | undefined {
  return operation?.kind === 'rollback' ? operation.revision : operation && current;
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
