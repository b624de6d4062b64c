import type { CallCounts, Fault, FaultMatch, Sandbox, SeenCall } from './sandbox.js';

interface Active {
  readonly match: FaultMatch;
  readonly fault: Fault;
  skip: number;
  left: number;
  /** In milliseconds of `performance.now()`; Infinity until a request is hit. */
  endsAt: number;
}

function hits(match: FaultMatch, call: SeenCall): boolean {
  const { name } = match;
  return (
    (match.verb === undefined || match.verb === call.verb) &&
    (match.kind === undefined || match.kind === call.kind) &&
    (match.namespace === undefined || match.namespace === call.namespace) &&
    (name === undefined || (typeof name === 'string' ? name === call.name : name.test(call.name))) &&
    (match.dryRun === undefined || match.dryRun === call.dryRun)
  );
}

/** The pending faults. */
export class Faults {
  readonly #active = new Set<Active>();
  readonly #running = new Map<SeenCall, (fault: Fault) => void>();

  /** Adds a fault for the next `times` matching requests. Returns its removal. Running watches are hit at once. */
  add(match: FaultMatch, fault: Fault, times?: number): () => void {
    const left = times ?? (fault.do === 'gone' ? 1 : Infinity);
    const active: Active = { match, fault, skip: match.skip ?? 0, left, endsAt: Infinity };
    this.#active.add(active);
    // The order of running watches is no longer known.
    if (active.skip === 0 && (fault.do === 'gone' || fault.do === 'end-watch')) {
      for (const [call, hit] of [...this.#running]) if (hits(match, call)) hit(fault);
    }
    return () => this.#active.delete(active);
  }

  /** The faults that hit this request with this body; each match uses one up. */
  take(call: SeenCall, body: string): readonly Fault[] {
    const now = performance.now();
    for (const active of this.#active) if (now >= active.endsAt) this.#active.delete(active);
    const matching = [...this.#active].filter(
      ({ match, fault }) => hits(match, call) && match.body?.test(body) !== false && fits(fault, call),
    );
    const found = matching.filter(active => active.skip === 0);
    for (const active of matching) if (active.skip > 0) active.skip -= 1;
    for (const active of found) {
      active.left -= 1;
      active.endsAt = Math.min(active.endsAt, now + (active.match.forMs ?? Infinity));
      if (active.left <= 0) this.#active.delete(active);
    }
    return found.map(active => active.fault);
  }

  /** A watch that runs until the returned function is called; `hit` ends it when a fault is added for it. */
  watching(call: SeenCall, hit: (fault: Fault) => void): () => void {
    this.#running.set(call, hit);
    return () => this.#running.delete(call);
  }
}

/** Whether the fault can be done to such a request. */
function fits(fault: Fault, call: SeenCall): boolean {
  const isLongRunning = ['WATCH', 'LOG', 'PORTFORWARD', 'PROXY'].includes(call.verb);
  if (fault.do === 'hold' || (fault.do === 'delay' && fault.after === true)) return !isLongRunning;
  return (fault.do !== 'gone' && fault.do !== 'end-watch') || call.verb === 'WATCH';
}

/** `PATCH Deployment (dry run)`. */
export function callName(call: SeenCall): string {
  return `${call.verb} ${call.kind}${call.dryRun ? ' (dry run)' : ''}`;
}

type Listener = Parameters<Sandbox['calls']['listen']>[0];
type AnswerListener = Parameters<Sandbox['calls']['listenToAnswers']>[0];

/** Counts the calls and notifies listeners. */
export class Calls {
  readonly #counts = new Map<string, number>();
  readonly #listeners = new Set<Listener>();
  readonly #answerListeners = new Set<AnswerListener>();

  add(call: SeenCall, faults: readonly Fault[]): void {
    for (const listener of this.#listeners) listener(call, faults);
    const key = callName(call);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  answered(call: SeenCall, status: number): void {
    for (const listener of this.#answerListeners) listener(call, status);
  }

  read(): CallCounts {
    const total = [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
    return { total, byVerbAndKind: Object.fromEntries(this.#counts) };
  }

  reset(): void {
    this.#counts.clear();
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  listenToAnswers(listener: AnswerListener): () => void {
    this.#answerListeners.add(listener);
    return () => this.#answerListeners.delete(listener);
  }
}
