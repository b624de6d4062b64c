import type { KubeObject } from '../../../kubernetes/object.js';
import type { PlannedChange } from '../../../plan/change.js';
import type { BlueGreenState, FormerObject } from '../../../release/state.js';

/** How a release leaves its roles: everything that is done to its objects. */
export interface LeavePlan {
  readonly state: BlueGreenState;
  /** The role that users leave. */
  readonly active: string;
  /** The manifests without the public Services and without autoscalers and budgets, at the size that serves now. */
  readonly first: readonly PlannedChange[];
  /** The public Services, in the order of the record. */
  readonly services: readonly PlannedChange[];
  /** Autoscalers and budgets of the manifests, which follow when those of the roles are gone. */
  readonly last: readonly PlannedChange[];
  /** Live objects of the idle role, and of the active one. Users may be led to the idle one, so it goes before the switch. */
  readonly ofIdle: readonly KubeObject[];
  readonly ofActive: readonly KubeObject[];
  /** Objects of the roles that the manifests do not have, and that are not deleted with them. */
  readonly left: readonly FormerObject[];
}
