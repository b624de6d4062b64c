import type { ObjectRef } from '../../kubernetes/object.js';
import type { TakenOver } from '../../cluster/ownership/drift.js';
import type { Strangers } from '../../traffic/strangers.js';

/** A Service through which users reach the release. */
export interface ServiceHealth {
  readonly ref: ObjectRef;
  /** Ready endpoints. Absent: the Service does not exist, unless `unknown`. */
  readonly endpoints?: number;
  /** The Service or its endpoints could not be read. Absent: they could. */
  readonly unknown?: true;
}

/** An object that is not as the release recorded it. */
export interface Drift {
  readonly ref: ObjectRef;
  readonly what: 'gone' | 'not-owned' | 'changed';
  /** Who changed it. Empty unless it is `changed`. */
  readonly by: readonly TakenOver[];
}

/** An object of which something could not be found out. */
export interface Uncompared {
  readonly ref: ObjectRef;
  readonly reason: string;
}

/** What is live, and how it differs from the record. */
export interface LiveState {
  readonly services: readonly ServiceHealth[];
  /** Ready pods behind these Services that are not of the release. */
  readonly strangers: readonly Strangers[];
  readonly drift: readonly Drift[];
  readonly uncompared: readonly Uncompared[];
  /** The run that holds the lock of the release. Absent: none does, or it was killed. */
  readonly running?: string;
  /** Why which role is active cannot be told. Absent: it can. */
  readonly undecided?: string;
}
