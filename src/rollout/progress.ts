import { heartbeatMs } from '../cluster/heartbeat.js';
import { describeRef, refKey } from '../kubernetes/object.js';
import { restartsOf } from '../kubernetes/pods/pod.js';
import { failureOf, fingerprint, type Assessment } from './assessment.js';
import { Movement } from './movement.js';
import { unobserved } from './readiness/readiness.js';
import { describeState } from './rollout-error.js';
import { rolloutRuleOf } from './readiness/table.js';

/** What a wait for a set of objects does next. */
export type WaitDecision =
  /** Assess again when a watch reports something, or after `ms`. */
  | { readonly action: 'wait'; readonly ms: number }
  | { readonly action: 'succeed' }
  | { readonly action: 'fail'; readonly failed: readonly Assessment[] }
  | { readonly action: 'superseded'; readonly by: Assessment }
  | { readonly action: 'time-out'; readonly open: readonly Assessment[] };

export interface WaitLimits {
  readonly timeoutMs: number;
  /** How long ready must last. */
  readonly stableForMs: number;
  /**
   * Nothing was written: what is ready at the first look, with pods that have never restarted, has been so before, and does not
   * have to last any more. Default: all of it has to.
   */
  readonly settled?: boolean;
}

const maxPerHeartbeat = 3;

/** A state that lasts, and since when. */
interface LastingState {
  readonly state: string;
  readonly sinceMs: number;
}

/** Remembers since when each object has been ready or failing, which a single assessment does not show. */
export class Progress {
  readonly #startedMs: number;
  readonly #limits: WaitLimits;
  readonly #movement: Movement;
  readonly #ready = new Map<string, LastingState>();
  /** Which pods each object had at the first look; `undefined`: it was not ready, or one had restarted. */
  readonly #settled = new Map<string, string | undefined>();
  readonly #failing = new Map<string, LastingState>();
  /** Containers whose pull the kubelet delayed after it had failed. */
  readonly #backedOff = new Set<string>();
  #loggedMs: number;
  readonly #logged = new Map<string, string>();
  readonly #extended = new Map<string, string>();

  constructor(startedMs: number, limits: WaitLimits) {
    this.#startedMs = startedMs;
    this.#limits = limits;
    this.#loggedMs = startedMs;
    this.#movement = new Movement(startedMs);
  }

  /** A log line for each object whose reason differs from the last one logged, or to whose template somebody added. */
  changes(assessments: readonly Assessment[], nowMs: number): readonly string[] {
    return assessments.flatMap(one => [...this.#extension(one), ...this.#newReason(one, nowMs)]);
  }

  #extension({ ref, extended }: Assessment): readonly string[] {
    const key = refKey(ref);
    if (extended === undefined || this.#extended.get(key) === extended) return [];
    this.#extended.set(key, extended);
    return [`${describeRef(ref)}: ${extended}; the pods with it are waited for`];
  }

  #newReason({ ref, readiness }: Assessment, nowMs: number): readonly string[] {
    const key = refKey(ref);
    if (readiness.reason === unobserved || this.#logged.get(key) === readiness.reason) return [];
    this.#logged.set(key, readiness.reason);
    this.#loggedMs = nowMs;
    return [`${describeRef(ref)}: ${readiness.reason}, ${Math.round((nowMs - this.#startedMs) / 1000)} s`];
  }

  /** What is still waited for, and why, where nothing was logged for a while; then in how many milliseconds it is due. */
  heartbeat(
    assessments: readonly Assessment[],
    nowMs: number,
  ): { readonly lines: readonly string[]; readonly nextMs: number } {
    if (nowMs - this.#loggedMs < heartbeatMs) return { lines: [], nextMs: this.#loggedMs + heartbeatMs - nowMs };
    this.#loggedMs = nowMs;
    const open = assessments.filter(({ readiness }) => !readiness.ok);
    const seconds = Math.round((nowMs - this.#startedMs) / 1000);
    const lines = open.slice(0, maxPerHeartbeat).map(one => {
      return `${describeRef(one.ref)}: still waiting: ${describeState(one)}, ${seconds} s`;
    });
    const more = open.length - lines.length;
    return { lines: more > 0 ? [...lines, `and ${more} more`] : lines, nextMs: heartbeatMs };
  }

  /** Decides by the latest assessment of every object. Call it at each change, and when the time that it returned is over. */
  decide(assessments: readonly Assessment[], nowMs: number): WaitDecision {
    const superseded = assessments.find(assessment => assessment.superseded !== undefined);
    if (superseded !== undefined) return { action: 'superseded', by: superseded };

    this.#movement.note(assessments, nowMs);
    const endsAt = this.#startedMs + this.#limits.timeoutMs;
    let nextAt = endsAt;
    const failed: Assessment[] = [];
    const open: Assessment[] = [];
    for (const assessment of assessments) {
      const failsAt = this.#failsAt(assessment, nowMs);
      if (failsAt <= nowMs) failed.push(assessment);
      nextAt = Math.min(nextAt, failsAt);
      const stableAt = this.#stableAt(assessment, nowMs);
      if (stableAt <= nowMs) continue;
      open.push(assessment);
      nextAt = Math.min(nextAt, stableAt);
    }
    if (failed.length > 0) return { action: 'fail', failed };
    if (open.length === 0) return { action: 'succeed' };
    if (nowMs >= endsAt) return { action: 'time-out', open };
    return { action: 'wait', ms: nextAt - nowMs };
  }

  /** When the failure of an object or of its pods will count; Infinity without one. */
  #failsAt(assessment: Assessment, nowMs: number): number {
    const key = refKey(assessment.ref);
    const failure = failureOf(assessment);
    if (failure === undefined) {
      this.#failing.delete(key);
      return Infinity;
    }
    if (this.#wasPulledAgain(assessment)) return nowMs;
    const sinceMs = since(this.#failing, { key, state: failure.state, nowMs });
    return this.#movement.countsAt({ assessment, failure, sinceMs }, nowMs);
  }

  /** Whether the image of a failing container was tried again, in vain. */
  #wasPulledAgain({ readiness, podFailure }: Assessment): boolean {
    if (readiness.done || podFailure?.pull === undefined) return false;
    const key = `${podFailure.pod.metadata.uid ?? ''} ${podFailure.container}`;
    if (podFailure.pull === 'backing off') this.#backedOff.add(key);
    return podFailure.pull === 'tried' && this.#backedOff.has(key);
  }

  /** When an object will have been ready for long enough; Infinity while it is not ready. */
  #stableAt(assessment: Assessment, nowMs: number): number {
    const key = refKey(assessment.ref);
    this.#look(assessment);
    if (!assessment.readiness.ok) {
      this.#ready.delete(key);
      return Infinity;
    }
    if (rolloutRuleOf(assessment.ref)?.isFinalOnceReady) return nowMs;
    const state = fingerprint(assessment);
    if (this.#limits.settled && this.#settled.get(key) === state) return nowMs;
    return since(this.#ready, { key, state, nowMs }) + this.#limits.stableForMs;
  }

  /** Remembers the first look at an object. */
  #look(assessment: Assessment): void {
    const key = refKey(assessment.ref);
    const { readiness, newPods } = assessment;
    if (this.#settled.has(key) || readiness.reason === unobserved) return;
    const isSettled = readiness.ok && newPods.every(pod => restartsOf(pod) === 0);
    this.#settled.set(key, isSettled ? fingerprint(assessment) : undefined);
  }
}

/** Since when the state has been the same; from now on if it changed. */
function since(
  states: Map<string, LastingState>,
  { key, state, nowMs }: { readonly key: string; readonly state: string; readonly nowMs: number },
): number {
  const lasting = states.get(key);
  if (lasting?.state === state) return lasting.sinceMs;
  states.set(key, { state, sinceMs: nowMs });
  return nowMs;
}
