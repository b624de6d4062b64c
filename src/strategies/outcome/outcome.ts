import { asCutoverError, CutoverError } from '../../errors.js';
import type { StrategyName } from '../../inputs/actions.js';
import type { ObjectRef } from '../../kubernetes/object.js';
import type { ChangeKind } from '../../plan/change.js';
import type { RecordedApproval } from '../../release/revision.js';
import type { HistoryEntry } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import type { CheckResult } from '../../verify/verify.js';
import type { PlannedDeploy } from './plan-note.js';
import type { Serving } from './serving.js';

export type OutcomeKind =
  'unchanged' | 'deployed' | 'staged' | 'switched' | 'rolled-back' | 'rejected' | 'planned' | 'status' | 'failed';

export interface ObjectChange {
  readonly ref: ObjectRef;
  /** `restored`: the step failed, and the object is as it was before; one that the step had created is gone again. */
  readonly change: ChangeKind | 'restored';
}

/** The result of a step; absent members do not apply. */
export interface Outcome {
  readonly outcome: OutcomeKind;
  readonly release: string;
  readonly namespace: string;
  readonly strategy: StrategyName;
  /** What serves users now. */
  readonly serving: Serving;
  readonly revision?: number;
  readonly previousRevision?: number;
  readonly activeRole?: string;
  readonly idleRole?: string;
  readonly stagedRole?: string;
  /** URL of the staged role's test Service, inside the cluster. */
  readonly testUrl?: string;
  readonly changes: readonly ObjectChange[];
  readonly checks: readonly CheckResult[];
  readonly approval?: RecordedApproval;
  /** Inputs of the step that rolls back or discards what this step did. */
  readonly rollbackHint?: RollbackHint;
  readonly history?: readonly HistoryEntry[];
  /** What a deploy would do; only of `action: plan`. */
  readonly preview?: PlannedDeploy;
}

export interface RollbackHint {
  readonly action: 'rollback' | 'reject';
  readonly release: string;
  readonly namespace: string;
  /** The revision to go back to. Absent: the step finds it. */
  readonly revision?: number;
}

/** A failure with the outcome of the step so far; `cause` is what was thrown. */
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

/** What every outcome says about the release itself. */
export function outcomeBase<S extends StrategyName>({ records }: Pick<RunContext, 'records'>, strategy: S) {
  const { release, namespace } = records;
  return { release, namespace, strategy } as const;
}
