import { CutoverError } from '../../../errors.js';
import { describeRef, refOf, type ObjectRef } from '../../../kubernetes/object.js';
import { recordFailure } from '../../../release/record-failure.js';
import { historyEntry } from '../../../release/revision.js';
import { abandonAdopt, withHistory } from '../../../release/transitions.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import { FailedStep, outcomeBase, type Outcome } from '../../outcome/outcome.js';
import { withoutLock, type Restored } from '../../outcome/restored.js';
import type { NotAdopted, Serving } from '../../outcome/serving.js';
import type { BegunAdoption } from './begun-adoption.js';
import { restoreAdoption } from './restore-adoption.js';
import { isReplaced, notNarrowed, reachedTwins } from './users-on-twins.js';

/** What decides whether a failed adoption is taken back. */
export interface FailedAdoption {
  readonly rollbackOnFailure: boolean;
  /** Another run has changed the record meanwhile. */
  readonly isTaken: boolean;
}

/**
 * The outcome of an adoption that failed. Unless the role has replaced the live Deployments, everything is restored; after that, the
 * only way is forward, and the next deploy goes on. Never throws.
 */
export async function adoptionFailed(
  ctx: OperationContext,
  begun: BegunAdoption,
  { rollbackOnFailure, isTaken }: FailedAdoption,
): Promise<Omit<Outcome, 'outcome'>> {
  const { state, revision } = begun;
  const { role, deployments } = state.operation;
  const failed = historyEntry(ctx.run, revision, 'failed');
  const replaced = await isReplaced(ctx, begun).catch(() => undefined);
  const left = async (isOnRole: boolean): Promise<Omit<Outcome, 'outcome'>> => {
    const note = await recordFailure(ctx.records, withHistory(state, failed));
    if (!isOnRole) return outcomeOf(ctx, begun, { kind: 'unknown' });
    const open = await openServices(ctx, begun);
    const serving: Serving = {
      ...{ kind: 'adoption-unfinished', role, revision: revision.number },
      deployments: deployments.map(({ ref }) => ref),
      ...(open.length > 0 && { notNarrowed: open }),
      ...note,
    };
    return { ...outcomeOf(ctx, begun, serving), ...(open.length === 0 && { activeRole: role }) };
  };
  // Another run has the release by now, and decides.
  if (isTaken) return left((await reachedTwins(ctx, begun).catch(() => [])).length > 0);
  if (replaced !== false) return left(replaced === true);
  if (!rollbackOnFailure) {
    if ((await openServices(ctx, begun)).length > 0) return left(true);
    const note = await recordFailure(ctx.records, withHistory(state, failed));
    return notAdopted(ctx, begun, { kind: 'left', ...note });
  }
  const restored = await restoreAll(ctx, begun);
  if (restored === 'reached') return left(true);
  const after = restored.kind === 'complete' ? abandonAdopt(state, failed) : withHistory(state, failed);
  const note = await recordFailure(ctx.records, after);
  return notAdopted(ctx, begun, { kind: 'restored', restored, ...note });
}

/** If some public Services are narrowed and others are not: those that are not. Otherwise empty. */
async function openServices(ctx: RunContext, { revision }: BegunAdoption): Promise<readonly ObjectRef[]> {
  const open = await notNarrowed(ctx, revision).catch(() => []);
  return open.length < revision.publicServices.length ? open.map(({ found }) => refOf(found)) : [];
}

/** The outcome of an adoption that could not be put on record: nothing was written. */
export function notBegun(ctx: RunContext, begun: BegunAdoption): Omit<Outcome, 'outcome'> {
  return notAdopted(ctx, begun, { kind: 'not-begun' });
}

/** The failure of a deploy that could not restore what an earlier adoption had left. */
export function notTakenBack(ctx: RunContext, begun: BegunAdoption, failed: readonly ObjectRef[]): FailedStep {
  const error = new CutoverError(
    `An interrupted adoption could not be taken back: ${failed.map(describeRef).join(', ')}`,
    { code: 'rollout', hint: 'Run the same step again once the cause is fixed.' },
  );
  return new FailedStep(error, notAdopted(ctx, begun, { kind: 'restored', restored: { kind: 'incomplete', failed } }));
}

async function restoreAll(ctx: OperationContext, begun: BegunAdoption): Promise<Restored | 'reached'> {
  const without = withoutLock(ctx.lockLost);
  if (without !== undefined) return without;
  const { failed, left, isReached } = await ctx.phase('Restore', () => restoreAdoption(ctx, begun));
  if (isReached) return 'reached';
  return failed.length > 0
    ? { kind: 'incomplete', failed }
    : { kind: 'complete', ready: false, withheld: [], kept: [], left };
}

function notAdopted(ctx: RunContext, begun: BegunAdoption, result: NotAdopted): Omit<Outcome, 'outcome'> {
  const deployments = begun.state.operation.deployments.map(({ ref }) => ref);
  return outcomeOf(ctx, begun, { kind: 'not-adopted', deployments, result });
}

function outcomeOf(ctx: RunContext, { revision }: BegunAdoption, serving: Serving): Omit<Outcome, 'outcome'> {
  return { ...outcomeBase(ctx, 'blue-green'), revision: revision.number, changes: [], checks: [], serving };
}
