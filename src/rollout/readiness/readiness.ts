import type { KubeObject } from '../../kubernetes/object.js';
import { conditionOf } from '../../kubernetes/workload.js';

/** Where a wait stands. `reason` is never empty; `patienceMs` is how long a failure must last before it counts. */
export type Readiness =
  | { readonly done: false; readonly ok: false; readonly reason: string }
  | { readonly done: true; readonly ok: true; readonly reason: string; readonly note?: Note }
  | { readonly done: true; readonly ok: false; readonly reason: string; readonly patienceMs: number };

/** What a reader should know of something that counts as done; a warning where the new version does not run. */
export interface Note {
  readonly level: 'info' | 'warning';
  readonly text: string;
}

/** The reason while nothing can be said yet. It is true for a moment after every write, so it is no news. */
export const unobserved = 'its controller has not seen the change yet';

/**
 * How long what a controller says must last. A quota or a webhook may let the next try through. And when a version that was
 * stuck is put back, the condition of the stuck one stays for a moment, until the controller has moved the first pod.
 */
export const controllerPatienceMs = 5_000;

export const waiting = (reason: string): Readiness => ({ done: false, ok: false, reason });
export const ready = (reason: string, note?: Note): Readiness => ({
  done: true,
  ok: true,
  reason,
  ...(note && { note }),
});
export const failed = (reason: string, patienceMs = 0): Readiness => ({ done: true, ok: false, reason, patienceMs });

/** Done, although the new version does not run: warns of that. */
export const held = (reason: string, text: string): Readiness => ready(reason, { level: 'warning', text });

/** `QuotaExceeded: no room`; `no reason given` where a condition says nothing. */
export function spokenReason(said: { readonly reason?: string; readonly message?: string } | undefined): string {
  return [said?.reason, said?.message].filter(Boolean).join(': ') || 'no reason given';
}

/** Whether a condition of this type is there and says so. */
export function says(object: KubeObject, type: string, status: 'True' | 'False'): boolean {
  return conditionOf(object, type)?.status === status;
}
