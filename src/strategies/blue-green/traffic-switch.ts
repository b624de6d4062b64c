import type { Check, IdlePolicy } from '../../inputs/inputs.js';
import type { KubeObject } from '../../kubernetes/object.js';
import type { RecordedApproval, Revision } from '../../release/revision.js';
import type { ReleaseState } from '../../release/state.js';
import type { ReadyWorkload } from '../../rollout/observer.js';
import type { CheckResult } from '../../verify/verify.js';

/** Users move from one role to another: by a promotion, or back by a rollback. */
export interface TrafficSwitch {
  readonly state: ReleaseState;
  readonly revision: Revision;
  /** Where users go. */
  readonly role: string;
  /** Where users are; absent for the first release. */
  readonly from?: string;
  /** The public Service as it was read under the lock; absent: it does not exist yet. */
  readonly live: KubeObject | undefined;
  readonly publicService: KubeObject;
  /** The role's workloads, live and ready a moment ago. */
  readonly workloads: readonly KubeObject[];
  readonly ready: readonly ReadyWorkload[];
  readonly checks: readonly Check[];
  /** Results of the checks before the switch. */
  readonly stagedChecks: readonly CheckResult[];
  readonly approval?: RecordedApproval;
  readonly outcome: 'switched' | 'rolled-back';
  readonly policy: {
    readonly idlePolicy: IdlePolicy;
    readonly drainMs: number;
    readonly timeoutMs: number;
    readonly rollbackOnFailure: boolean;
    readonly historyLimit: number;
  };
}
