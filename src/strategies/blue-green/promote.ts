import { CutoverError } from '../../errors.js';
import type { Check, IdlePolicy } from '../../inputs/inputs.js';
import type { RecordedApproval } from '../../release/revision.js';
import type { ReleaseState, StagedRecord } from '../../release/state.js';
import { checksOf } from '../shared/checks.js';
import { resumeFinishSwitch } from './finish-switch.js';
import { FailedStep, type Outcome } from '../shared/outcome.js';
import { activeOnRecord, readActive, readBlueGreen, recheck, whereUsersAre, type StagedSide } from './recheck.js';
import { underLock, type RunContext } from '../../run/context.js';
import { switchTraffic } from './switch-traffic.js';

/** What a promotion takes; `deploy` with `switch: auto` gives the same. */
export interface Promotion {
  /** Promote only this revision. */
  readonly revision?: number;
  /** Checks instead of the recorded ones. */
  readonly verify?: readonly Check[];
  /** Takes fields of the public Service over from other managers. Default: as when the revision was staged. */
  readonly force?: boolean;
  readonly idlePolicy: IdlePolicy;
  readonly drainMs: number;
  readonly timeoutMs: number;
  readonly rollbackOnFailure: boolean;
  readonly historyLimit: number;
  /** Proves the approval; throws `approval` when there is none. Absent: none is asked for. */
  readonly approve?: () => Promise<RecordedApproval>;
}

/**
 * Promotes what is staged: proves the approval, makes sure that nothing moved since it was verified, and moves the users.
 * Run again after it was killed, it finishes the work.
 */
export async function promote(ctx: RunContext, promotion: Promotion): Promise<Outcome> {
  const state = await ctx.phase('Check', () => readBlueGreen(ctx, 'promote'));
  if (state.operation?.kind === 'finish') return resumeFinishSwitch(ctx, promotion, state);
  const wanted = whatIsStaged(state, promotion.revision);
  if (wanted === undefined) return promotedAlready(ctx, state);
  const approval = promotion.approve && (await ctx.phase('Confirm', promotion.approve));
  return underLock(ctx, state, locked =>
    promoteStaged(locked, promotion, { state, staged: wanted, ...(approval && { approval }) }),
  );
}

function whatIsStaged(state: ReleaseState, revision: number | undefined): StagedRecord | undefined {
  const { staged, release } = state;
  if (staged !== undefined && (revision === undefined || revision === staged.revision)) return staged;
  const [last] = state.history;
  const alreadyDone =
    state.current !== undefined && (revision ?? last?.revision) === state.current && last?.outcome !== 'rejected';
  if (staged === undefined && alreadyDone && (revision !== undefined || last?.outcome === 'switched')) return undefined;
  throw new CutoverError(
    staged === undefined
      ? `Nothing is staged for release ${release}`
      : `Revision ${revision ?? 0} is not what is staged: that is revision ${staged.revision} on ${staged.role}`,
    {
      code: 'nothing-staged',
      hint:
        staged === undefined
          ? 'Run `action: deploy` with `strategy: blue-green` first; it ends with a staged revision.'
          : 'Stage the revision that you want, or leave the input `revision` away to promote what is staged now.',
    },
  );
}

/** Promoting twice changes nothing the second time, and says so. */
async function promotedAlready(ctx: RunContext, state: ReleaseState): Promise<Outcome> {
  const { role, idle } = await activeOnRecord(ctx, state);
  const revision = state.current ?? 0;
  return {
    ...about(ctx),
    outcome: 'unchanged',
    revision,
    activeRole: role,
    idleRole: idle,
    changes: [],
    checks: [],
    serving: `Revision ${revision} was promoted before and serves users on ${role}. Nothing was written.`,
  };
}

interface Confirmed {
  readonly state: ReleaseState;
  readonly staged: StagedRecord;
  readonly approval?: RecordedApproval;
}

async function promoteStaged(ctx: RunContext, promotion: Promotion, confirmed: Confirmed): Promise<Outcome> {
  const { state, staged, approval } = confirmed;
  const recorded = await ctx.records.readRevision(staged.revision);
  const revision = { ...recorded, force: promotion.force ?? recorded.force };
  const publicService = revision.publicService;
  if (publicService === undefined)
    throw new CutoverError(`Revision ${revision.number} has no public Service on record`, { code: 'record' });
  const { active, service: live } = await readActive(ctx, state);
  const from = whereUsersAre(state, active, staged.role);
  const checks = promotion.verify ?? revision.checks;
  const serving =
    from === undefined ? 'Nobody is served yet.' : `Users are on ${from}, as before; nothing was switched.`;
  const known = {
    ...about(ctx),
    revision: revision.number,
    ...(from !== undefined && { activeRole: from }),
    idleRole: staged.role,
    stagedRole: staged.role,
    changes: [],
    ...(approval !== undefined && { approval }),
  };
  let side: StagedSide;
  try {
    side = await ctx.phase('Verify staged', () => recheck(ctx, promotion, { state, staged, revision, checks }));
  } catch (error) {
    throw new FailedStep(error, { ...known, checks: checksOf(error), serving });
  }
  return switchTraffic(ctx, {
    state,
    revision,
    role: staged.role,
    ...(from !== undefined && { from }),
    live,
    publicService,
    ...side,
    checks,
    ...(approval !== undefined && { approval }),
    outcome: 'switched',
    policy: promotion,
  });
}

function about(ctx: RunContext) {
  return { release: ctx.records.release, namespace: ctx.records.namespace, strategy: 'blue-green' } as const;
}
