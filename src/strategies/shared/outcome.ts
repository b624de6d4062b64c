import { asCutoverError, CutoverError } from '../../errors.js';
import { refOf, type ObjectRef } from '../../kubernetes/object.js';
import type { ChangeKind, PlannedChange } from '../../plan/change.js';
import type { Preview } from '../../plan/preview.js';
import type { RecordedApproval } from '../../release/revision.js';
import type { HistoryEntry } from '../../release/state.js';
import type { CheckResult } from '../../verify/verify.js';

export type OutcomeKind =
  'unchanged' | 'deployed' | 'staged' | 'switched' | 'rolled-back' | 'rejected' | 'planned' | 'status' | 'failed';

export interface ObjectChange {
  readonly ref: ObjectRef;
  readonly change: ChangeKind;
}

/** What a step came to; absent members do not apply. */
export interface Outcome {
  readonly outcome: OutcomeKind;
  readonly release: string;
  readonly namespace: string;
  readonly strategy: 'rolling' | 'blue-green';
  /** One or two sentences: what serves users now. Never empty. */
  readonly serving: string;
  readonly revision?: number;
  readonly previousRevision?: number;
  readonly activeRole?: string;
  readonly idleRole?: string;
  readonly stagedRole?: string;
  /** In-cluster address of the staged side. */
  readonly testUrl?: string;
  readonly changes: readonly ObjectChange[];
  readonly checks: readonly CheckResult[];
  readonly approval?: RecordedApproval;
  /** What a user puts into the workflow to go back. */
  readonly rollbackHint?: RollbackHint;
  readonly history?: readonly HistoryEntry[];
  /** What a deploy would do; only of `action: plan`. */
  readonly preview?: Preview;
}

export interface RollbackHint {
  readonly action: 'rollback' | 'reject';
  readonly release: string;
  readonly namespace: string;
}

/** A failure together with what is known of the release at that point; `cause` is the error that ended the step. */
export class FailedStep extends Error {
  override readonly name = 'FailedStep';
  readonly error: CutoverError;
  readonly outcome: Outcome;

  constructor(thrown: unknown, outcome: Omit<Outcome, 'outcome'>) {
    const error = asCutoverError(thrown);
    super(error.message, { cause: thrown });
    this.error = error;
    this.outcome = { ...outcome, outcome: 'failed' };
  }
}

export function changesOf(planned: readonly PlannedChange[]): readonly ObjectChange[] {
  return planned.map(({ resource, change }) => ({ ref: refOf(resource.object), change }));
}
