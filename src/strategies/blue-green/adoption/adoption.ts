import type { KubeObject } from '../../../kubernetes/object.js';
import type { PlannedChange } from '../../../plan/change.js';

/** A live Deployment, and the role that its version becomes. */
export interface AdoptedRole {
  readonly role: string;
  readonly deployment: KubeObject;
  /** What scales it, and the disruption budgets of its pods: they are deleted. */
  readonly autoscalers: Pick<Replacement, 'live'>;
  readonly budgets: Pick<Replacement, 'live'>;
}

/** An application that is live without roles, and what brings its version up once more as the first role. */
export interface Adoption extends AdoptedRole {
  /** The public Service as it was read. */
  readonly service: KubeObject;
  /** Identifies its pod template; see {@link templateIdentity}. */
  readonly template: string;
  /** By the name of a container: the ID of the image that the serving pods run. */
  readonly imageIds: Readonly<Record<string, string>>;
  /** The twin, and the test Service of its role if the manifests have one, as they would be applied. */
  readonly planned: readonly PlannedChange[];
  /** What is applied to the public Service, so that it selects the twin alone. */
  readonly narrowed: KubeObject;
  /** What scales the Deployment: HorizontalPodAutoscalers, or the ScaledObjects that own them. */
  readonly autoscalers: Replacement;
  /** The disruption budgets of its pods. */
  readonly budgets: Replacement;
}

/** Live objects that are deleted, and what the role gets in their place. */
export interface Replacement {
  readonly live: readonly KubeObject[];
  readonly ofRole: readonly KubeObject[];
}
