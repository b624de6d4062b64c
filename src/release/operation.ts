import type { ObjectRef } from '../kubernetes/object.js';
import type { Snapshot } from '../plan/change.js';

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

/** A public Service that a switch writes. */
export interface SwitchedService {
  /** As it was before the switch. */
  readonly before: Snapshot;
  /** Its write was begun, and may have been made: on record before it is sent. Absent: it was not. */
  readonly sent?: true;
}

/** Sends users to a role: to a staged revision (`promote`), or back to an earlier one (`rollback`). */
export interface SwitchOperation extends Begun {
  readonly kind: 'switch';
  readonly direction: 'promote' | 'rollback';
  readonly revision: number;
  /** The role that gets the users. */
  readonly role: string;
  /** The public Services, in the order in which they are switched: the journal of the switch. */
  readonly services: readonly SwitchedService[];
}

/** Users are on the revision; what is left is the work after a switch. */
export interface FinishOperation extends Begun {
  readonly kind: 'finish';
  readonly direction: 'promote' | 'rollback';
  readonly revision: number;
  /** The role that users left; absent for the first release. */
  readonly leftRole?: string;
  /**
   * The uids of the pods that users may still be connected to, which are replaced to end that. Absent: their connections are not to be
   * closed.
   */
  readonly leftPods?: readonly string[];
  /** The role that users left is being made the hot backup, so what it runs is not known. Absent: nothing of that was written. */
  readonly backup?: true;
}

/** A live Deployment without roles whose version a role serves now. */
export interface AdoptedDeployment {
  readonly ref: ObjectRef;
  readonly uid: string;
}

/** A live Deployment that is being adopted, and its version. */
export interface AdoptingDeployment extends AdoptedDeployment {
  /** Identifies the pod template that the twin was made from; a restart does not change it. */
  readonly template: string;
  /** By the name of a container: the ID of the image that it runs. */
  readonly imageIds: Readonly<Record<string, string>>;
}

/** Brings the live application up once more as the first role, and narrows the public Services to it. */
export interface AdoptOperation extends Begun {
  readonly kind: 'adopt';
  /** The revision of the twins; its `before` is what the adoption found. */
  readonly revision: number;
  /** The role that the twins become. */
  readonly role: string;
  /** At least one, in the order of their twins in the revision. */
  readonly deployments: readonly AdoptingDeployment[];
  /**
   * The public Services whose narrowing was begun, and may have been made: on record before it is sent. Without the one that is written
   * last: once that is narrowed, nothing is taken back. Absent: none.
   */
  readonly sent?: readonly ObjectRef[];
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
