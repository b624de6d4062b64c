import type { OwnershipMigration } from '../../../cluster/apply/ownership-migration.js';
import type { KubeObject } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';

/** An application that is live without roles, and what is needed to adopt its Deployment as the first role. */
export interface Adoption {
  /** The role that the Deployment takes the place of. */
  readonly role: string;
  readonly deployment: KubeObject;
  /** Autoscalers of the Deployment. */
  readonly autoscalers: readonly KubeObject[];
  /** The public Service as it was read. */
  readonly before: Snapshot & { readonly object: KubeObject };
  /** What is applied to it, so that it selects exactly the pods that it selects now, by the hash of their template. */
  readonly narrowed: KubeObject;
  /** Fields whose ownership moves from other tools to Cutover; absent: there are none. */
  readonly migration?: OwnershipMigration;
}
