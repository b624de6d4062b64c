import type { ObjectRef } from '../kubernetes/object.js';
import type { AppliedHashes, Snapshot } from '../plan/change.js';
import { RecordBase } from './record-base.js';

/** What identifies a role without its manifests. */
export interface RoleRecord {
  /** Labels of the pods that the public Service selects when this role is active. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** Deployments of the role. */
  readonly deployments: readonly ObjectRef[];
  /** Name of the role's test Service; absent when there is none. */
  readonly testService?: string;
  /** Revision that the role runs; absent before its first one. */
  readonly revision?: number;
  /** `contentHash` of that revision; absent before its first one. */
  readonly contentHash?: string;
  /** What was applied last to each object of the role; absent before its first revision. */
  readonly applied?: AppliedHashes;
}

/** An object of a role as it was verified; promote requires that it is still the same. */
export interface VerifiedObject {
  readonly ref: ObjectRef;
  readonly uid: string;
  /** Hash of the live object projected onto the fields that were applied, less replicas. */
  readonly hash: string;
  /** Hash of the pod template; only of Deployments. */
  readonly templateHash?: string;
}

export interface StagedRecord {
  readonly revision: number;
  readonly role: string;
  /** The role's own objects, ConfigMaps and Secrets included. */
  readonly objects: readonly VerifiedObject[];
  /** uid of the public Service that the revision was staged for; absent when there was none. */
  readonly publicServiceUid?: string;
  /** The role before staging, for `reject`; absent when it had never been used. */
  readonly previous?: RoleRecord;
}

/** Who began an operation. */
export interface Begun {
  /** The run's page. */
  readonly run: string;
  /** Identity of the process, as in the Lease: several steps of one run have the same page. */
  readonly holder: string;
}

/** An operation of a rolling release. `deploy` brings up a new revision, `rollback` applies an earlier one again. */
export interface RollingOperation extends Begun {
  readonly kind: 'deploy' | 'rollback';
  /** The revision that is applied; its `before` is what the operation found. */
  readonly revision: number;
}

/** Brings the revision up on the idle role. */
export interface StageOperation extends Begun {
  readonly kind: 'stage';
  readonly revision: number;
  readonly role: string;
}

/** Restores the idle role to what it was before the revision was staged on it. */
export interface RejectOperation extends Begun {
  readonly kind: 'reject';
  readonly revision: number;
  readonly role: string;
}

/** Brings the role up as its revision was recorded, before users are sent back to it. */
export interface PrepareOperation extends Begun {
  readonly kind: 'prepare';
  readonly revision: number;
  readonly role: string;
}

/** Sends users to a role: to a staged revision (`promote`), or back to an earlier one (`rollback`). */
export interface SwitchOperation extends Begun {
  readonly kind: 'switch';
  readonly direction: 'promote' | 'rollback';
  readonly revision: number;
  /** The role that gets the users. */
  readonly role: string;
  /** The public Service before the switch. */
  readonly previousService: Snapshot;
}

/** Users are on the revision; what is left is the work after a switch. */
export interface FinishOperation extends Begun {
  readonly kind: 'finish';
  readonly direction: 'promote' | 'rollback';
  readonly revision: number;
  /** The role that users left; absent for the first release. */
  readonly leftRole?: string;
}

/** A live Deployment without roles whose version a role serves now. */
export interface AdoptedDeployment {
  readonly ref: ObjectRef;
  readonly uid: string;
}

/** Brings the live application up once more as the first role, and narrows the public Service to it. */
export interface AdoptOperation extends Begun {
  readonly kind: 'adopt';
  /** The revision of the twin; its `before` is what the adoption found. */
  readonly revision: number;
  /** The role that the twin becomes. */
  readonly role: string;
  readonly deployment: AdoptedDeployment;
  /** Identifies the pod template that the twin was made from; a restart does not change it. */
  readonly template: string;
  /** By the name of a container: the ID of the image that it runs. */
  readonly imageIds: Readonly<Record<string, string>>;
  /** The release was rolling; it is again if the adoption is abandoned. */
  readonly wasRolling?: true;
}

/** Replaces both roles by objects without a role: the release becomes rolling. */
export interface LeaveOperation extends Begun {
  readonly kind: 'leave';
  /** The revision without a role. */
  readonly revision: number;
  /** The role that users leave. */
  readonly role: string;
  /** Users are on the new pods, which are verified; what is left is to delete the objects of the roles. */
  readonly verified?: true;
}

/** An operation of a blue/green release. */
export type BlueGreenOperation =
  | LeaveOperation
  | AdoptOperation
  | StageOperation
  | RejectOperation
  | PrepareOperation
  | SwitchOperation
  | FinishOperation;

/** An operation in progress. It stays in the record until it is completed or abandoned. */
export type Operation = RollingOperation | BlueGreenOperation;

/** The outcome of a step, for the next run and for `status`. */
export interface HistoryEntry {
  readonly revision: number;
  readonly outcome: 'deployed' | 'adopted' | 'staged' | 'switched' | 'rolled-back' | 'rejected' | 'failed';
  /** ISO 8601. */
  readonly at: string;
  readonly run: string;
  readonly actor: string;
  readonly sha: string;
  readonly role?: string;
  readonly images: readonly string[];
  /** Of a revision that was deployed without a role: equal where a rollback from one to the other would change nothing. */
  readonly content?: string;
}

/** An object of an earlier revision that the current one does not have. */
export interface FormerObject extends ObjectRef {
  /**
   * Number of the last revision that may need the object: its pods read it, for example, or a rollback to it would not create the object
   * again. While that revision or an earlier one is on record, nobody should delete the object. Absent: no revision needs it.
   */
  readonly neededBy?: number;
  /**
   * The name of the release, where the annotation of the object is that bare name, elsewhere than in the namespace of the
   * release: one of this name in another namespace may own it. Absent: the release owns it, or it was not read. Never on record.
   */
  readonly ownedByName?: string;
}

/** What the states of all strategies have. */
interface CommonState {
  readonly format: 1;
  readonly release: string;
  /** Highest revision number so far; 0 before the first one. */
  readonly latest: number;
  /** Revisions that are on record. */
  readonly revisions: readonly number[];
  /** Former ones whose Secrets may still exist: the next operation deletes them. Absent: none. */
  readonly expired?: readonly number[];
  /** Active revision; absent before the first deploy is complete. */
  readonly current?: number;
  /** What was applied last to each object of the release; blue/green: to the shared ones. */
  readonly applied: AppliedHashes;
  /** Newest first. */
  readonly history: readonly HistoryEntry[];
  /** Objects of earlier revisions that may still be live after the last deploy, or staging. Absent: none. */
  readonly left?: readonly FormerObject[];
  /** What it was read from, which is not written. */
  readonly base: RecordBase;
}

/** State of a rolling release. */
export interface RollingState extends CommonState {
  readonly strategy: 'rolling';
  readonly operation?: RollingOperation;
}

/** State of a blue/green release. */
export interface BlueGreenState extends CommonState {
  readonly strategy: 'blue-green';
  readonly publicService: ObjectRef;
  /** The two names, in order. */
  readonly roleNames: readonly [string, string];
  readonly roles: Readonly<Record<string, RoleRecord>>;
  readonly staged?: StagedRecord;
  /** The Deployment that was adopted; nobody reaches it any more. It is deleted when the first promotion has succeeded. */
  readonly adopted?: AdoptedDeployment;
  readonly operation?: BlueGreenOperation;
}

/** State of a release for the next job or run; kept in Secret `cutover-<release>`. */
export type ReleaseState = RollingState | BlueGreenState;

/** What is on record of a state. */
export type Recorded<S extends ReleaseState> = Omit<S, 'base'>;

/** The state of a rolling release that was never deployed. */
export function newRolling(release: string): RollingState {
  return { ...nothingDeployed(release), strategy: 'rolling' };
}

/** The state of a blue/green release that was never deployed. */
export function newBlueGreen(
  release: string,
  { publicService, roleNames }: Pick<BlueGreenState, 'publicService' | 'roleNames'>,
): BlueGreenState {
  return { ...nothingDeployed(release), strategy: 'blue-green', publicService, roleNames, roles: {} };
}

function nothingDeployed(release: string): CommonState {
  return { format: 1, release, latest: 0, revisions: [], applied: {}, history: [], base: new RecordBase() };
}
