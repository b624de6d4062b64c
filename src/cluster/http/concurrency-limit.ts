/** Runs a limited number of tasks at once; the others wait in first-in, first-out order. */
export class ConcurrencyLimit {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>(resolve => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // The slot goes directly to the next waiting task, so that no later one can take it.
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
