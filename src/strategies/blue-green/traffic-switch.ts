import type { Check, IdlePolicy } from '../../inputs/inputs.js';
import type { KubeObject } from '../../kubernetes/object.js';
import type { Snapshot } from '../../plan/change.js';
import type { RecordedApproval, Revision } from '../../release/revision.js';
import type { BlueGreenState, SwitchOperation } from '../../release/state.js';
import type { InProgress } from '../../release/transitions.js';
import type { ChangeNotes } from '../outcome/changes.js';
import type { VerifiedRole } from './verify-staged.js';

/** All users move from one role to the other: by a promotion, or back by a rollback. */
export interface TrafficSwitch {
  readonly state: BlueGreenState;
  readonly revision: Revision;
  /** The role that gets the traffic. */
  readonly to: string;
  /** The role that users leave; absent for the first release. */
  readonly from?: string;
  /** The public Service as it was read under the lock. */
  readonly liveBefore: Snapshot;
  /** The public Service with the selector of `to`. */
  readonly publicService: KubeObject;
  /** What was verified of `to` a moment ago. */
  readonly verified: VerifiedRole;
  /** Checks that run after the switch. */
  readonly checks: readonly Check[];
  readonly approval?: RecordedApproval;
  readonly direction: SwitchOperation['direction'];
  readonly policy: SwitchPolicy;
  /** What the step has changed before, and where the switch notes its own changes. */
  readonly notes: ChangeNotes;
}

/** What happens after the switch. */
export interface SwitchPolicy {
  readonly idlePolicy: IdlePolicy;
  /** How long the old role keeps running unchanged before the idle policy is applied. */
  readonly drainMs: number;
  /** Whether a failure sends users back. */
  readonly rollbackOnFailure: boolean;
  /** Revisions kept in the record. */
  readonly historyLimit: number;
}

/** The inputs of a step that decide what happens after its switch. */
export function switchPolicyOf(inputs: SwitchPolicy): SwitchPolicy {
  const { idlePolicy, drainMs, rollbackOnFailure, historyLimit } = inputs;
  return { idlePolicy, drainMs, rollbackOnFailure, historyLimit };
}

/** What sends users back after a switch. */
export type SwitchToRestore = Pick<TrafficSwitch, 'state' | 'revision' | 'to' | 'from' | 'publicService' | 'policy'>;

/** A switch that is on record. */
export interface RecordedSwitch {
  readonly trafficSwitch: SwitchToRestore;
  /** The public Service before the switch, which a failure restores. */
  readonly previousService: Snapshot;
  /** The state with the switch in progress, as it was written. */
  readonly switching: InProgress<BlueGreenState>;
  /** Why the switch failed; absent: the write itself failed. */
  readonly cause?: unknown;
}
