/** How long a failure must last before it counts, since its cause may go away. */
export interface Patience {
  /** 0 if its cause cannot go away. */
  readonly toleranceMs: number;
  /**
   * What else may end the failure, so that it does not count while that goes on. `others`: progress of the other objects of the
   * set, such as a database that the pods need. `pods`: that too, and any pod that leaves the namespace. Default: nothing.
   */
  readonly mayEndWith?: 'others' | 'pods';
}

/** How far an object is from ready. `reason` is never empty. */
export type Readiness =
  | { readonly done: false; readonly ok: false; readonly reason: string }
  | { readonly done: true; readonly ok: true; readonly reason: string; readonly note?: Note }
  | ({ readonly done: true; readonly ok: false; readonly reason: string } & Patience);

/** A note about an object that counts as ready; a warning if the new version does not run. */
export interface Note {
  readonly level: 'info' | 'warning';
  readonly text: string;
}

/** The reason until the controller has observed the object. True for a moment after every write, so it is not logged. */
export const unobserved = 'its controller has not seen the change yet';

/**
 * How long a failure that a controller reports must last. A quota or a webhook may let the next attempt through. And after a
 * failed version was rolled back, its condition stays for a moment, until the controller has started the first pod.
 */
export const controllerToleranceMs = 5_000;

export const waiting = (reason: string): Readiness => ({ done: false, ok: false, reason });
export const ready = (reason: string, note?: Note): Readiness => ({
  done: true,
  ok: true,
  reason,
  ...(note && { note }),
});
/** Failed. `patience`: a number is its tolerance in milliseconds. */
export const failed = (reason: string, patience: number | Patience = 0): Readiness => ({
  ...(typeof patience === 'number' ? { toleranceMs: patience } : patience),
  done: true,
  ok: false,
  reason,
});

/** Counts as ready although the new version does not run; the warning says why it does not. */
export const readyWithWarning = (reason: string, warning: string): Readiness =>
  ready(reason, { level: 'warning', text: warning });
