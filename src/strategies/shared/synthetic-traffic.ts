import type { RunContext } from '../../run/context.js';
import type { TrafficCounts } from '../../run/traffic-counts.js';
import { byUrl, onKeptConnection } from '../../traffic/synthetic/by-url.js';
import { routeOf, type TrafficRoute, type TrafficSubject } from '../../traffic/synthetic/route.js';
import { TrafficStream, type Senders } from '../../traffic/synthetic/stream.js';
import { throughApiServer } from '../../traffic/synthetic/through-api-server.js';
import { describeFailures, describePath, describeUnlike, failedOf, sentOf } from '../../traffic/synthetic/words.js';
import type { CheckResult } from '../../verify/verify.js';
import { FailedChecks } from './checks.js';

/** The requests that are sent while users are moved. Without requests, nothing of it does anything. */
export interface SyntheticTraffic {
  /** Aborts with the error of the step once more requests have failed than `max-failures` allows. */
  readonly exceeded: AbortSignal;
  /** The change of a `later` one begins now: `max-failures` counts from here on. */
  changing(): void;
  /** From now on only the new version should answer. */
  moved(): void;
  /** Users are sent back, so either version may answer. */
  movedBack(): void;
  /**
   * The results of other checks with that of `max-failures`, where it is set. Throws where more requests have failed, or where that
   * cannot be told.
   */
  require(others: readonly CheckResult[]): Promise<readonly CheckResult[]>;
}

/** What it needs of a run. */
export type TrafficContext = Pick<
  RunContext,
  'cluster' | 'clock' | 'log' | 'records' | 'signal' | 'syntheticTraffic' | 'recordTraffic'
>;

/** Users who are moved to another version. */
export interface MovedUsers extends Omit<TrafficSubject, 'namespace'> {
  /** That version, as in `revision 7`. Absent: it is the one that they have. */
  readonly version?: string;
  /** `later`: nothing that users meet changes before `changing` is called. Default: the change begins with the work. */
  readonly begins?: 'later';
}

/**
 * Does `work`, which moves users to another version, while requests are sent as the input `synthetic-traffic` says, from before
 * its first change to its end. What they met is kept for the report, however the work ends.
 */
export async function underTraffic<T>(
  ctx: TrafficContext,
  { version, begins, ...users }: MovedUsers,
  work: (traffic: SyntheticTraffic) => Promise<T>,
): Promise<T> {
  const { clock, log, records, syntheticTraffic } = ctx;
  const route = routeOf(syntheticTraffic, { ...users, namespace: records.namespace });
  if (!('to' in route)) {
    if (route.why !== undefined) log.info(`Synthetic traffic is off: ${route.why}.`);
    return work(noTraffic);
  }
  const senders = sendersOf(ctx, route);
  const stream = new TrafficStream({
    ...{ route, senders, clock, log, tooManyFailed },
    ...(version !== undefined && { version }),
  });
  try {
    await stream.untilAnswered();
    if (begins === undefined) stream.change();
    return await work({
      exceeded: stream.exceeded,
      changing: () => stream.change(),
      moved: () => stream.move(),
      movedBack: () => stream.moveBack(),
      require: others => requireFew({ stream, route, signal: ctx.signal }, others),
    });
  } finally {
    const counts = await stream.end(ctx.signal);
    ctx.recordTraffic(counts);
    tell(ctx, counts);
  }
}

/** No requests are sent. */
export const noTraffic: SyntheticTraffic = {
  exceeded: new AbortController().signal,
  changing: () => undefined,
  moved: () => undefined,
  movedBack: () => undefined,
  require: others => Promise.resolve(others),
};

function sendersOf(ctx: TrafficContext, { to }: TrafficRoute): Senders {
  if (to.kind === 'api-server') return { own: throughApiServer(ctx, to) };
  return { own: byUrl(to.url, ctx.clock), kept: onKeptConnection(to.url, ctx.clock) };
}

interface Counting {
  readonly stream: TrafficStream;
  readonly route: TrafficRoute;
  /** Aborts when the run is cancelled. */
  readonly signal: AbortSignal;
}

async function requireFew(
  { stream, route: { maxFailures }, signal }: Counting,
  others: readonly CheckResult[],
): Promise<readonly CheckResult[]> {
  if (maxFailures === undefined) return others;
  await stream.settle(signal);
  signal.throwIfAborted();
  stream.exceeded.throwIfAborted();
  const counts = stream.counts();
  const { stopped, unanswered } = counts;
  const detail = `${describeFailures(counts)}; max-failures: ${maxFailures}`;
  if (stopped === undefined && unanswered === undefined) return [...others, resultOf(counts, 'pass', detail)];
  const why = stopped === undefined ? `no request was answered: ${unanswered ?? ''}` : `it has stopped: ${stopped}`;
  throw new FailedChecks(
    `Whether users lost requests cannot be told, which \`max-failures\` asks for: ${why}`,
    [...others, resultOf(counts, 'cannot-tell', why)],
    {
      hint: `The requests went ${describePath(counts.path)}. Remove the cause, or leave out \`max-failures\` in the input \`synthetic-traffic\`.`,
    },
  );
}

function tooManyFailed(counts: TrafficCounts, maxFailures: number): FailedChecks {
  const detail = `${describeFailures(counts)}; max-failures: ${maxFailures}`;
  return new FailedChecks(`Users lose requests: ${detail}`, [resultOf(counts, 'fail', detail)], {
    hint: 'Look at the logs of the new pods, at their readiness probes, and at how they stop. The summary shows when requests failed.',
  });
}

function resultOf({ seconds }: TrafficCounts, verdict: CheckResult['verdict'], detail: string): CheckResult {
  return { name: 'synthetic-traffic', side: 'public', verdict, detail, attempts: 1, seconds: seconds.length };
}

/** Logs what the requests met, as a warning if one failed. */
function tell({ log }: TrafficContext, counts: TrafficCounts): void {
  if (counts.unanswered !== undefined) {
    log.info(`Synthetic traffic: no request ${describePath(counts.path)} was answered: ${counts.unanswered}`);
    return;
  }
  const seen = describeFailures(counts);
  const times = `slowest answer ${counts.slowestMs} ms, longest time without one ${counts.longestGapMs} ms`;
  const unlike = counts.unlike === undefined ? '' : `. ${describeUnlike(counts)}`;
  const line = `Synthetic traffic: ${seen}; ${times}${unlike}`;
  if (failedOf(counts) > 0) log.warning(line);
  else log.info(sentOf(counts) === 0 ? `Synthetic traffic: nothing was sent` : line);
}
