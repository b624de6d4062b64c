import { refKey } from '../kubernetes/object.js';
import { activePods, isReady } from '../kubernetes/pods/pod.js';
import { failureOf, type Assessment, type Failure } from './assessment.js';
import { isCustom } from './readiness/custom-resource.js';

/** For how long the last progress may still end a failure: kubelet and controllers then have tried again. */
const graceMs = 60_000;

/** How far an object has come, and since when; `-Infinity`: since the wait began. */
interface Step {
  readonly state: string;
  readonly atMs: number;
}

/** A failure, and since when its state is the same. */
export interface LastingFailure {
  readonly assessment: Assessment;
  readonly failure: Failure;
  readonly sinceMs: number;
}

/** Follows the progress of a set, since many failures of one object end with the progress of the others. */
export class Movement {
  readonly #startedMs: number;
  readonly #steps = new Map<string, Step>();
  #assessments: readonly Assessment[] = [];
  /** Until when a pod was leaving the namespace of an object of the set. */
  #leftMs = -Infinity;
  #podsLeave = false;

  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  /** Takes the latest assessments of the whole set. */
  note(assessments: readonly Assessment[], nowMs: number): void {
    this.#assessments = assessments;
    const podsLeave = assessments.some(one => one.podsLeave);
    if (podsLeave || this.#podsLeave) this.#leftMs = nowMs;
    this.#podsLeave = podsLeave;
    for (const assessment of assessments) {
      const key = refKey(assessment.ref);
      const state = stateOf(assessment);
      const before = this.#steps.get(key);
      if (before?.state !== state) this.#steps.set(key, { state, atMs: before === undefined ? -Infinity : nowMs });
    }
  }

  /** When the failure counts; Infinity while another object or a pod that leaves may still end it. */
  countsAt({ assessment, failure, sinceMs }: LastingFailure, nowMs: number): number {
    const { toleranceMs, mayEndWith } = failure;
    const lastsAt = sinceMs + toleranceMs;
    if (mayEndWith === undefined) return lastsAt;
    if (mayEndWith === 'pods' && assessment.podsLeave) return Infinity;
    const others = this.#assessments.filter(({ ref }) => refKey(ref) !== refKey(assessment.ref));
    const hopeUntil = others.filter(isOpen).map(one => Math.max(this.#movedAt(one), this.#startedMs) + graceMs);
    const lastHope = Math.max(...hopeUntil);
    if (lastHope > nowMs) return Math.max(lastsAt, lastHope);
    const ofPods = mayEndWith === 'pods' ? [this.#movedAt(assessment), this.#leftMs] : [];
    const lastMove = Math.max(...ofPods, ...others.map(one => this.#movedAt(one)));
    return sinceMs >= lastMove ? lastsAt : Math.max(lastsAt, lastMove + graceMs);
  }

  #movedAt({ ref }: Assessment): number {
    return this.#steps.get(refKey(ref))?.atMs ?? -Infinity;
  }
}

/** Whether the object is not ready, and has no failure. */
function isOpen(assessment: Assessment): boolean {
  return !assessment.readiness.ok && failureOf(assessment) === undefined;
}

/** What changes with each step of progress, but not with a failure or a restart. */
function stateOf({ ref, readiness, newPods }: Assessment): string {
  if (isCustom(ref)) return readiness.reason;
  const active = activePods(newPods);
  const names = active.map(({ metadata }) => metadata.uid ?? metadata.name).sort();
  return `${active.filter(isReady).length} ready, ${names.join(' ')}`;
}
