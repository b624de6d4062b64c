import type { CutoverError } from '../errors.js';
import type { Inputs } from '../inputs/inputs.js';
import type { Finding } from '../plan/lint/finding.js';
import type { Outcome, OutcomeKind } from '../strategies/shared/outcome.js';

/** How long a stage of the run took. */
export interface StageTime {
  /** As in the log: `Verify staged`. */
  readonly name: string;
  readonly ms: number;
}

/** Why a step failed, as far as people read it. */
export type ReportedError = Pick<CutoverError, 'message' | 'object' | 'hint' | 'problems'>;

/**
 * Everything that outputs and summary are made of: the outcome of the strategy (its members are absent where the step
 * ended before they were known), and what only the run itself knows.
 */
export interface Report extends Partial<Outcome> {
  readonly action: Inputs['action'];
  readonly outcome: OutcomeKind;
  /** One or two sentences: what serves users now. Never empty. */
  readonly serving: string;
  /** In the order in which they ran. */
  readonly stages: readonly StageTime[];
  /** What in the manifests would drop requests. Absent: nobody asked. */
  readonly findings?: readonly Finding[];
  /** Present when the step failed. */
  readonly error?: ReportedError;
}
