import type { Log } from '../log.js';
import type { Clock } from './clock.js';

/** Longest silence of the log during a wait. */
export const heartbeatMs = 30_000;

/** What a wait needs that logs why it goes on. */
export interface LoggedWait {
  readonly clock: Clock;
  readonly log: Pick<Log, 'info'>;
  readonly signal: AbortSignal;
}

/** As `clock.wait`, with a line each 30 s. `line` gets the seconds that are left. */
export async function waitLogged(
  ms: number,
  { clock, log, signal }: LoggedWait,
  line: (secondsLeft: number) => string,
): Promise<void> {
  const endsAt = clock.now() + ms;
  let leftMs = ms;
  do {
    await clock.wait(Math.min(heartbeatMs, leftMs), signal);
    leftMs = endsAt - clock.now();
    if (signal.aborted) return;
    const seconds = Math.round(leftMs / 1000);
    if (seconds > 0) log.info(line(seconds));
  } while (leftMs > 0);
}

/** For a wait that looks again and again: a line when nothing was logged for 30 s. */
export class Heartbeat {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #log: Pick<Log, 'info'>;
  #loggedMs: number;

  constructor({ clock, log }: Pick<LoggedWait, 'clock' | 'log'>) {
    this.#clock = clock;
    this.#log = log;
    this.#loggedMs = clock.now();
  }

  /** Logs the line if it is due. */
  beat(line: () => string): void {
    if (this.#clock.now() - this.#loggedMs < heartbeatMs) return;
    this.log(line());
  }

  /** Logs another line of the wait. */
  log(line: string): void {
    this.#loggedMs = this.#clock.now();
    this.#log.info(line);
  }
}
