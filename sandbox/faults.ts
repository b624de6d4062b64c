import type { CallCounts, Fault, FaultMatch } from './sandbox.js';

/** What faults and counters know of a request. */
export interface Call {
  /** `GET`, `LIST`, `WATCH`, `PROXY`…; others as their HTTP method. */
  readonly verb: string;
  /** `Deployment`, `Deployment/status`; the path where no kind is asked for. */
  readonly kind: string;
  /** '' for a collection. */
  readonly name: string;
  readonly dryRun: boolean;
}

interface Active {
  readonly match: FaultMatch;
  readonly fault: Fault;
  left: number;
}

function hits(match: FaultMatch, call: Call): boolean {
  return (
    (match.verb === undefined || match.verb === call.verb) &&
    (match.kind === undefined || match.kind === call.kind) &&
    (match.name === undefined || match.name === call.name) &&
    (match.dryRun === undefined || match.dryRun === call.dryRun)
  );
}

/** The faults that are waiting for their requests. */
export class Faults {
  readonly #active = new Set<Active>();
  readonly #running = new Map<Call, (fault: Fault) => void>();

  /** Adds a fault for the next `times` matching requests. Returns its removal. Running watches are hit at once. */
  add(match: FaultMatch, fault: Fault, times?: number): () => void {
    const active: Active = { match, fault, left: times ?? (fault.do === 'gone' ? 1 : Infinity) };
    this.#active.add(active);
    if (fault.do === 'gone' || fault.do === 'end-watch') {
      for (const [call, hit] of [...this.#running]) if (hits(match, call)) hit(fault);
    }
    return () => this.#active.delete(active);
  }

  /** The faults that hit this request; each is used up by one. */
  take(call: Call): readonly Fault[] {
    const found = [...this.#active].filter(active => hits(active.match, call) && fits(active.fault, call));
    for (const active of found) {
      active.left -= 1;
      if (active.left <= 0) this.#active.delete(active);
    }
    return found.map(active => active.fault);
  }

  /** A watch that runs until the returned function is called; `hit` ends it when a fault is added for it. */
  watching(call: Call, hit: (fault: Fault) => void): () => void {
    this.#running.set(call, hit);
    return () => this.#running.delete(call);
  }
}

function fits(fault: Fault, call: Call): boolean {
  return (fault.do !== 'gone' && fault.do !== 'end-watch') || call.verb === 'WATCH';
}

/** `PATCH Deployment (dry run)`. */
export function callName(call: Call): string {
  return `${call.verb} ${call.kind}${call.dryRun ? ' (dry run)' : ''}`;
}

/** Counts what the API server is asked. */
export class Calls {
  readonly #counts = new Map<string, number>();

  add(call: Call): void {
    const key = callName(call);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  read(): CallCounts {
    const total = [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
    return { total, byVerbAndKind: Object.fromEntries(this.#counts) };
  }

  reset(): void {
    this.#counts.clear();
  }
}
