import type { LeftObject } from '../../cluster/apply/restore-snapshots.js';
import type { ObjectRef } from '../../kubernetes/object.js';
import { isRefusal } from '../../release/lock/lease-keeper.js';
import type { AdoptOperation, LeaveOperation, Operation } from '../../release/operation.js';

/** Why nothing may be written any more: another run holds the lock, or it may not be renewed any more. */
export interface WithoutLock {
  readonly kind: 'lock-lost' | 'lock-refused';
}

/** Why nothing may be written any more; `undefined`: the lock is held. `lost`: the signal of the lock. */
export function withoutLock(lost: AbortSignal): WithoutLock | undefined {
  if (!lost.aborted) return undefined;
  return { kind: isRefusal(lost.reason) ? 'lock-refused' : 'lock-lost' };
}

/** The API server did not tell whether the record says that the step is done, so nothing was written any more. */
export interface RecordUnknown {
  readonly kind: 'record-unknown';
}

/** Users are on pods that a restore would take away or change, so it wrote nothing more. */
export interface Reached {
  readonly kind: 'reached';
  /** The public Service, which somebody else has changed. */
  readonly service: ObjectRef;
  /** What it leads users to now: the name of a role, or a revision. */
  readonly to: string;
}

/** How far the state before a step was restored, as data; `report/restored.ts` has the text. `except`: what no restore restores; absent: it is not known what was restored. */
export type Restored =
  | WithoutLock
  | RecordUnknown
  | Reached
  /** The role that users left has no ready pod, so they were not sent back, and nothing was written. */
  | { readonly kind: 'no-ready-pod'; readonly role: string }
  /** The step failed because somebody else changed its objects, so nothing was written. */
  | { readonly kind: 'changed-by-others' }
  /** `failed`: the objects that are still as the step left them, because of an error. */
  | { readonly kind: 'incomplete'; readonly failed: readonly ObjectRef[]; readonly except?: readonly ObjectRef[] }
  /** `reason` is the message of the error that ended the wait. */
  | { readonly kind: 'not-ready'; readonly reason: string; readonly except?: readonly ObjectRef[] }
  | {
      readonly kind: 'complete';
      /** Whether the restored workloads are ready. False: there are none, no user needs them, or nothing waited for them. */
      readonly ready: boolean;
      /** The run was cancelled, so nothing waited for workloads that users need. Absent: it was not. */
      readonly unawaited?: true;
      /** Secrets whose data is never recorded. */
      readonly withheld: readonly ObjectRef[];
      /** Jobs that ran again. */
      readonly kept: readonly ObjectRef[];
      /** Objects that others have written or own, and that therefore are as the step, or the others, left them. */
      readonly left: readonly LeftObject[];
    };

/** What the post step did about an interrupted run. */
export type Recovered =
  /** From then on, nothing was written. */
  | WithoutLock
  | Reached
  | { readonly kind: 'nothing-unfinished' }
  /** `rollback-on-failure` is false. */
  | { readonly kind: 'left'; readonly operation: Operation }
  /** The switch was verified; only the work after it is left. */
  | { readonly kind: 'finish-left' }
  /** The role that users left has no ready pod, so they were not sent back. */
  | { readonly kind: 'no-ready-pod' }
  | { readonly kind: 'incomplete'; readonly failed: readonly ObjectRef[] }
  /** Everything is restored, but what serves users is not ready. `reason` is the message of the error that ended the wait. */
  | { readonly kind: 'not-ready'; readonly reason: string }
  /** A rollback: users are not sent back to the version that they left. */
  | { readonly kind: 'rollback-left'; readonly operation: Operation }
  /** An adoption: users are on the role already, and the next deploy finishes it. */
  | { readonly kind: 'adoption-left'; readonly operation: AdoptOperation }
  /** A release that leaves its roles: users are on the new pods already, and the next deploy deletes the roles. */
  | { readonly kind: 'roles-left'; readonly operation: LeaveOperation }
  /** `left`: as in {@link Restored}. */
  | { readonly kind: 'restored'; readonly operation: Operation; readonly left: readonly LeftObject[] };

/** What a complete restoration leaves as it is. */
export function leftBy(restored: Restored): readonly LeftObject[] {
  return restored.kind === 'complete' ? restored.left : [];
}

/** Why a restoration leaves the operation on record; `undefined`: everything is restored. */
export function unrestored(restored: Restored): Recovered | undefined {
  switch (restored.kind) {
    case 'complete':
      return undefined;
    case 'lock-lost':
    case 'lock-refused':
    case 'incomplete':
    case 'not-ready':
    case 'reached':
      return restored;
    case 'no-ready-pod':
      return { kind: 'no-ready-pod' };
    case 'changed-by-others':
    case 'record-unknown':
      return { kind: 'lock-lost' };
    default:
      return restored satisfies never;
  }
}
