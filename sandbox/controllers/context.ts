import type { Store } from '../api/store/store.js';
import type { Clock } from './clock.js';

/** A kind that the API server serves. */
export interface ServedKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** The context of every controller. */
export interface ControllerContext {
  readonly store: Store;
  readonly clock: Clock;
  /** All kinds served now, those of CustomResourceDefinitions among them. */
  readonly kinds: () => readonly ServedKind[];
}

/** Starts a controller; returns a function that stops it. */
export type Controller = (context: ControllerContext) => () => void;
