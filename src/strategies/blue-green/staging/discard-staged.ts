import { CutoverError } from '../../../errors.js';
import { describeRef } from '../../../kubernetes/object.js';
import { adoptedRevision, type ReleaseState, type StagedRecord } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import { FailedStep, outcomeBase } from '../../outcome/outcome.js';
import { restore } from '../../shared/restore-objects.js';
import type { Restored, RestoredStaging } from '../../outcome/restored.js';
import { withoutAdopted } from '../adoption/adopted-record.js';
import { restoreSelector } from '../adoption/narrow-selector.js';
import { withoutStagedRecord } from './staged-record.js';

/** What is discarded. */
export interface DiscardRequest {
  readonly state: ReleaseState;
  readonly staged: StagedRecord;
  /** How long to wait until the restored workloads are ready. */
  readonly timeoutMs: number;
}

/** The state without the staged revision, not yet written, and how far the idle role was restored. */
export interface Discarded {
  readonly state: ReleaseState;
  readonly restored: RestoredStaging;
}

/** Restores the idle role to its state before staging. Throws when not everything could be restored. */
export async function discardStaged(ctx: RunContext, request: DiscardRequest): Promise<Discarded> {
  const { state, staged, timeoutMs } = request;
  const { before } = await ctx.records.readRevision(staged.revision);
  const objects = await restore(ctx, { snapshots: before, timeoutMs });
  if (objects.kind !== 'complete') {
    throw new FailedStep(notRestored(staged.role, objects), {
      ...outcomeBase(ctx, 'blue-green'),
      changes: [],
      checks: [],
      serving: { kind: 'not-rejected', role: staged.role, restored: objects },
    });
  }
  // An operation on the staged revision ends with it.
  const { operation: _ended, ...rest } = state;
  const discarded = { state: withoutStagedRecord(rest, staged.role), restored: { objects } };
  const isFirstAfterAdoption = state.current === adoptedRevision && staged.previous?.revision === undefined;
  return isFirstAfterAdoption ? restoreAdopted(ctx, discarded, timeoutMs) : discarded;
}

/** Only the narrowed selector is left of this release: restoring it ends the adoption. */
async function restoreAdopted(ctx: RunContext, discarded: Discarded, timeoutMs: number): Promise<Discarded> {
  const { before } = await ctx.records.readRevision(adoptedRevision);
  const [service] = before;
  if (service === undefined) return discarded;
  const { state, restored } = discarded;
  const narrowed = await restoreSelector(ctx, { before: service, timeoutMs });
  return narrowed === undefined
    ? { state: withoutAdopted(state), restored }
    : { state, restored: { ...restored, narrowed } };
}

function notRestored(role: string, restored: Exclude<Restored, { readonly kind: 'complete' }>): CutoverError {
  return new CutoverError(`${role} could not be restored to its state before staging: ${whyNotRestored(restored)}`, {
    code: 'rollout',
    hint: 'Run the same step again once the cause is fixed.',
  });
}

function whyNotRestored(restored: Exclude<Restored, { readonly kind: 'complete' }>): string {
  switch (restored.kind) {
    case 'lock-lost':
      return 'another run has taken over the lock';
    case 'changed-by-others':
      return 'somebody else changed it in the meantime';
    case 'incomplete':
      return `still as staging left it: ${restored.failed.map(describeRef).join(', ')}`;
    case 'not-ready':
      return `it is not ready: ${restored.reason}`;
    default:
      return restored satisfies never;
  }
}
