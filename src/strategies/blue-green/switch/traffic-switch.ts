import type { Check, IdlePolicy } from '../../../inputs/inputs.js';
import type { KubeObject } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import type { RecordedApproval, Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { SwitchOperation } from '../../../release/operation.js';
import type { Switching } from '../../../release/transitions.js';
import type { ChangeNotes } from '../../outcome/changes.js';
import type { VerifiedRole } from '../verify-staged.js';

/** All users move from one role to the other: by a promotion, or back by a rollback. */
export interface TrafficSwitch {
  readonly state: BlueGreenState;
  readonly revision: Revision;
  /** The role that gets the traffic. */
  readonly to: string;
  /** The role that users leave; absent for the first release. */
  readonly from?: string;
  /** The public Services as they were read under the lock. */
  readonly liveBefore: readonly Snapshot[];
  /** The public Services with the selectors of `to`, the main one first. */
  readonly publicServices: readonly KubeObject[];
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
  /** Whether connections that users keep open to the old role are closed after the drain. */
  readonly closeConnections: 'auto' | 'off';
  /** How long the pods of the old role may take to be replaced for that. */
  readonly timeoutMs: number;
  /** How long the pods of a hot backup must have been ready. */
  readonly stableForMs: number;
  /** How long checks are repeated after a promotion, and a failure sends users back. Absent: not at all. */
  readonly bakeMs?: number;
  /** Whether a failure sends users back. */
  readonly rollbackOnFailure: boolean;
  /** Revisions kept in the record. */
  readonly historyLimit: number;
}

/** The inputs of a step that decide what happens after its switch. */
export function switchPolicyOf(inputs: SwitchPolicy): SwitchPolicy {
  const { idlePolicy, drainMs, closeConnections, timeoutMs, stableForMs, bakeMs, rollbackOnFailure, historyLimit } =
    inputs;
  const policy = { idlePolicy, drainMs, closeConnections, timeoutMs, stableForMs, rollbackOnFailure, historyLimit };
  return bakeMs === undefined ? policy : { ...policy, bakeMs };
}

/** What sends users back after a switch. */
export type SwitchToRestore = Pick<TrafficSwitch, 'state' | 'revision' | 'to' | 'from' | 'publicServices' | 'policy'>;

/** A switch that is on record. */
export interface RecordedSwitch {
  readonly trafficSwitch: SwitchToRestore;
  /** The public Services before the switch that a failure restores, each with the others or not at all. */
  readonly previousServices: readonly Snapshot[];
  /** The state with the switch in progress, as it was written last. */
  readonly switching: Switching;
  /** Why the switch failed; absent: the write itself failed. */
  readonly cause?: unknown;
}
