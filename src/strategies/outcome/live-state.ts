import type { ObjectRef } from '../../kubernetes/object.js';
import type { TakenOver } from '../../cluster/ownership/drift.js';

/** A Service through which users reach the release. */
export interface ServiceHealth {
  readonly ref: ObjectRef;
  /** Ready endpoints. Absent: the Service does not exist. */
  readonly endpoints?: number;
}

/** An object that is not as the release recorded it. */
export interface Drift {
  readonly ref: ObjectRef;
  readonly what: 'gone' | 'not-owned' | 'changed';
  /** Who changed it. Empty unless it is `changed`. */
  readonly by: readonly TakenOver[];
}

/** What is live, and how it differs from the record. */
export interface LiveState {
  readonly services: readonly ServiceHealth[];
  readonly drift: readonly Drift[];
  /** Objects that could not be compared, each with the reason. */
  readonly uncompared: readonly { readonly ref: ObjectRef; readonly reason: string }[];
  /** Why which role is active cannot be told. Absent: it can. */
  readonly undecided?: string;
}
