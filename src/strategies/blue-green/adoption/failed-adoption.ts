import { CutoverError } from '../../../errors.js';
import { describeRef, type ObjectRef } from '../../../kubernetes/object.js';
import { recordFailure } from '../../../release/record-failure.js';
import { historyEntry } from '../../../release/revision.js';
import { abandonAdopt, withHistory } from '../../../release/transitions.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import { FailedStep, outcomeBase, type Outcome } from '../../outcome/outcome.js';
import { withoutLock, type Restored } from '../../outcome/restored.js';
import type { NotAdopted, Serving } from '../../outcome/serving.js';
import type { BegunAdoption } from './begun-adoption.js';
import { isReplaced } from './narrow.js';
import { restoreAdoption } from './restore-adoption.js';

/**
 * The outcome of an adoption that failed. If users are still on the live Deployment, everything is restored; once the role has
 * replaced it, the only way is forward, and the next deploy goes on. Never throws.
 */
export async function adoptionFailed(
  ctx: OperationContext,
  begun: BegunAdoption,
  { rollbackOnFailure }: { readonly rollbackOnFailure: boolean },
): Promise<Omit<Outcome, 'outcome'>> {
  const { state, revision } = begun;
  const { role, deployment } = state.operation;
  const failed = historyEntry(ctx.run, revision, 'failed');
  const replaced = await isReplaced(ctx, begun).catch(() => undefined);
  const left = async (isOnRole: boolean): Promise<Omit<Outcome, 'outcome'>> => {
    const note = await recordFailure(ctx.records, withHistory(state, failed));
    const serving: Serving = isOnRole
      ? { kind: 'adoption-unfinished', role, revision: revision.number, deployment: deployment.ref, ...note }
      : { kind: 'unknown' };
    return { ...outcomeOf(ctx, begun, serving), ...(isOnRole && { activeRole: role }) };
  };
  if (replaced !== false) return left(replaced === true);
  if (!rollbackOnFailure) {
    const note = await recordFailure(ctx.records, withHistory(state, failed));
    return notAdopted(ctx, begun, { kind: 'left', ...note });
  }
  const restored = await restoreAll(ctx, begun);
  if (restored === 'reached') return left(true);
  const after = restored.kind === 'complete' ? abandonAdopt(state, failed) : withHistory(state, failed);
  const note = await recordFailure(ctx.records, after);
  return notAdopted(ctx, begun, { kind: 'restored', restored, ...note });
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
  const { ref } = begun.state.operation.deployment;
  return outcomeOf(ctx, begun, { kind: 'not-adopted', deployment: ref, result });
}

function outcomeOf(ctx: RunContext, { revision }: BegunAdoption, serving: Serving): Omit<Outcome, 'outcome'> {
  return { ...outcomeBase(ctx, 'blue-green'), revision: revision.number, changes: [], checks: [], serving };
}
