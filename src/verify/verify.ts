import { systemClock, type Clock } from '../cluster/clock.js';
import type { Cluster } from '../cluster/cluster.js';
import { CutoverError } from '../errors.js';
import type { Check } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import type { Endpoint } from './endpoint.js';
import { httpCheckName, tryHttp, type Trial } from './http-check.js';
import type { Verdict } from './judge.js';
import { listen } from './listener.js';
import { runCheckName, tryRun } from './run-check.js';

/** Which side is under test: the staged one before the switch, or the one that users reach. */
export type Side = 'staged' | 'public';

/** How one check ended. Only `pass` goes on. */
export interface CheckResult {
  /** `GET /healthz`, `run: npm run smoke`. */
  readonly name: string;
  readonly side: Side;
  readonly verdict: Verdict;
  /** One line: what was expected, what came, and from whom. */
  readonly detail: string;
  /** 0 when it was not run because a check before it did not pass. */
  readonly attempts: number;
  readonly seconds: number;
}

export interface VerifyRequest {
  /** All checks of the release; those for the other side are left out here. */
  readonly checks: readonly Check[];
  readonly side: Side;
  readonly endpoint: Endpoint;
  readonly cluster: Cluster;
  readonly log: Log;
  /** The runner's environment, for commands. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ends the checks with `cancelled`, or with the signal's reason if that is a `CutoverError`. */
  readonly signal: AbortSignal;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/** For this long `cannot tell` is asked again, whatever the check's own `retry`: the way to the pods heals, or does not. */
const doubtMs = 30_000;

/**
 * Runs the checks of a side one after the other and stops at the first that does not pass: after a switch, every second
 * spent on the rest is one in which users meet what the first has found.
 */
export async function verify(request: VerifyRequest): Promise<readonly CheckResult[]> {
  const { side, log } = request;
  const due = request.checks.filter(check => check.when === side || check.when === 'both');
  if (due.length === 0) {
    log.info(`No checks are asked for here (${side}): ready pods are enough`);
    return [];
  }
  const results: CheckResult[] = [];
  for (const check of due) {
    const blocker = results.find(({ verdict }) => verdict !== 'pass');
    results.push(blocker === undefined ? await runOne(check, request) : notRun(check, blocker));
  }
  return results;
}

async function runOne(check: Check, request: VerifyRequest): Promise<CheckResult> {
  if (check.kind === 'http') {
    return await untilDecided(check, request, () => unlessCancelled(tryHttp(check, request), check, request.signal));
  }
  const listener = await listen(request.cluster, request.endpoint);
  const { environment, side, log, signal } = request;
  if (listener === undefined) log.info('CUTOVER_URL is not set: there is no Service and no pod with a known port');
  const surroundings = {
    ...{ environment, side, log, signal },
    ...(listener !== undefined && { url: listener.url }),
  };
  try {
    return await untilDecided(check, request, () => tryRun(check, surroundings));
  } finally {
    await listener?.close();
  }
}

async function untilDecided(check: Check, request: VerifyRequest, attempt: () => Promise<Trial>): Promise<CheckResult> {
  const { side, log, signal, clock = systemClock } = request;
  const name = nameOf(check);
  const started = clock.now();
  let told = '';
  for (let attempts = 1; ; attempts += 1) {
    const trial = await attempt();
    stopIfCancelled(signal, name);
    const spent = clock.now() - started;
    const allowed = trial.verdict === 'cannot-tell' ? Math.max(check.retryMs, doubtMs) : check.retryMs;
    if (trial.verdict === 'pass' || trial.final || spent >= allowed) {
      const { verdict, detail } = trial;
      log.info(`${words[verdict]}: ${name}: ${detail}`);
      return { name, side, verdict, detail, attempts, seconds: Math.round(spent / 100) / 10 };
    }
    if (trial.detail !== told) {
      const plan = told === '' ? `; trying again for up to ${Math.ceil((allowed - spent) / 1000)} s` : '';
      log.info(`not yet: ${name}: ${trial.detail}${plan}`);
      told = trial.detail;
    }
    // The last try comes when time is up, not an interval before it.
    await clock.wait(Math.min(check.intervalMs, allowed - spent), signal);
    stopIfCancelled(signal, name);
  }
}

const words: Readonly<Record<Verdict, string>> = { pass: 'passed', fail: 'failed', 'cannot-tell': 'cannot tell' };

function notRun(check: Check, blocker: CheckResult): CheckResult {
  const detail = `not run, because "${blocker.name}" did not pass`;
  return { name: nameOf(check), side: blocker.side, verdict: 'cannot-tell', detail, attempts: 0, seconds: 0 };
}

function nameOf(check: Check): string {
  return check.kind === 'http' ? httpCheckName(check) : runCheckName(check);
}

/** Does not wait for answers that are still to come when the run is cancelled: the way back needs the time. */
async function unlessCancelled(trial: Promise<Trial>, check: Check, signal: AbortSignal): Promise<Trial> {
  let stop = (): void => undefined;
  const cancel = new Promise<never>((_, reject) => {
    stop = () => reject(cancelled(signal, nameOf(check)));
  });
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([trial, cancel]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function stopIfCancelled(signal: AbortSignal, name: string): void {
  if (signal.aborted) throw cancelled(signal, name);
}

function cancelled(signal: AbortSignal, name: string): CutoverError {
  if (signal.reason instanceof CutoverError) return signal.reason;
  return new CutoverError(`The run was cancelled while check "${name}" was running`, { code: 'cancelled' });
}
