import type {
  FailureWindow,
  KeptAliveCounts,
  TrafficCounts,
  TrafficSecond,
  VersionCounts,
} from '../../run/traffic-counts.js';

/** The result of one request, as it is counted. */
export type Outcome =
  /** `isExpected`: whether it answered as the new version should; absent: that cannot be told. */
  Answered | { readonly kind: 'failed'; readonly why: string } | { readonly kind: 'unknown'; readonly why: string };

interface Answered {
  readonly kind: 'answered';
  readonly isExpected?: boolean;
  /** The answer, if its status is not one that the application should answer with. */
  readonly unlike?: string;
}

/** A request that was sent. */
export interface Sent {
  readonly begunMs: number;
  endedMs?: number;
  outcome?: Outcome;
}

type Counted = Omit<TrafficCounts, 'path' | 'perSecond' | 'version' | 'stopped'>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const mostWindows = 100;

/**
 * Counts requests in the order in which they were sent. Nothing is counted before the first one that was answered: before that,
 * nobody was served. All times are milliseconds of one clock.
 */
export class Tally {
  readonly #open: Sent[] = [];
  readonly #seconds: Mutable<TrafficSecond>[] = [];
  readonly #windows: Mutable<FailureWindow>[] = [];
  readonly #kept: Mutable<KeptAliveCounts> = { sent: 0, failed: 0, reopened: 0 };
  #late = { requests: 0, lastMs: 0 };
  readonly #epochMs: number;
  #failing: Mutable<FailureWindow> | undefined;
  #startMs: number | undefined;
  #changeMs = Infinity;
  #movedMs: number | undefined;
  #hasKept = false;
  #isAlike = false;
  #sent = 0;
  #failed = 0;
  #failedBefore = 0;
  /** Since the change and before users were moved. */
  #failedMeanwhile = 0;
  /** Since the change, on the connection that is kept alive. */
  #keptFailedSince = 0;
  #unknown: { requests: number; why?: string } = { requests: 0 };
  #before: string | undefined;
  #unlike: { requests: number; readonly first: string } | undefined;
  #slowestMs = 0;
  #gapMs = 0;
  #answeredMs: number | undefined;

  /** `epochMs`: when the clock's time was 0, in epoch milliseconds. */
  constructor(epochMs: number) {
    this.#epochMs = epochMs;
  }

  /**
   * Failed requests that the change can have caused: those since it began. If some had failed before, so does the version that users leave,
   * and those of it are left out: all before users were moved, and those on the connection that is kept alive, which stays with it.
   */
  get failed(): number {
    const since = this.#failed + this.#kept.failed - this.#failedBefore;
    return this.#failedBefore === 0 ? since : since - this.#failedMeanwhile - this.#keptFailedSince;
  }

  /** The failures that are going on. Absent: the last request was answered. */
  get failing(): FailureWindow | undefined {
    return this.#failing;
  }

  /** Notes a request that is about to be sent. */
  begin(begunMs: number): Sent {
    const sent: Sent = { begunMs };
    this.#open.push(sent);
    return sent;
  }

  /** Notes the result of a request. */
  end(sent: Sent, endedMs: number, outcome: Outcome): void {
    [sent.endedMs, sent.outcome] = [endedMs, outcome];
    if (outcome.kind === 'answered') {
      this.#slowestMs = Math.max(this.#slowestMs, endedMs - sent.begunMs);
      this.#gapMs = Math.max(this.#gapMs, endedMs - (this.#answeredMs ?? endedMs));
      this.#answeredMs = endedMs;
    }
    for (let [next] = this.#open; next?.outcome !== undefined; [next] = this.#open) {
      this.#open.shift();
      this.#count(next, next.outcome);
    }
  }

  /** Leaves out the requests that have no result yet, and counts those that were sent after them. */
  leaveOut(): void {
    for (const sent of this.#open.splice(0)) if (sent.outcome !== undefined) this.#count(sent, sent.outcome);
  }

  /** Notes the result of a request on the connection that is kept alive. `isNew`: the request had to open it. */
  endKept(begunMs: number, outcome: Outcome, isNew: boolean): void {
    this.#hasKept = true;
    if (this.#startMs === undefined) return;
    if (outcome.kind === 'unknown') {
      this.#kept.unknown ??= outcome.why;
      return;
    }
    if (isNew && this.#kept.sent > 0) this.#kept.reopened += 1;
    this.#kept.sent += 1;
    if (outcome.kind === 'failed') {
      this.#kept.failed += 1;
      if (begunMs < this.#changeMs) this.#failedBefore += 1;
      else this.#keptFailedSince += 1;
    } else {
      this.#noteUnlike(outcome.unlike);
      if (outcome.isExpected !== undefined) this.#kept.isOnExpected = outcome.isExpected;
    }
    this.#secondOf(begunMs - this.#startMs).failed += outcome.kind === 'failed' ? 1 : 0;
  }

  /** What was sent before was answered by the version that users have now, and its failures are not those of the change. */
  change(nowMs: number): void {
    this.#changeMs = nowMs;
  }

  /** From now on only the new version should answer. */
  move(nowMs: number): void {
    this.#movedMs = nowMs;
  }

  /** Users are sent back: either version may answer, and what was seen meanwhile tells nothing. */
  moveBack(): void {
    this.#movedMs = undefined;
    this.#late = { requests: 0, lastMs: 0 };
  }

  /** Whether an answer tells its version: one of another version was seen, and none that both could have given. */
  get #isTold(): boolean {
    return !this.#isAlike && this.#seconds.some(({ other }) => other > 0);
  }

  /** `nowMs`: when the last request was sent. */
  counts(nowMs: number): Counted {
    const startMs = this.#startMs ?? nowMs;
    const gapMs = Math.max(this.#gapMs, nowMs - (this.#answeredMs ?? nowMs));
    const keptAlive = { ...this.#kept };
    const isTold = this.#isTold;
    if (!isTold) delete keptAlive.isOnExpected;
    return {
      startedAt: Math.round(this.#epochMs + startMs),
      sent: this.#sent,
      failed: this.#failed,
      failedBefore: this.#failedBefore,
      unknown: { ...this.#unknown },
      ...(this.#unlike && { unlike: { ...this.#unlike } }),
      slowestMs: Math.round(this.#slowestMs),
      longestGapMs: this.#startMs === undefined ? 0 : Math.round(gapMs),
      seconds: this.#seconds.map(second =>
        isTold ? { ...second } : { ...second, expected: second.expected + second.other, other: 0 },
      ),
      windows: this.#windows.map(window => ({
        ...window,
        toMs: window === this.#failing ? Math.max(window.toMs, Math.round(nowMs - startMs)) : window.toMs,
      })),
      ...(this.#hasKept && { keptAlive }),
      ...(isTold && { versions: this.#versions() }),
      ...(this.#movedMs !== undefined && { movedMs: Math.max(0, Math.round(this.#movedMs - startMs)) }),
      ...(this.#startMs === undefined && { unanswered: this.#before ?? 'none was sent' }),
    };
  }

  #versions(): VersionCounts {
    const sum = (count: (second: TrafficSecond) => number): number =>
      this.#seconds.reduce((total, second) => total + count(second), 0);
    return { expected: sum(({ expected }) => expected), other: sum(({ other }) => other), late: { ...this.#late } };
  }

  #count(sent: Sent, outcome: Outcome): void {
    const { begunMs } = sent;
    if (outcome.kind === 'answered') this.#startMs ??= begunMs;
    if (this.#startMs === undefined) {
      if (outcome.kind !== 'answered') this.#before ??= outcome.why;
      return;
    }
    const atMs = begunMs - this.#startMs;
    const second = this.#secondOf(atMs);
    if (outcome.kind === 'unknown') {
      second.unknown += 1;
      this.#unknown.requests += 1;
      this.#unknown.why ??= outcome.why;
      return;
    }
    this.#sent += 1;
    if (outcome.kind === 'failed') {
      second.failed += 1;
      if (begunMs < this.#changeMs) this.#failedBefore += 1;
      else if (begunMs <= (this.#movedMs ?? Infinity)) this.#failedMeanwhile += 1;
      this.#fail(Math.round(atMs), outcome.why);
      return;
    }
    if (this.#failing !== undefined) this.#failing.toMs = Math.round(atMs);
    this.#failing = undefined;
    this.#noteUnlike(outcome.unlike);
    this.#tell(sent, outcome.isExpected, second);
  }

  #noteUnlike(what: string | undefined): void {
    if (what === undefined) return;
    this.#unlike ??= { requests: 0, first: what };
    this.#unlike.requests += 1;
  }

  #fail(atMs: number, why: string): void {
    this.#failed += 1;
    if (this.#failing === undefined) {
      this.#failing = { fromMs: atMs, toMs: atMs, failed: 0, why };
      if (this.#windows.length < mostWindows) this.#windows.push(this.#failing);
    }
    this.#failing.failed += 1;
    this.#failing.toMs = atMs;
  }

  /** Which version answered. If the one that users had before the change answers as the new one should, they cannot be told apart. */
  #tell({ begunMs, endedMs = begunMs }: Sent, isExpected: boolean | undefined, second: Mutable<TrafficSecond>): void {
    if (isExpected === undefined || (isExpected && endedMs < this.#changeMs)) this.#isAlike = true;
    if (isExpected !== false) {
      second.expected += 1;
      return;
    }
    second.other += 1;
    if (this.#movedMs === undefined || begunMs <= this.#movedMs) return;
    this.#late.requests += 1;
    this.#late.lastMs = Math.round(begunMs - this.#movedMs);
  }

  #secondOf(atMs: number): Mutable<TrafficSecond> {
    const index = Math.max(0, Math.floor(atMs / 1000));
    while (this.#seconds.length <= index) this.#seconds.push({ expected: 0, other: 0, failed: 0, unknown: 0 });
    return this.#seconds[index] ?? { expected: 0, other: 0, failed: 0, unknown: 0 };
  }
}
