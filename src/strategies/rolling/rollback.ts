import { CutoverError } from '../../errors.js';
import type { Rollback } from '../../inputs/inputs.js';
import { requirePlan } from '../../cluster/apply/dry-run-all.js';
import type { PlannedChange } from '../../plan/change.js';
import {
  equalRevisions,
  isRolledBack,
  passedRoleRevision,
  previousRevision,
  type RoleRevision,
} from '../../release/retention.js';
import { repeatable, type Revision } from '../../release/revision.js';
import type { RollingState } from '../../release/state.js';
import type { RollingOperation } from '../../release/operation.js';
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
import { leftByRollout } from './left-by-rollout.js';
import { rollOut } from './rollout.js';

/** Applies an earlier revision again exactly as it was recorded, ConfigMaps included. */
export async function rollBackRolling(ctx: RunContext, request: RollbackRequest<RollingState>): Promise<Outcome> {
  const { inputs, approve, state: found } = request;
  const aim = targetOf(inputs, found);
  if (aim.isRepeated && isLive(await planOf(ctx, found, await readWithoutRole(ctx, aim.revision))))
    return rolledBackBefore(ctx, found);
  const approval = approve && (await ctx.phase('Confirm', () => approve('rollback')));
  return underLock(ctx, inputs.lockTimeoutMs, async locked => {
    const state = await readRolling(locked);
    const target = targetOf(inputs, state);
    const recorded = await readWithoutRole(locked, target.revision);
    if (target.isPrevious) logPassedOver(locked, state);
    await warnOfSecrets(locked, recorded);
    const planned = await locked.phase('Plan', async () => {
      const changes = await planOf(locked, state, recorded);
      locked.logPlan(changes);
      return changes;
    });
    if (isLive(planned)) {
      if (target.isRepeated) return rolledBackBefore(locked, state);
      locked.log.warning(`Revision ${target.revision} is what is live: the rollback changes no object`);
    }
    const left = await leftByRollout(
      locked,
      state,
      planned.map(({ resource }) => resource),
    );
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

/** Throws `no-revision` for one of a role: its objects have the names of that role, and others would serve beside them. */
async function readWithoutRole({ records }: RunContext, number: number): Promise<Revision> {
  const recorded = await records.readRevision(number);
  const { role } = recorded;
  if (recorded.strategy === 'rolling') return recorded;
  throw new CutoverError(
    `Release ${records.release} cannot be rolled back to revision ${number}: it ran ${role === undefined ? 'with strategy blue-green' : `on role ${role}`}, and the release has no roles any more`,
    { code: 'no-revision', hint: 'Deploy that version again.' },
  );
}

/** What the objects of a recorded revision would change. */
async function planOf(ctx: RunContext, state: RollingState, recorded: Revision): Promise<readonly PlannedChange[]> {
  const objects = await requireOwnedObjects(ctx, repeatable(recorded.objects));
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
  readonly isRepeated?: true;
  /** It was found as the revision before the current one. */
  readonly isPrevious?: true;
}

/** Throws `no-revision` when there is none. */
function targetOf({ revision }: Rollback, state: RollingState): Target {
  const { operation, current, release } = state;
  if (revision !== undefined) return { revision };
  if (current !== undefined && isRolledBack(state)) return { revision: current, isRepeated: true };
  // An unfinished operation is no reason to go back further than users ever were.
  const unfinished = operation?.kind === 'rollback' ? operation.revision : operation && current;
  if (unfinished !== undefined) return { revision: unfinished };
  const previous = previousRevision(state);
  const passed = passedRoleRevision(state);
  if (passed !== undefined && operation === undefined) throw versionBeforeOnRole(release, passed, previous);
  if (previous !== undefined) return { revision: previous, isPrevious: true };
  if (operation !== undefined) throw neverFinished(state, operation);
  const isSame = equalRevisions(state).length > 0;
  throw noRevisionToRollBackTo(
    release,
    ...(isSame ? [`every earlier revision on record equals revision ${current ?? 0}`] : []),
  );
}

function versionBeforeOnRole(release: string, { revision, role }: RoleRevision, previous?: number): CutoverError {
  const further =
    previous === undefined ? '' : ` To go back further, to revision ${previous}, set the input \`revision\`.`;
  return new CutoverError(
    `Release ${release} cannot be rolled back to the version before: that is revision ${revision}, which ran on role ${role}, and the release has no roles any more`,
    { code: 'no-revision', hint: `Deploy that version again.${further}` },
  );
}

function logPassedOver({ log }: LockedContext, state: RollingState): void {
  const { current = 0 } = state;
  for (const number of equalRevisions(state))
    log.info(
      `Revision ${number} equals revision ${current}, apart from Jobs, which a rollback does not run: passed over`,
    );
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
