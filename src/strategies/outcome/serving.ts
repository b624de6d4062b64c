import type { StrategyName } from '../../inputs/actions.js';
import type { ObjectRef } from '../../kubernetes/object.js';
import type { RecordNote } from '../../release/record-failure.js';
import type { RoleRevision } from '../../release/retention.js';
import type { PendingAddress } from '../../traffic/pending-addresses.js';
import type { Strangers } from '../../traffic/strangers.js';
import type { Connections } from './connections.js';
import type { RecordUnknown, Restored, WithoutLock } from './restored.js';
import type { StatusServing } from './status-serving.js';

/** What serves users when a step ends, as data; `report/serving.ts` has the text. */
export type Serving = RunServing | RollingServing | AdoptionServing | StagingServing | SwitchServing | StatusServing;

/** For either strategy: all that can be said if the run ended before its strategy returned. */
export type RunServing =
  /** The step failed before its first write. */
  | { readonly kind: 'untouched' }
  /** The step failed after its first write; how far it came is unknown. */
  | { readonly kind: 'unknown' }
  /**
   * The live public Service, read when the step had ended, does not lead users to where the step has left them, or cannot be read.
   * `said`: what the step would have said; true but for where users are.
   */
  | { readonly kind: 'users-now'; readonly users: UsersNow; readonly said: Serving }
  /** A rollback that was repeated: nothing was written. */
  | { readonly kind: 'rolled-back-before'; readonly strategy: StrategyName; readonly revision: number };

/** Where the live public Service leads users. */
export type UsersNow =
  /** It is gone. */
  | { readonly kind: 'none' }
  | { readonly kind: 'role'; readonly role: string }
  /** It cannot be read, or does not select one role alone. `reason` is the message of that error. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** What users meet at the Services beside the revision. */
interface AtServices {
  /** Pods that users reach, too, and that are not of the revision. Absent: none. */
  readonly strangers?: readonly Strangers[];
  /** Services that have no address yet. Absent: none. */
  readonly pending?: readonly PendingAddress[];
}

export type RollingServing =
  | ({
      readonly kind: 'deployed';
      readonly revision: number;
      readonly images: readonly string[];
      /** The revision of a role that users have left, to which no rollback leads. Absent: they were on no role. */
      readonly left?: RoleRevision;
    } & AtServices)
  /** Nothing was written. `healthy`: the revision is ready and passed its checks. */
  | ({ readonly kind: 'unchanged'; readonly revision: number; readonly healthy: boolean } & AtServices)
  /** A plan. `current` absent: no revision is deployed yet. */
  | { readonly kind: 'planned'; readonly current?: number }
  /** The deploy failed before its first write. `current` absent: there is no earlier revision. */
  | { readonly kind: 'not-deployed'; readonly current?: number }
  /** Users are on the revision, but objects of the roles that the release left are not deleted yet. */
  | { readonly kind: 'roles-left'; readonly revision: number }
  /** The deploy failed, and `rollback-on-failure` is false. */
  | ({ readonly kind: 'partly-deployed' } & RecordNote)
  /** The deploy failed, and what it had changed was restored as far as `restored` says. */
  | ({
      readonly kind: 'restored';
      readonly restored: Restored;
      readonly current?: number;
      /**
       * The revision whose pods users could reach until the restore: all were ready, and its Services led to some that users had not
       * met before. Absent: its Services led to none, or it failed before it was ready.
       */
      readonly reached?: number;
    } & RecordNote);

/** Whom the public Service serves before the step does anything. */
export type Users =
  /** The public Service does not exist yet. */
  | { readonly kind: 'none' }
  | {
      readonly kind: 'role';
      readonly role: string;
      /** Absent: none of the role is on record. */
      readonly revision?: number;
      /** The Deployments that were adopted, and that nobody reaches any more. Absent: there are none, or they are deleted. */
      readonly adopted?: readonly ObjectRef[];
    }
  /** Live Deployments without roles, which the step would adopt. */
  | { readonly kind: 'adopted'; readonly deployments: readonly ObjectRef[] };

/** Why users are still on the Deployments that were to be adopted. */
export type NotAdopted =
  /** The release record could not be written, so the step stopped before its first change. */
  | { readonly kind: 'not-begun' }
  /** `rollback-on-failure` is false. */
  | ({ readonly kind: 'left' } & RecordNote)
  | ({ readonly kind: 'restored'; readonly restored: Restored } & RecordNote);

/** An adoption that failed. */
export type AdoptionServing =
  | { readonly kind: 'not-adopted'; readonly deployments: readonly ObjectRef[]; readonly result: NotAdopted }
  /** Users are on the role, but not everything is done. */
  | ({
      readonly kind: 'adoption-unfinished';
      readonly role: string;
      readonly revision: number;
      readonly deployments: readonly ObjectRef[];
      /** The public Services that still lead to these Deployments. Absent: none. */
      readonly notNarrowed?: readonly ObjectRef[];
    } & RecordNote);

export type StagingServing =
  | { readonly kind: 'staging'; readonly users: Users; readonly result: StagingResult }
  /** Users are on these manifests; nothing was written. `healthy`: the role is ready and passed its checks. */
  | { readonly kind: 'active-confirmed'; readonly role: string; readonly revision?: number; readonly healthy: boolean }
  | {
      readonly kind: 'rejected';
      readonly users: Users;
      readonly revision: number;
      readonly role: string;
      readonly restored: Restored;
    }
  /** A rejection that was repeated: nothing was written. */
  | { readonly kind: 'rejected-before'; readonly users: Users; readonly revision: number }
  /** The idle role could not be restored; the public Service was not written. */
  | { readonly kind: 'not-rejected'; readonly role: string; readonly restored: Restored };

/** The result for the idle role; users are not affected. */
export type StagingResult =
  /** Nothing was written: a plan, or a refusal. */
  | { readonly kind: 'none' }
  | { readonly kind: 'staged'; readonly role: string; readonly revision: number }
  /** This content was staged before, and is ready. */
  | { readonly kind: 'staged-before' }
  /** The release record could not be written, so the step stopped before its first change. */
  | { readonly kind: 'not-begun' }
  /** The staging failed, and `rollback-on-failure` is false. */
  | ({ readonly kind: 'left'; readonly role: string } & RecordNote)
  | ({
      readonly kind: 'restored';
      readonly role: string;
      readonly restored: Restored;
    } & RecordNote);

export type SwitchServing =
  /** The step failed before the switch. `active` absent: nobody is served yet. */
  | { readonly kind: 'not-switched'; readonly active?: string }
  | ({
      readonly kind: 'switched';
      readonly idle: IdleResult;
      /** Several public Services, and how long they led to both roles while they were switched, in ms. Absent: there is one. */
      readonly together?: { readonly services: number; readonly mixedMs: number };
    } & SwitchedTo &
      Pick<AtServices, 'pending'>)
  /** The switch is verified and on record, but the work after it failed. */
  | ({ readonly kind: 'switched-unfinished'; readonly backup?: BackupNotMade } & SwitchedTo)
  /** The work that an earlier run left after its switch is done. */
  | { readonly kind: 'switch-finished'; readonly role: string; readonly revision: number; readonly idle: IdleResult }
  /** The revision was promoted before; nothing was written. */
  | { readonly kind: 'promoted-before'; readonly role: string; readonly revision: number }
  /** An interrupted switch that was recorded but never made. */
  | { readonly kind: 'switch-never-made'; readonly role: string }
  /** The router could not be read after the switch failed. `reason` is the message of that error. */
  | ({ readonly kind: 'switch-unknown'; readonly reason: string } & RecordNote)
  /** The write of the switch failed. `active` absent: nobody is served yet. */
  | ({ readonly kind: 'switch-failed'; readonly active?: string } & RecordNote)
  | ({
      readonly kind: 'switched-back';
      readonly services: readonly ObjectRef[];
      /** Absent: the Services were removed, since they did not exist before. */
      readonly to?: { readonly role: string; readonly revision?: number };
      /** Why the endpoints could not be confirmed. Absent: they were, or the run was cancelled. */
      readonly unconfirmed?: string;
    } & RecordNote)
  | ({
      readonly kind: 'not-switched-back';
      readonly services: readonly ObjectRef[];
      readonly role: string;
      readonly revision: number;
      readonly why: WhyNotSwitchedBack;
    } & RecordNote);

/** The role that was to become the hot backup. */
export interface BackupNotMade {
  readonly role: string;
  /** What it runs still. Absent: it may have been changed in part. */
  readonly runs?: number;
  /** The revision that a rollback would bring up. Absent: none, as the step was a rollback itself. */
  readonly rollback?: number;
}

/** Where a switch led users. */
export interface SwitchedTo {
  readonly role: string;
  readonly revision: number;
  readonly images: readonly string[];
}

/** Why users were not sent back after a switch that failed. */
export type WhyNotSwitchedBack =
  | WithoutLock
  | RecordUnknown
  /** Somebody else has led users elsewhere since the switch. */
  | { readonly kind: 'moved-away' }
  /** `rollback-on-failure` is false. */
  | { readonly kind: 'rollback-disabled' }
  /** The role that users left cannot serve. */
  | { readonly kind: 'no-ready-pod'; readonly role: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** What the idle policy did to the role that users left. */
export type IdleResult =
  /** The first release: users left no role. */
  | { readonly kind: 'none' }
  | { readonly kind: 'kept'; readonly role: string; readonly connections?: Connections }
  /** No revision of the role is on record, so it was left as it is. */
  | { readonly kind: 'not-recorded'; readonly role: string }
  /** It runs the revision of the users, too. `previous`: what it ran before, and a rollback brings up; absent: nothing is on record. */
  | {
      readonly kind: 'backup';
      readonly role: string;
      readonly revision: number;
      readonly previous?: number;
      readonly connections?: Connections;
    }
  | {
      readonly kind: 'scaled-down';
      readonly role: string;
      readonly replicas: number;
      readonly connections?: Connections;
    };
