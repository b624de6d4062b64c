import type { Clock } from '../../cluster/clock.js';
import { asCutoverError, type CutoverError } from '../../errors.js';
import type { Log } from '../../log.js';
import type { TrafficCounts } from '../../run/traffic-counts.js';
import { Judge } from './judge.js';
import { longestRequestMs, type Reply, type Send } from './reply.js';
import type { TrafficRoute } from './route.js';
import { Tally, type Sent } from './tally.js';
import { describePath } from './words.js';

/** How requests are sent. */
export interface Senders {
  readonly own: Send;
  /** Absent: users have no connections on this path. */
  readonly kept?: { readonly send: Send; readonly close: () => void };
}

export interface StreamOptions {
  readonly route: TrafficRoute;
  readonly senders: Senders;
  /** The new version, as in `revision 7`. Absent: it is the one that users have. */
  readonly version?: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The error that ends the step when more requests have failed than may. */
  readonly tooManyFailed: (counts: TrafficCounts, maxFailures: number) => CutoverError;
}

/** Requests that may be under way at once: an application that hangs gets no more. */
const mostInFlight = 20;
/** What may come in a second, less through the API server: it has other work. Larger pages are asked for less often. */
const bytesPerMs = { url: 5_000, 'api-server': 1_000 } as const;
/** How long nothing is sent after a request took too long; twice as long after each further one. */
const firstPauseMs = 1_000;
const longestPauseMs = 5_000;
/** How often the log says that requests begin to fail or are answered again. */
const mostChanges = 20;
const keptEveryMs = 1_000;
/** How long the first answer is waited for before anything is changed. */
const firstAnswerMs = 2_000;
/** Longer than a request and the question whether the API server is there. */
const longestSettleMs = 2 * longestRequestMs;

/** A steady stream of GET requests. It sends until it is ended, or until somebody asks for fewer requests. */
export class TrafficStream {
  readonly #options: StreamOptions;
  readonly #tally: Tally;
  readonly #judge: Judge;
  readonly #ended = new AbortController();
  readonly #exceeded = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  readonly #loops: readonly Promise<void>[];
  /** Resolves with the first reply. */
  readonly #hasReply: Promise<void>;
  #noteReply = (): void => undefined;
  readonly #everyMs: number;
  #pauseMs = 0;
  #stopped: string | undefined;
  #endMs: number | undefined;
  #isFailing = false;
  #changes = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
    const { route, senders, clock, log } = options;
    this.#hasReply = new Promise(resolve => (this.#noteReply = resolve));
    this.#tally = new Tally(Date.now() - clock.now());
    this.#judge = new Judge(options);
    this.#everyMs = 1000 / route.perSecond;
    log.info(`Synthetic traffic: ${route.perSecond} GET requests a second ${describePath(route.path)}`);
    this.#loops = [this.#sendOwn(senders.own), ...(senders.kept ? [this.#sendKept(senders.kept.send)] : [])];
  }

  /** Aborts with the error of the options once more requests have failed than may. */
  get exceeded(): AbortSignal {
    return this.#exceeded.signal;
  }

  /** Waits, for a moment only, until the version that users have now has answered; then the change may begin. */
  async untilAnswered(): Promise<void> {
    const { clock } = this.#options;
    await Promise.race([this.#hasReply, clock.wait(firstAnswerMs, this.#ended.signal)]);
  }

  /** The change begins. */
  change(): void {
    this.#tally.change(this.#options.clock.now());
  }

  /** From now on only the new version should answer. */
  move(): void {
    this.#tally.move(this.#options.clock.now());
  }

  /** Users are sent back. */
  moveBack(): void {
    this.#tally.moveBack();
  }

  /** Waits until the requests that were sent so far have ended, or the signal aborts. */
  async settle(signal: AbortSignal): Promise<void> {
    const settled = new AbortController();
    const end = AbortSignal.any([signal, settled.signal]);
    await Promise.race([Promise.all(this.#underWay), this.#options.clock.wait(longestSettleMs, end)]);
    settled.abort();
  }

  counts(): TrafficCounts {
    const { route, version, clock } = this.#options;
    return {
      path: route.path,
      perSecond: route.perSecond,
      ...(version !== undefined && { version }),
      ...this.#tally.counts(this.#endMs ?? clock.now()),
      ...(this.#stopped !== undefined && { stopped: this.#stopped }),
    };
  }

  /** Sends no more. Requests under way are waited for until the signal aborts; then they are not counted. */
  async end(signal: AbortSignal): Promise<TrafficCounts> {
    this.#endMs ??= this.#options.clock.now();
    await this.settle(signal);
    this.#ended.abort();
    this.#tally.leaveOut();
    await Promise.all(this.#loops);
    this.#options.senders.kept?.close();
    return this.counts();
  }

  get #isOver(): boolean {
    return this.#endMs !== undefined;
  }

  async #sendOwn(send: Send): Promise<void> {
    const { clock } = this.#options;
    for (let dueMs = clock.now(); !this.#isOver;) {
      if (this.#underWay.size < mostInFlight) this.#track(this.#askOwn(send));
      const everyMs = Math.max(this.#everyMs, this.#pauseMs);
      const now = clock.now();
      // No burst after the process stood still.
      dueMs = (now - dueMs > everyMs ? now : dueMs) + everyMs;
      await clock.wait(dueMs - now, this.#ended.signal);
    }
  }

  async #sendKept(send: Send): Promise<void> {
    const { clock } = this.#options;
    while (!this.#isOver) {
      const asking = this.#askKept(send);
      this.#track(asking);
      await Promise.all([asking, clock.wait(keptEveryMs, this.#ended.signal)]);
    }
  }

  #track(asking: Promise<void>): void {
    this.#underWay.add(asking);
    void asking.finally(() => this.#underWay.delete(asking));
  }

  async #askOwn(send: Send): Promise<void> {
    const { clock } = this.#options;
    const sent: Sent = this.#tally.begin(clock.now());
    const reply = await this.#ask(send);
    if (reply === undefined) return;
    this.#pace(reply);
    this.#tally.end(sent, clock.now(), this.#judge.outcomeOf(reply));
    this.#tell();
  }

  /** Sends less often where pages are large, or the way through the API server takes too long. */
  #pace(reply: Reply): void {
    if (reply.kind === 'answered')
      this.#pauseMs = Math.min(reply.answer.body.length / bytesPerMs[this.#options.route.to.kind], longestRequestMs);
    else if ('isTimeout' in reply) this.#pauseMs = Math.min(Math.max(2 * this.#pauseMs, firstPauseMs), longestPauseMs);
  }

  async #askKept(send: Send): Promise<void> {
    const begunMs = this.#options.clock.now();
    const reply = await this.#ask(send);
    if (reply === undefined) return;
    const isNew = reply.kind === 'answered' && reply.isNewConnection === true;
    this.#tally.endKept(begunMs, this.#judge.outcomeOf(reply), isNew);
    this.#tell();
  }

  /** The reply; `undefined`: the stream ended before it came. */
  async #ask(send: Send): Promise<Reply | undefined> {
    const { signal } = this.#ended;
    const reply = await send(signal).catch((thrown: unknown): Reply => ({
      kind: 'stop',
      why: asCutoverError(thrown).message,
    }));
    this.#noteReply();
    if (signal.aborted) return undefined;
    if (reply.kind === 'stop') this.#stop(reply.why);
    return reply;
  }

  #stop(why: string): void {
    if (this.#isOver) return;
    this.#stopped = why;
    this.#endMs = this.#options.clock.now();
    this.#options.log.warning(`Synthetic traffic has stopped: ${why}. What users meet from here on is not counted.`);
  }

  /** Logs where failures begin and end, and ends the step when there are too many. */
  #tell(): void {
    const { log, route, tooManyFailed } = this.#options;
    const { failing, failed } = this.#tally;
    if ((failing !== undefined) !== this.#isFailing) {
      this.#isFailing = failing !== undefined;
      this.#changes += 1;
      const what = failing === undefined ? 'is answered again' : `fails: ${failing.why}`;
      const last = this.#changes < mostChanges ? '' : '. When it fails and is answered from here on, the summary says';
      if (this.#changes <= mostChanges) log.info(`Synthetic traffic: GET ${describePath(route.path)} ${what}${last}`);
    }
    const { maxFailures } = route;
    if (maxFailures === undefined || failed <= maxFailures || this.exceeded.aborted) return;
    this.#exceeded.abort(tooManyFailed(this.counts(), maxFailures));
  }
}
