import type { TrafficCounts } from '../../run/traffic-counts.js';
import { describePath, describeUnlike, failedOf, sentOf } from '../../traffic/synthetic/words.js';
import { block, list, prose, table, text } from '../markdown.js';
import { stripOf } from './strip.js';

/** The sums over all times that users were moved. */
export function totalsOf(traffic: readonly TrafficCounts[]): { readonly sent: number; readonly failed: number } {
  const sum = (count: (one: TrafficCounts) => number): number => traffic.reduce((total, one) => total + count(one), 0);
  return { sent: sum(sentOf), failed: sum(failedOf) };
}

/**
 * What the headline says of the requests, after the outcome. Only requests that went the way of users tell what users noticed, and only
 * if all were answered as the application should. Empty
 * where nothing can be said: none was sent or answered, or none failed until the stream stopped early.
 */
export function trafficHeadline(traffic: readonly TrafficCounts[]): string {
  const { sent, failed } = totalsOf(traffic);
  if (sent === 0) return '';
  const isByUrl = traffic.every(({ path }) => path.kind === 'url');
  const way = isByUrl ? '' : 'through the API server ';
  if (failed > 0) return `; ${way}${failed} of ${sent} requests failed`;
  if (traffic.some(({ stopped, unanswered }) => stopped !== undefined || unanswered !== undefined)) return '';
  const isWhole = isByUrl && traffic.every(({ unknown }) => unknown.requests === 0);
  const unlike = traffic.find(one => one.unlike !== undefined);
  if (unlike !== undefined) return `; ${way}none of ${sent} requests failed, but ${describeUnlike(unlike)}`;
  return isWhole
    ? `; users noticed nothing: none of ${sent} requests failed`
    : `; ${way}none of ${sent} requests failed`;
}

/** The section of the summary. */
export function trafficSection(traffic: readonly TrafficCounts[]): string | undefined {
  if (traffic.length === 0) return undefined;
  return ['### Requests while users were moved', ...traffic.flatMap(streamParts)].join('\n\n');
}

function streamParts(counts: TrafficCounts): readonly string[] {
  const { unanswered, seconds, windows, path, startedAt } = counts;
  if (unanswered !== undefined) {
    const stopped = counts.stopped === undefined ? '' : ` ${stoppedText(counts.stopped)}`;
    return [
      text(
        `No request ${describePath(path)} was answered (${unanswered}), so nothing is known of what users met.${stopped}`,
      ),
    ];
  }
  const strip = seconds.length === 0 ? [] : stripParts(counts);
  const rows = windows.map(({ fromMs, toMs, failed, why }) => [
    timeOf(startedAt + fromMs),
    timeOf(startedAt + toMs),
    String(failed),
    text(why),
  ]);
  const failures =
    rows.length === 0
      ? []
      : [table(['Failures from (UTC)', 'until', 'Requests', 'The first one'], rows, { limit: 20 })];
  return [list(facts(counts).map(prose)), ...strip, ...failures];
}

function stripParts(counts: TrafficCounts): readonly string[] {
  const strip = stripOf(counts);
  return [block('text', strip.text), text(strip.legend)];
}

function facts(counts: TrafficCounts): readonly string[] {
  const { path, perSecond, sent, failed, slowestMs, longestGapMs, keptAlive, unknown, stopped, failedBefore } = counts;
  const before = failedBefore === 0 ? '' : `, ${failedBefore} of them before the change began`;
  const every = `${perSecond} a second${path.kind === 'url' ? ', each on a connection of its own' : ''}`;
  return [
    `${sent} GET requests ${describePath(path)} (${every}): ${failed} failed${before}. Slowest answer ${slowestMs} ms, longest time without an answer ${duration(longestGapMs)}.`,
    ...(keptAlive === undefined ? [] : [keptFact(counts, keptAlive)]),
    ...unlikeFacts(counts),
    ...versionFacts(counts),
    ...(unknown.requests === 0
      ? []
      : [
          `${unknown.requests} more requests tell nothing, because the way to the application failed: ${unknown.why ?? ''}.`,
        ]),
    ...(stopped === undefined ? [] : [stoppedText(stopped)]),
    ...(path.kind === 'url'
      ? []
      : [
          'The API server picks a pod itself, so node proxies, load balancers and the connections of users are not measured. `url` in the input `synthetic-traffic` measures them.',
        ]),
  ];
}

function keptFact({ version = '' }: TrafficCounts, kept: NonNullable<TrafficCounts['keptAlive']>): string {
  const { sent, failed, reopened, unknown, isOnExpected } = kept;
  const nothing = unknown === undefined ? '' : `. Some of its requests tell nothing: ${unknown}`;
  const times = reopened === 1 ? 'once' : `${reopened} times`;
  const end =
    isOnExpected === undefined ? '' : `; at the end it was on ${isOnExpected ? version : 'the version before'}`;
  return `One connection that was kept alive: ${sent} requests, ${failed} failed, reopened ${times}${end}${nothing}.`;
}

function unlikeFacts(counts: TrafficCounts): readonly string[] {
  if (counts.unlike === undefined) return [];
  const whole = counts.path.kind === 'url' ? '`url`, such as the one with https,' : '`path`';
  return [
    `${describeUnlike(counts)}. In \`synthetic-traffic\`, name the ${whole} that the application itself answers with 2xx. If this is its answer, add an http check of this path with its \`status\` to \`verify\`.`,
  ];
}

function versionFacts({ versions, version, movedMs }: TrafficCounts): readonly string[] {
  if (version === undefined) return [];
  if (versions === undefined)
    return [
      'Which version answered is not known: both answer as the check of this path expects, there is none, or comparing takes too long. A check that `contains` the version tells them apart.',
    ];
  const { expected, other, late } = versions;
  const seen = `${version} answered ${expected} requests, the version before ${other}`;
  if (movedMs === undefined) return [`${seen}.`];
  return late.requests === 0
    ? [`${seen}, none of them after all users should be on ${version}.`]
    : [
        `${seen}, ${late.requests} of them after all users should be on ${version}, the last one ${duration(late.lastMs)} later.`,
      ];
}

const stoppedText = (why: string): string => `No more requests were sent before the end: ${why}.`;

/** `09:45:12.3`, as in the logs of pods. */
function timeOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(11, 21);
}

/** `0.4 s`. */
function duration(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
