import type { ObjectRef } from '../kubernetes/object.js';
import type { Labels } from '../kubernetes/selectors.js';
import type { AppliedHashes } from '../plan/change.js';
import type { RollingOperation, AdoptedDeployment, BlueGreenOperation } from './operation.js';
import { RecordBase } from './record-base.js';

/** What identifies a role without its manifests. */
export interface RoleRecord {
  /** Labels of the pods that the public Services select when this role is active, once for each Deployment behind them. */
  readonly podLabels: readonly Labels[];
  /** Deployments of the role. */
  readonly deployments: readonly ObjectRef[];
  /** Name of the role's test Service; absent when there is none. */
  readonly testService?: string;
  /** Revision that the role runs; absent before its first one. */
  readonly revision?: number;
  /** `contentHash` of that revision; absent before its first one. */
  readonly contentHash?: string;
  /** What was applied last to each object of the role; absent before its first revision, and where that is to be compared. */
  readonly applied?: AppliedHashes;
  /**
   * The role is the hot backup of the other one: what it ran when users left it, which a rollback brings up again. Absent: the role is
   * no backup.
   */
  readonly previous?: FormerRoleRecord;
}

/** What a role ran before it became a backup. */
export type FormerRoleRecord = Omit<RoleRecord, 'applied' | 'previous'>;

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
  /** uids of the public Services that the revision was staged for, by their keys (`refKey`); without those that did not exist. */
  readonly publicServiceUids?: Readonly<Record<string, string>>;
  /** The role before staging, for `reject`; absent when it had never been used. */
  readonly previous?: RoleRecord;
}

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

/** The public Services of a release; at least one. */
export type PublicServices = readonly [main: ObjectRef, ...others: ObjectRef[]];

/** State of a blue/green release. */
export interface BlueGreenState extends CommonState {
  readonly strategy: 'blue-green';
  /** The public Services. The first is the main one: checks ask it, and it is switched last. */
  readonly publicServices: PublicServices;
  /** The two names, in order. */
  readonly roleNames: readonly [string, string];
  readonly roles: Readonly<Record<string, RoleRecord>>;
  readonly staged?: StagedRecord;
  /** The Deployments that were adopted; nobody reaches them any more. They are deleted when the first promotion has succeeded. */
  readonly adopted?: readonly AdoptedDeployment[];
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
  { publicServices, roleNames }: Pick<BlueGreenState, 'publicServices' | 'roleNames'>,
): BlueGreenState {
  return { ...nothingDeployed(release), strategy: 'blue-green', publicServices, roleNames, roles: {} };
}

function nothingDeployed(release: string): CommonState {
  return { format: 1, release, latest: 0, revisions: [], applied: {}, history: [], base: new RecordBase() };
}
