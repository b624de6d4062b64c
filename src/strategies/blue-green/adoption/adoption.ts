import type { KubeObject } from '../../../kubernetes/object.js';
import type { PlannedChange } from '../../../plan/change.js';
import type { AdoptingDeployment } from '../../../release/operation.js';

/** The live Deployments behind the public Services, and the role that their versions become. */
export interface AdoptedRole {
  readonly role: string;
  /** At least one, each once. */
  readonly deployments: readonly KubeObject[];
  /** What scales them, and the disruption budgets of their pods: they are deleted. */
  readonly autoscalers: Pick<Replacement, 'live'>;
  readonly budgets: Pick<Replacement, 'live'>;
}

/** An application that is live without roles, and what brings its version up once more as the first role. */
export interface Adoption extends AdoptedRole {
  /** The public Services as they were read, the main one first. */
  readonly services: readonly KubeObject[];
  /** The same Deployments in the same order, as they are recorded. */
  readonly versions: readonly AdoptingDeployment[];
  /** The twins in the order of the Deployments, and the test Service of the role if the manifests have one, as they would be applied. */
  readonly planned: readonly PlannedChange[];
  /** What is applied to the public Services, in their order, so that each selects its twin alone. */
  readonly narrowed: readonly KubeObject[];
  /** What scales the Deployments: HorizontalPodAutoscalers, or the ScaledObjects that own them. */
  readonly autoscalers: Replacement;
  /** The disruption budgets of their pods. */
  readonly budgets: Replacement;
}

/** Live objects that are deleted, and what the role gets in their place. */
export interface Replacement {
  readonly live: readonly KubeObject[];
  readonly ofRole: readonly KubeObject[];
}
