import type { KindRef, KubeObject } from '../../kubernetes/object.js';
import type { Inventory } from '../inventory.js';
import { podFailureOf, type PodFailure } from '../pod-failure.js';
import type { Readiness } from './readiness.js';

export type Kind = Pick<KindRef, 'apiVersion' | 'kind'>;

export const podKind: Kind = { apiVersion: 'v1', kind: 'Pod' };

/** What a Deployment is that its own manifest pauses, so that its new pods never start: a failure, or ready with a warning. */
export type Paused = 'refused' | 'noted';

/** How objects of one kind become ready. */
export type ReadinessRule = RolloutRule | ApplyRule;

/** For kinds that a deploy waits for at its end: they must become ready and stay so. */
export interface RolloutRule {
  readonly when: 'rollout';
  /** Kinds to watch beside its own, in the namespace of the object. */
  readonly watch: readonly Kind[];
  /** Judges the live object, which is at least of the generation that was written. */
  readonly judge: (live: KubeObject, context: RolloutContext) => Judgement;
  /** Only a deploy changes its pod template, so another template means that another deploy replaced it. */
  readonly isPinnedByTemplate?: true;
  /** Stays ready once it is ready, even if it is deleted. */
  readonly isFinalOnceReady?: true;
}

/** For kinds that other objects need: judged as soon as they are applied. Only what is neither ready nor failed is waited for. */
export interface ApplyRule {
  readonly when: 'apply';
  readonly judge: (object: KubeObject) => Readiness;
}

export interface RolloutContext {
  /** The objects of all watched kinds. */
  readonly inventory: Inventory;
  /** Default: refused. */
  readonly paused?: Paused;
  /** The object as it was when the wait began. Absent: unknown. */
  readonly written?: KubeObject;
}

export interface Judgement {
  readonly readiness: Readiness;
  /** Pods of the version that was written, and of no other; those that are being deleted or have ended are among them. */
  readonly newPods: readonly KubeObject[];
  /** Identifies the new pods; absent for kinds that have no such hash. */
  readonly templateHash?: string;
  /** Why a new pod will not become ready; of several the failure that counts soonest. */
  readonly podFailure?: PodFailure;
  /** What creates the pods. Absent: the object itself. Its events say why there are no pods. */
  readonly podCreator?: KubeObject;
  /** Pods of any version that are being deleted, where the rollout waits for that. */
  readonly stopping?: readonly KubeObject[];
  /** Whether the next step is another pod, and its controller has not created it. */
  readonly lacksPods?: boolean;
}

/** The failure of these pods that counts soonest, of those that `counts` accepts (default: all). */
export function firstPodFailure(
  pods: readonly KubeObject[],
  counts: (failure: PodFailure) => boolean = () => true,
): Pick<Judgement, 'podFailure'> {
  const failures = pods.map(podFailureOf).filter(failure => failure !== undefined);
  const [first] = failures.filter(counts).sort((a, b) => a.toleranceMs - b.toleranceMs);
  return first === undefined ? {} : { podFailure: first };
}

/** Why pods of the previous version stay under `updateStrategy: OnDelete`. */
export const onDeleteWarning =
  'its updateStrategy is OnDelete, so pods keep the previous version until somebody deletes them';
