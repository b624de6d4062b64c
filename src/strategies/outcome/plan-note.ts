import type { ClosingTime } from './connections.js';
import type { ObjectRef } from '../../kubernetes/object.js';
import type { Preview, Replacement } from '../../plan/preview.js';
import type { FormerObject } from '../../release/state.js';
import type { Operation } from '../../release/operation.js';

/** One thing that a deploy would do, as data; `report/plan-notes.ts` has the text. */
export type PlanNote =
  /** Rolling: the current revision already has these manifests. */
  | { readonly kind: 'unchanged'; readonly revision: number }
  | { readonly kind: 'to-deploy'; readonly revision: number }
  /** Nothing that the API server accepts would be changed, and the rest is refused. */
  | { readonly kind: 'refused' }
  /** Workloads whose pods would be replaced. Empty: no pod would be. */
  | { readonly kind: 'pods-to-replace'; readonly how: Replacement; readonly workloads: readonly ObjectRef[] }
  /** The release is blue/green: objects without a role would take the place of its roles. */
  | {
      readonly kind: 'to-leave-roles';
      readonly services: readonly ObjectRef[];
      /** The role that users are on. */
      readonly active: string;
      readonly roles: readonly string[];
    }
  /** Blue/green: the active role already runs these manifests. */
  | { readonly kind: 'active-unchanged'; readonly role: string }
  | { readonly kind: 'staged-before'; readonly revision: number; readonly role: string }
  /** The versions of live Deployments would be brought up once more as `role`, and the Services narrowed to it. */
  | {
      readonly kind: 'to-adopt';
      readonly revision: number;
      readonly services: readonly ObjectRef[];
      readonly deployments: readonly ObjectRef[];
      readonly role: string;
    }
  | { readonly kind: 'to-stage'; readonly revision: number; readonly role: string }
  /** The revision that is staged now would be replaced. */
  | { readonly kind: 'to-replace-staged'; readonly revision: number; readonly role: string }
  /** The role is the hot backup of the revision that users are on, until something else is staged there. */
  | { readonly kind: 'to-end-backup'; readonly role: string; readonly revision: number; readonly rollback?: number }
  /** After the switch, the role that users leave would get the revision, too. */
  | {
      readonly kind: 'to-back-up';
      readonly role: string;
      readonly revision: number;
      readonly drainMs: number;
      readonly by: 'deploy' | 'promote';
    }
  | {
      readonly kind: 'to-switch';
      readonly services: readonly ObjectRef[];
      /** Absent: the first release. */
      readonly from?: string;
      readonly to: string;
      /** Which step would switch: this one, or a later `promote`. */
      readonly by: 'deploy' | 'promote';
    }
  /** After the switch, the pods of the role that users leave would be replaced, to end connections that they keep open. */
  | {
      readonly kind: 'to-close-connections';
      readonly role: string;
      readonly time: ClosingTime;
      readonly drainMs: number;
      /** Absent: there is enough time. Otherwise connections would stay open. */
      readonly timeoutMs?: number;
      readonly by: 'deploy' | 'promote';
    }
  /** Objects of earlier revisions that are not among the manifests and are still live. */
  | { readonly kind: 'left'; readonly objects: readonly FormerObject[] }
  /** An earlier run was interrupted. */
  | { readonly kind: 'unfinished'; readonly operation: Operation };

/** What a deploy would do. */
export interface PlannedDeploy extends Omit<Preview, 'notes'> {
  readonly notes: readonly PlanNote[];
}
