import type { StrategyName } from '../inputs/actions.js';
import type { HttpCheck } from '../inputs/checks/http.js';
import type { Check } from '../inputs/inputs.js';
import type { KubeObject, ObjectRef } from '../kubernetes/object.js';
import type { Labels } from '../kubernetes/selectors.js';
import type { Snapshot } from '../plan/change.js';
import type { RoleRecord } from './state.js';

/** A check of which only the name is on record: the record never decides what runs on the runner, or which host is asked. */
export interface OtherCheck extends Pick<Check, 'when'> {
  readonly kind: 'other';
  /** `run: npm run smoke`, `GET https://example.com/`. */
  readonly name: string;
}

/** A check as it is recorded with its revision. An `http` check is that of a path. */
export type RecordedCheck = HttpCheck | OtherCheck;

/** A Secret in the record, without its data. */
export interface RecordedSecret {
  readonly ref: ObjectRef;
  /** SHA-256 of its type and data. */
  readonly hash: string;
}

/** A Secret of a backup, as it was rendered, without its data: the staged role has a Secret of the same hash. */
export interface BackupSecret extends RecordedSecret {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly immutable: boolean;
  /** Whether the manifest names a type: who applies a field owns it. */
  readonly hasType: boolean;
}

/** A revision as it is rendered for the role that it was not staged on. */
export interface RevisionBackup {
  readonly role: string;
  /** As in {@link Revision}; the objects that both roles share are not repeated. */
  readonly objects: readonly KubeObject[];
  readonly secrets: readonly BackupSecret[];
  readonly publicServices: readonly KubeObject[];
  readonly applyAfterSwitch: readonly KubeObject[];
  /** What identifies the role, without what it runs. */
  readonly record: RoleRecord;
}

/** An object to be deleted. */
export interface ObjectToDelete {
  readonly ref: ObjectRef;
  /** Delete only the object with this uid. Absent: any object with the name. */
  readonly uid?: string;
}

/** What was approved: the revision that the run staged, the one that input `revision` names, or a rollback. */
export type ApprovalSubject = 'staged-by-run' | 'revision-input' | 'rollback';

/** What proves that a job belongs to a GitHub environment: its ID token, or a deployment of the environment that names it. */
export type JobProof = 'id-token' | 'deployment';

/** What was proved of an approval by reviewers of a GitHub environment. */
export interface RecordedApproval {
  readonly environment: string;
  readonly subject: ApprovalSubject;
  readonly job: JobProof;
  /** Attempt of the run that the job belongs to. GitHub tells no attempt of a review: beyond 1, it may be of an earlier one. */
  readonly attempt: number;
  /** Logins of the people who approved. */
  readonly by: readonly string[];
  /** Their comments; empty if there are none. */
  readonly comment: string;
}

/** One deployment of a release, as it was rendered; kept in Secret `cutover-<release>.<n>`. */
export interface Revision {
  readonly number: number;
  readonly strategy: StrategyName;
  /** Blue/green only: the role that it was staged on. */
  readonly role?: string;
  /** Applied objects, in order, without Secrets; blue/green: the objects of the role. */
  readonly objects: readonly KubeObject[];
  readonly secrets: readonly RecordedSecret[];
  /** Blue/green: the public Services as this revision renders them, applied by the switch, the main one first. Rolling: empty. */
  readonly publicServices: readonly KubeObject[];
  /** Rolling: name of the Service through which the checks ask. Absent: the first that selects one of the workloads. */
  readonly service?: string;
  /** Blue/green: shared objects as applied while staging, without Secrets; a rollback does not change them. */
  readonly shared: readonly KubeObject[];
  /** Blue/green: objects that are applied after the switch (autoscalers of the role). */
  readonly applyAfterSwitch: readonly KubeObject[];
  /** Blue/green: objects of the previous revision of the role that are not needed after the switch. Absent: none. */
  readonly deleteAfterSwitch?: readonly ObjectToDelete[];
  /** Snapshots of the live objects before the first write of the operation, without data of Secrets. */
  readonly before: readonly Snapshot[];
  /**
   * Blue/green: the same before the first of several stagings on the role, which `reject` restores. Absent: nothing else was
   * staged, so it is `before`.
   */
  readonly beforeStaging?: readonly Snapshot[];
  /** Blue/green: what `idle-policy: hot-backup` runs on the other role. Absent: it was not staged for that. */
  readonly backup?: RevisionBackup;
  /** Checks of the deploy, for steps without the input `verify`. */
  readonly checks: readonly RecordedCheck[];
  /** Whether fields of other managers are taken over (`force-conflicts`). */
  readonly force: boolean;
  /** SHA-256 of all rendered objects, for both roles: equal for equal manifests and variables. */
  readonly contentHash: string;
  readonly images: readonly string[];
  readonly sha: string;
  readonly run: string;
  readonly actor: string;
  /** ISO 8601. */
  readonly at: string;
  /** Absent: none was asked for. */
  readonly approval?: RecordedApproval;
}
