import type { Clock } from '../cluster/clock.js';
import { CutoverError } from '../errors.js';
import type { GitHubAnswer } from './rest.js';

/** How to wait between requests. */
export interface Pace {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Milliseconds before the second and third attempt: one failed request should not fail a run that was approved manually. */
const retryDelaysMs = [1_000, 4_000];
/** A rate limit that lasts longer is reported instead. */
const longestWaitMs = 120_000;

/** Reads again what failed for a moment: no answer, a defect of GitHub, a short rate limit. Throws `cancelled`. */
export async function withRetry(read: () => Promise<GitHubAnswer>, pace: Pace): Promise<GitHubAnswer> {
  let answer = await read();
  for (const delayMs of retryDelaysMs) {
    const waitMs = waitBeforeRetry(answer, delayMs);
    if (waitMs === undefined) break;
    await pause(waitMs, pace);
    answer = await read();
  }
  throwIfCancelled(pace);
  return answer;
}

/** Waits. Throws `cancelled`. */
export async function pause(ms: number, pace: Pace): Promise<void> {
  throwIfCancelled(pace);
  await pace.clock.wait(ms, pace.signal);
  throwIfCancelled(pace);
}

function waitBeforeRetry(answer: GitHubAnswer, delayMs: number): number | undefined {
  if (answer.kind === 'unreachable') return delayMs;
  if (answer.kind === 'ok') return undefined;
  const { rateLimit, status } = answer;
  if (rateLimit === undefined) return status >= 500 ? delayMs : undefined;
  return rateLimit.waitMs <= longestWaitMs ? Math.max(rateLimit.waitMs, delayMs) : undefined;
}

function throwIfCancelled({ signal }: Pace): void {
  if (signal.aborted)
    throw new CutoverError('The run was cancelled while its approval was read', { code: 'cancelled' });
}
