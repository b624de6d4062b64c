import type { Begun } from '../release/operation.js';
import type { RunContext } from './context.js';

/** Who begins an operation: this run. */
export function begunBy({ run, lock }: Pick<RunContext, 'run' | 'lock'>): Begun {
  return { run: run.url, holder: lock.holder };
}
