import type { ObjectRef } from '../../kubernetes/object.js';
import type { Operation } from '../../release/operation.js';
import type { LiveState } from './live-state.js';

/** Ready pods of one workload. */
export interface WorkloadHealth {
  readonly ref: ObjectRef;
  readonly ready: number;
  readonly replicas: number;
}

/** What a role runs. */
export interface RoleHealth {
  readonly role: string;
  /** Absent: no revision of the role is on record. */
  readonly revision?: number;
  readonly staged: boolean;
  /** It is the hot backup of the other role, and a rollback brings up this revision there. Absent: it is none. */
  readonly backup?: { readonly previous?: number };
  /** An operation that is not finished has changed some of its objects. Absent: none has. */
  readonly halfDone?: true;
  /** Those that exist. */
  readonly workloads: readonly WorkloadHealth[];
}

/** What `action: status` found. */
export type StatusServing =
  | {
      readonly kind: 'rolling-status';
      /** Absent: no revision is deployed. */
      readonly current?: number;
      readonly workloads: readonly WorkloadHealth[];
      readonly live: LiveState;
      readonly unfinished?: Operation;
    }
  | {
      readonly kind: 'blue-green-status';
      /** Absent: there is no public Service. */
      readonly active?: string;
      readonly roles: readonly RoleHealth[];
      /** The Deployments that were adopted, and that nobody reaches any more. Absent: there are none, or they are deleted. */
      readonly adopted?: readonly ObjectRef[];
      /** The Deployments, or the main Service without roles, that users are on until they are adopted. Absent: users are on a role. */
      readonly toAdopt?: readonly ObjectRef[];
      /** The revision that serves users on record, where the active role runs another one. Absent: they are on that one. */
      readonly expected?: number;
      readonly live: LiveState;
      readonly unfinished?: Operation;
    };
