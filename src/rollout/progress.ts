import { describeRef, refKey } from '../kubernetes/object.js';
import { fingerprint } from './assessment.js';
import type { Assessment } from './assessment.js';
import { isJob } from './awaited.js';
import { unobserved } from './readiness/readiness.js';
import { restartsOf } from '../kubernetes/workload.js';

/** What is to be done next with a set of workloads that is waited for. */
export type NextMove =
  /** Look again when something changed, or after `ms`. */
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'succeed' }
  | { readonly do: 'fail'; readonly failed: readonly Assessment[] }
  | { readonly do: 'superseded'; readonly by: Assessment }
  | { readonly do: 'time-out'; readonly open: readonly Assessment[] };

interface Since {
  readonly what: string;
  readonly atMs: number;
}

/** Remembers since when each workload is ready or in trouble: a look at one moment cannot tell. */
export class Progress {
  readonly #startedMs: number;
  readonly #limits: { readonly timeoutMs: number; readonly stableForMs: number };
  readonly #ready = new Map<string, Since>();
  readonly #failing = new Map<string, Since>();
  readonly #told = new Map<string, string>();

  constructor(startedMs: number, limits: { readonly timeoutMs: number; readonly stableForMs: number }) {
    this.#startedMs = startedMs;
    this.#limits = limits;
  }

  /** One line for each workload that has news since the last call. */
  news(assessments: readonly Assessment[], nowMs: number): readonly string[] {
    return assessments.flatMap(({ ref, readiness }) => {
      const key = refKey(ref);
      if (readiness.reason === unobserved || this.#told.get(key) === readiness.reason) return [];
      this.#told.set(key, readiness.reason);
      return [`${describeRef(ref)}: ${readiness.reason}, ${Math.round((nowMs - this.#startedMs) / 1000)} s`];
    });
  }

  /** Decides from where every workload stands now. Call it at each change, and when the time it gave is over. */
  decide(assessments: readonly Assessment[], nowMs: number): NextMove {
    const superseded = assessments.find(assessment => assessment.superseded !== undefined);
    if (superseded !== undefined) return { do: 'superseded', by: superseded };

    const ends = this.#startedMs + this.#limits.timeoutMs;
    let next = ends;
    const failed: Assessment[] = [];
    const open: Assessment[] = [];
    for (const assessment of assessments) {
      const failsAt = this.#failsAt(assessment, nowMs);
      if (failsAt <= nowMs) failed.push(assessment);
      next = Math.min(next, failsAt);
      const steadyAt = this.#steadyAt(assessment, nowMs);
      if (steadyAt <= nowMs) continue;
      open.push(assessment);
      next = Math.min(next, steadyAt);
    }
    if (failed.length > 0) return { do: 'fail', failed };
    if (open.length === 0) return { do: 'succeed' };
    if (nowMs >= ends) return { do: 'time-out', open };
    return { do: 'wait', ms: next - nowMs };
  }

  /** When what ails a workload or its pods has lasted long enough; Infinity when nothing does. */
  #failsAt({ ref, readiness, trouble }: Assessment, nowMs: number): number {
    const failing = readiness.done && !readiness.ok ? readiness.patienceMs : undefined;
    const stuck = readiness.done ? undefined : trouble;
    return Math.min(
      this.#lastsUntil({ key: `${refKey(ref)} itself`, patienceMs: failing }, nowMs),
      this.#lastsUntil({ key: `${refKey(ref)} pods`, patienceMs: stuck?.patienceMs, what: stuck?.container }, nowMs),
    );
  }

  #lastsUntil(
    { key, patienceMs, what = '' }: { key: string; patienceMs: number | undefined; what?: string | undefined },
    nowMs: number,
  ): number {
    if (patienceMs !== undefined) return since(this.#failing, { key, what, nowMs }) + patienceMs;
    this.#failing.delete(key);
    return Infinity;
  }

  /** When a workload has been ready for long enough; Infinity while it is not. */
  #steadyAt(assessment: Assessment, nowMs: number): number {
    const key = refKey(assessment.ref);
    if (!assessment.readiness.ok) {
      this.#ready.delete(key);
      return Infinity;
    }
    // What has run to its end cannot become unready.
    if (isJob(assessment.ref)) return nowMs;
    const what = fingerprint(assessment, restartsOf);
    return since(this.#ready, { key, what, nowMs }) + this.#limits.stableForMs;
  }
}

function since(memory: Map<string, Since>, { key, what, nowMs }: { key: string; what: string; nowMs: number }): number {
  const known = memory.get(key);
  if (known?.what === what) return known.atMs;
  memory.set(key, { what, atMs: nowMs });
  return nowMs;
}
