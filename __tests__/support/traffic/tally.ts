import type { LossCause } from './http-connection.js';
import type { Outcome, TrafficBatch } from './batch.js';

/** Requests in a row that were lost for the same reason, each begun at most a second after the one before. */
export interface Loss {
  /** When the first and the last of them were started, in milliseconds after the start of the stream. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly requests: number;
  readonly cause: Exclude<LossCause, 'here'>;
  readonly why: string;
}

/** When a version answered, in epoch milliseconds. `Begun`: when the requests that it answered were started. */
export interface VersionTimes {
  readonly firstBegun: number;
  readonly lastBegun: number;
  readonly firstAnswered: number;
  readonly lastAnswered: number;
}

/** The counts of one kind of connections. `sent` is the sum of `answered`, `lost` and pending requests. */
export interface StreamCounts {
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
  /** The first hundred windows of losses; `lost` counts the requests of all of them. */
  readonly losses: readonly Loss[];
  /** Answers by version. */
  readonly byVersion: Readonly<Record<string, number>>;
  readonly times: Readonly<Record<string, VersionTimes>>;
  /** Requests, not in `sent`, that this machine could not send: it had no free port or file descriptor. */
  readonly unsent: number;
}

/** The counts so far. Those at the top level are of requests on their own connections. */
export interface TrafficCounts extends StreamCounts {
  /** Start of the stream in epoch milliseconds. */
  readonly startedAt: number;
  /**
   * The versions in the order in which they answered; equal neighbours are one entry. A different version is a new entry
   * only if its request was started after the last version had answered, so that answers that overtake each other make no
   * entries.
   */
  readonly timeline: readonly { readonly version: string; readonly fromMs: number; readonly toMs: number }[];
  /** Answers outside the timeline: their requests were pending when another version answered. */
  readonly stragglers: number;
  /** The longest gap between two consecutive answers, in milliseconds. */
  readonly longestGapMs: number;
  /** Duration of the slowest answer, in milliseconds. */
  readonly slowestMs: number;
  /** Requests started per second. Less than requested: this machine could not keep up. */
  readonly achievedPerSecond: number;
  /** The longest delay of a request after its due time, in milliseconds. */
  readonly latenessMs: number;
  readonly keptAlive: StreamCounts & {
    /** Connections opened, including those that replaced closed ones. */
    readonly opened: number;
    /** Requests that were repeated because the server had closed their idle connection. */
    readonly retried: number;
    /** Answers of an old version to requests started after the newest version had answered. */
    readonly behind: number;
    /** Version of the last answer on each connection; `undefined` before the first. */
    readonly current: readonly (string | undefined)[];
  };
}

type Answered = Outcome & { readonly version: string };
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Counts what a sending thread reports. */
export class Tally {
  readonly #version: (body: string) => string;
  readonly #own = new Stream();
  readonly #kept = new Stream();
  readonly #timeline: { version: string; fromMs: number; toMs: number }[] = [];
  readonly #current: (string | undefined)[];
  #stragglers = 0;
  #behind = 0;
  #longestGapMs = 0;
  #slowestMs = 0;
  #lastAnswer: number | undefined;
  #batch: TrafficBatch | undefined;

  constructor(plan: { readonly version: (body: string) => string; readonly connections: number }) {
    this.#version = plan.version;
    this.#current = Array.from({ length: plan.connections }, () => undefined);
  }

  take(batch: TrafficBatch): void {
    this.#batch = batch;
    for (const outcome of batch.outcomes) {
      const stream = outcome.line === undefined ? this.#own : this.#kept;
      if (typeof outcome.result !== 'string') {
        stream.lose(outcome.begun, outcome.result);
        continue;
      }
      const answered = { ...outcome, version: this.#version(outcome.result) };
      stream.answer(answered, batch.startedAt);
      if (outcome.line === undefined) this.#order(answered);
      else this.#follow(outcome.line, answered);
    }
  }

  counts(): TrafficCounts {
    const { sent = 0, elapsedMs = 0, startedAt = 0, latenessMs = 0, keptAlive } = this.#batch ?? {};
    const { sent: keptSent = 0, opened = 0, retried = 0 } = keptAlive ?? {};
    return {
      ...this.#own.counts(sent),
      startedAt,
      timeline: this.#timeline.map(entry => ({ ...entry })),
      stragglers: this.#stragglers,
      longestGapMs: this.#longestGapMs,
      slowestMs: this.#slowestMs,
      achievedPerSecond: elapsedMs > 0 ? (Math.max(0, sent - 1) * 1000) / elapsedMs : 0,
      latenessMs,
      keptAlive: { ...this.#kept.counts(keptSent), opened, retried, behind: this.#behind, current: [...this.#current] },
    };
  }

  #follow(line: number, { begun, version }: Answered): void {
    this.#current[line] = version;
    const newest = this.#timeline.at(-1);
    if (newest && newest.version !== version && begun > newest.fromMs) this.#behind += 1;
  }

  #order({ begun, ended, version }: Answered): void {
    this.#slowestMs = Math.max(this.#slowestMs, ended - begun);
    this.#longestGapMs = Math.max(this.#longestGapMs, ended - (this.#lastAnswer ?? ended));
    this.#lastAnswer = ended;
    const last = this.#timeline.at(-1);
    if (last?.version === version) last.toMs = ended;
    else if (last && begun <= last.fromMs) this.#stragglers += 1;
    else this.#timeline.push({ version, fromMs: ended, toMs: ended });
  }
}

/** The counts of one kind of connections. */
class Stream {
  readonly #losses: Mutable<Loss>[] = [];
  readonly #byVersion = new Map<string, number>();
  readonly #times = new Map<string, Mutable<VersionTimes>>();
  #answered = 0;
  #lost = 0;
  #unsent = 0;

  lose(atMs: number, { cause, why }: { readonly cause: LossCause; readonly why: string }): void {
    if (cause === 'here') {
      this.#unsent += 1;
      return;
    }
    this.#lost += 1;
    const last = this.#losses.at(-1);
    if (last?.why === why && atMs - last.toMs <= 1000) {
      last.toMs = Math.max(last.toMs, atMs);
      last.requests += 1;
    } else if (this.#losses.length < 100) this.#losses.push({ fromMs: atMs, toMs: atMs, requests: 1, cause, why });
  }

  answer({ version, ...outcome }: Answered, startedAt: number): void {
    const begun = startedAt + outcome.begun;
    const ended = startedAt + outcome.ended;
    this.#answered += 1;
    this.#byVersion.set(version, (this.#byVersion.get(version) ?? 0) + 1);
    const times = this.#times.get(version);
    if (times) {
      times.firstBegun = Math.min(times.firstBegun, begun);
      times.lastBegun = Math.max(times.lastBegun, begun);
      times.lastAnswered = ended;
    } else this.#times.set(version, { firstBegun: begun, lastBegun: begun, firstAnswered: ended, lastAnswered: ended });
  }

  counts(begun: number): StreamCounts {
    return {
      sent: begun - this.#unsent,
      answered: this.#answered,
      lost: this.#lost,
      losses: this.#losses.map(loss => ({ ...loss })),
      byVersion: Object.fromEntries(this.#byVersion),
      times: Object.fromEntries([...this.#times].map(([version, times]) => [version, { ...times }])),
      unsent: this.#unsent,
    };
  }
}
