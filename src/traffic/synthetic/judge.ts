import type { Clock } from '../../cluster/clock.js';
import { asCutoverError } from '../../errors.js';
import { shortened, type Log } from '../../log.js';
import { checkExpectation, isAccepted, type HttpAnswer } from '../../verify/expectation.js';
import type { Reply } from './reply.js';
import type { TrafficRoute } from './route.js';
import type { Outcome } from './tally.js';

export interface JudgeOptions {
  readonly route: Pick<TrafficRoute, 'expect' | 'to'>;
  /** The new version. Absent: it is the one that users have, so versions are not told apart. */
  readonly version?: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * How long answers may be compared in a row, in milliseconds, and which part of the time that passes is given back: the same thread
 * renews the lock, and sends users back.
 */
const mostMs = 500;
const share = 0.2;

/** Says what each reply counts as, within its share of the time. */
export class Judge {
  readonly #options: JudgeOptions;
  #leftMs = mostMs;
  #leftAtMs: number;
  #hasGivenUp = false;

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#leftAtMs = options.clock.now();
  }

  outcomeOf(reply: Reply): Outcome {
    if (reply.kind === 'stop') return { kind: 'unknown', why: reply.why };
    if (reply.kind !== 'answered') return reply;
    const isExpected = this.#isOfNewVersion(reply.answer);
    const unlike = this.#unlike(reply.answer);
    return {
      kind: 'answered',
      ...(unlike !== undefined && { unlike }),
      ...(isExpected !== undefined && { isExpected }),
    };
  }

  /** The answer, if it may not be the application's: a load balancer redirects to https, a proxy asks for a login. */
  #unlike({ status, headers }: HttpAnswer): string | undefined {
    const { expect, to } = this.#options.route;
    if (isAccepted(expect?.status ?? ['2xx'], status)) return undefined;
    const { location } = headers;
    const base = to.kind === 'url' ? to.url : undefined;
    if (location === undefined || !URL.canParse(location, base)) return String(status);
    // A path or a query can hold a token.
    const { origin } = new URL(location, base);
    return base === undefined || origin !== new URL(base).origin
      ? `${status}, to ${shortened(origin, 200)}`
      : String(status);
  }

  /** `undefined`: that cannot be told. */
  #isOfNewVersion(answer: HttpAnswer): boolean | undefined {
    const { route, version, clock } = this.#options;
    if (version === undefined || route.expect === undefined || this.#hasGivenUp) return undefined;
    const beganMs = clock.now();
    this.#leftMs = Math.min(mostMs, this.#leftMs + (beganMs - this.#leftAtMs) * share);
    try {
      return checkExpectation(route.expect, answer, Math.ceil(this.#leftMs)).verdict === 'pass';
    } catch (error) {
      this.#giveUp(asCutoverError(error).message);
      return undefined;
    } finally {
      this.#leftAtMs = clock.now();
      this.#leftMs -= this.#leftAtMs - beganMs;
      if (this.#leftMs <= 0) this.#giveUp('to compare its answers with the check of its path takes too long');
    }
  }

  #giveUp(why: string): void {
    if (this.#hasGivenUp) return;
    this.#hasGivenUp = true;
    this.#options.log.info(`Synthetic traffic does not tell versions apart: ${why}.`);
  }
}
