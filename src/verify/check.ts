import { systemClock, type Clock } from '../cluster/clock.js';
import { Heartbeat } from '../cluster/heartbeat.js';
import type { Cluster } from '../cluster/cluster.js';
import { CutoverError } from '../errors.js';
import type { Check as CheckInput } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import type { Endpoint } from './endpoint.js';
import type { PodReach } from './reach/pod-reach.js';

/** Which role is checked: the staged one before the switch, or the one that users reach. */
export type Side = 'staged' | 'public';

/** Result for the application. `cannot-tell`: the application did not answer. */
export type Verdict = 'pass' | 'fail' | 'cannot-tell';

/** Result of one attempt of a check. */
export interface CheckAttempt {
  readonly verdict: Verdict;
  /** One line; never empty. */
  readonly detail: string;
  /** True when a retry cannot change the verdict. */
  readonly final: boolean;
}

/** Result of a check after its retries. */
export interface CheckOutcome {
  readonly verdict: Verdict;
  /** One line: what was expected, the answer, and who answered. */
  readonly detail: string;
  /** 0 when the check was not run because an earlier one did not pass. */
  readonly attempts: number;
  readonly seconds: number;
}

/** What a check runs against. */
export interface CheckSubject {
  readonly side: Side;
  readonly endpoint: Endpoint;
  readonly cluster: Cluster;
  /** How its pods are reached. */
  readonly reach: PodReach;
  readonly log: Log;
  /** Environment variables of the runner, for commands. */
  readonly environment: Readonly<Record<string, string>>;
  /** Default: the clock of the machine. */
  readonly clock?: Clock;
}

/** A check of any kind. */
export interface Check {
  /** `GET /healthz`, `run: npm run smoke`. */
  readonly name: string;
  readonly when: CheckInput['when'];
  /** Runs the check with its retries. Throws `cancelled`, or the signal's reason if it is a `CutoverError`. */
  run(subject: CheckSubject, signal: AbortSignal): Promise<CheckOutcome>;
}

/** What {@link retryCheck} needs of a check. */
export interface RetriedCheck extends Pick<CheckInput, 'retryMs' | 'intervalMs'> {
  readonly name: string;
  readonly attempt: () => Promise<CheckAttempt>;
}

/** Minimum time of retries after `cannot-tell`, whatever the `retry` of the check: the connection to the pods may recover. */
const undecidedRetryMs = 30_000;

const verdictNames: Readonly<Record<Verdict, string>> = {
  pass: 'passed',
  fail: 'failed',
  'cannot-tell': 'cannot tell',
};

/** Repeats an attempt until it passes, is final, or its time is over; logs each new reason. */
export async function retryCheck(
  { name, retryMs, intervalMs, attempt }: RetriedCheck,
  { log, clock = systemClock }: CheckSubject,
  signal: AbortSignal,
): Promise<CheckOutcome> {
  const started = clock.now();
  const heartbeat = new Heartbeat({ clock, log });
  let loggedDetail = '';
  for (let attempts = 1; ; attempts += 1) {
    const { verdict, detail, final } = await attempt();
    throwIfCancelled(signal, name);
    const elapsedMs = clock.now() - started;
    const limitMs = verdict === 'cannot-tell' ? Math.max(retryMs, undecidedRetryMs) : retryMs;
    if (verdict === 'pass' || final || elapsedMs >= limitMs) {
      log.info(`${verdictNames[verdict]}: ${name}: ${detail}`);
      return { verdict, detail, attempts, seconds: Math.round(elapsedMs / 100) / 10 };
    }
    if (detail !== loggedDetail) {
      const limit = loggedDetail === '' ? `; retrying for up to ${Math.ceil((limitMs - elapsedMs) / 1000)} s` : '';
      heartbeat.log(`not yet: ${name}: ${detail}${limit}`);
      loggedDetail = detail;
    } else heartbeat.beat(() => `not yet: ${name}: ${detail}; ${Math.ceil((limitMs - elapsedMs) / 1000)} s left`);
    // The last attempt is at the end of the time, not an interval before it.
    await clock.wait(Math.min(intervalMs, limitMs - elapsedMs), signal);
    throwIfCancelled(signal, name);
  }
}

/** The attempt, or the error of the cancellation as soon as the signal aborts: the rollback needs the remaining time. */
export async function unlessCancelled(
  attempt: Promise<CheckAttempt>,
  name: string,
  signal: AbortSignal,
): Promise<CheckAttempt> {
  let stop = (): void => undefined;
  const cancellation = new Promise<never>((_, reject) => {
    stop = () => reject(cancellationError(signal, name));
  });
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([attempt, cancellation]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function throwIfCancelled(signal: AbortSignal, name: string): void {
  if (signal.aborted) throw cancellationError(signal, name);
}

function cancellationError(signal: AbortSignal, name: string): CutoverError {
  if (signal.reason instanceof CutoverError) return signal.reason;
  return new CutoverError(`The run was cancelled while check "${name}" was running`, { code: 'cancelled' });
}
