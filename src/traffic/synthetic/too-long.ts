import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../cluster/clock.js';

/** A process that stood still for longer cannot say who was late, in milliseconds. */
const standstillMs = 1_000;

/**
 * Resolves when a request takes longer than `ms`, or the signal aborts. The result is why this tells nothing of the server, if so: this
 * process stood still itself, and saw what came only now.
 */
export async function untilTooLong(clock: Clock, ms: number, signal: AbortSignal): Promise<string | undefined> {
  const dueMs = clock.now() + ms;
  await clock.wait(ms, signal);
  // Timers come before input: an answer that is here already is taken first.
  await nextTurn();
  return clock.now() - dueMs > standstillMs ? 'this process stood still meanwhile' : undefined;
}
