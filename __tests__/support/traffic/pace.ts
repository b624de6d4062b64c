/** What was missed longer ago than this many milliseconds is not made up for. */
const memoryMs = 500;
/** However late a tick comes, it begins at most what is due in twice this many milliseconds. */
const tickMs = 10;

/**
 * When the requests of a steady stream are due. One that was held up never answers with a burst: it goes on at twice its
 * pace at most until it has caught up.
 */
export class Pace {
  readonly #stepMs: number;
  #next: number;
  #last: number;
  #latenessMs = 0;

  /** `begun` and every later `now` are milliseconds of one clock. With 0 a second nothing is ever due. */
  constructor(perSecond: number, begun: number) {
    this.#stepMs = 1000 / perSecond;
    this.#next = perSecond > 0 ? begun : Infinity;
    this.#last = begun;
  }

  /** Milliseconds by which a request was begun later than it was due, at most. */
  get latenessMs(): number {
    return this.#latenessMs;
  }

  /** How many requests are to be begun now. */
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
