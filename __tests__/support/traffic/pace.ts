/** Requests that are overdue by more than this many milliseconds are dropped. */
const memoryMs = 500;
/** A late tick starts at most the requests that are due in twice this many milliseconds. */
const tickMs = 10;

/**
 * Computes when the requests of a steady stream are due. After a stall there is no burst: the stream catches up at twice its
 * rate at most.
 */
export class Pace {
  readonly #stepMs: number;
  #next: number;
  #last: number;
  #latenessMs = 0;

  /** `begun` and every later `now` are milliseconds of one clock. At 0 per second no request is ever due. */
  constructor(perSecond: number, begun: number) {
    this.#stepMs = 1000 / perSecond;
    this.#next = perSecond > 0 ? begun : Infinity;
    this.#last = begun;
  }

  /** The longest delay of a request after its due time, in milliseconds. */
  get latenessMs(): number {
    return this.#latenessMs;
  }

  /** How many requests to start now. */
  due(now: number): number {
    const elapsed = Math.min(now - this.#last, tickMs);
    this.#last = now;
    if (now < this.#next) return 0;
    this.#latenessMs = Math.max(this.#latenessMs, now - this.#next);
    this.#next = Math.max(this.#next, now - memoryMs);
    const missed = Math.floor((now - this.#next) / this.#stepMs) + 1;
    const count = Math.min(missed, Math.max(1, Math.round((2 * elapsed) / this.#stepMs)));
    this.#next += count * this.#stepMs;
    return count;
  }
}
