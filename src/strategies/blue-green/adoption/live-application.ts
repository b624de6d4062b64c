import type { Takeover } from '../../../cluster/apply/ownership-migration.js';
import type { KubeObject } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import type { PodName } from '../../../traffic/service-selector.js';

/** The label by which a Deployment's controller tells the pods of one template from those of any other. */
export const hashLabel = 'pod-template-hash';

/** An application that is live without roles, and what is needed to make its Deployment the first way back. */
export interface Adoption {
  /** The role whose place it takes. */
  readonly role: string;
  readonly deployment: KubeObject;
  /** What scales it. */
  readonly autoscalers: readonly KubeObject[];
  /** The public Service as it is. */
  readonly before: Snapshot & { readonly object: KubeObject };
  /** What is applied to it, so that it selects the very pods that it selects now, by the hash of their template. */
  readonly pinned: KubeObject;
  /** Fields that other tools give up to this one; absent: there are none. */
  readonly takeover?: Takeover;
  /** The pods that serve now. */
  readonly pods: readonly PodName[];
}
