import type { Rollback } from '../../inputs/inputs.js';
import type { RecordedApproval } from '../../release/revision.js';
import type { ReleaseState } from '../../release/state.js';

/** What a rollback starts from, of either strategy. */
export interface RollbackRequest {
  readonly inputs: Rollback;
  readonly state: ReleaseState;
  /** Proves the approval; throws `approval` when there is none. Absent: none is asked for. */
  readonly approve?: () => Promise<RecordedApproval>;
}
