import type { AnsweredCall } from '../sandbox/sandbox.js';
import type { Tool } from './deploy-tools.js';
import type { Measured } from './measured-deploy.js';
import type { ObjectSet } from '../__tests__/support/object-sets.js';

/** The cost of one deploy. Absent members could not be measured. Times in milliseconds. */
export interface Figures {
  readonly calls: number;
  readonly dryRuns: number;
  readonly applies: number;
  readonly watches: number;
  /** GET and LIST of objects. */
  readonly reads: number;
  /** Requests for the version, discovery and OpenAPI documents. */
  readonly discovery: number;
  /** The release's record and lock. */
  readonly record: number;
  readonly wallMs: number;
  /** Until the first call. */
  readonly startMs?: number;
  /** From the first dry run's arrival to the last one's answer. */
  readonly dryRunMs?: number;
  /** From the first write's arrival to the last one's answer. */
  readonly applyMs?: number;
  /** From the status that says ready to the tool's decision. */
  readonly decisionMs?: number;
  readonly connections: number;
  readonly receivedKiB: number;
  readonly sentKiB: number;
  readonly peakMiB?: number;
}

type Purpose = 'dryRuns' | 'applies' | 'watches' | 'reads' | 'discovery' | 'record';

export function figuresOf(measured: Measured, tool: Tool, set: ObjectSet): Figures {
  const { result, startedAt, endedAt, calls, wire, readyAt, peakMiB } = measured;
  const of = (purpose: Purpose): readonly AnsweredCall[] =>
    calls.filter(call => purposeOf(call, tool, set) === purpose);
  const [first] = calls;
  const dryRunMs = span(of('dryRuns'));
  const applyMs = span(of('applies'));
  return {
    calls: calls.length,
    dryRuns: of('dryRuns').length,
    applies: of('applies').length,
    watches: of('watches').length,
    reads: of('reads').length,
    discovery: of('discovery').length,
    record: of('record').length,
    wallMs: endedAt - startedAt,
    ...(first && { startMs: first.arrivedAt - startedAt }),
    ...(dryRunMs !== undefined && { dryRunMs }),
    ...(applyMs !== undefined && { applyMs }),
    ...(readyAt !== undefined && result.decidedAt !== undefined && { decisionMs: result.decidedAt - readyAt }),
    connections: wire.connections,
    receivedKiB: wire.bytesIn / 1024,
    sentKiB: wire.bytesOut / 1024,
    ...(peakMiB !== undefined && { peakMiB }),
  };
}

function purposeOf({ call, name }: AnsweredCall, { appliesBy }: Tool, { configMaps }: ObjectSet): Purpose {
  const [verb = '', kind = ''] = call.split(' ');
  if (kind.startsWith('/')) return 'discovery';
  if (verb === 'WATCH') return 'watches';
  if (kind === 'Lease' || (kind === 'ConfigMap' && name !== '' && !configMaps.includes(name))) return 'record';
  if (verb === 'GET' || verb === 'LIST') return 'reads';
  if (!appliesBy.includes(verb)) return 'record';
  return call.endsWith(' (dry run)') ? 'dryRuns' : 'applies';
}

function span(calls: readonly AnsweredCall[]): number | undefined {
  if (calls.length === 0) return undefined;
  return Math.max(...calls.map(call => call.answeredAt)) - Math.min(...calls.map(call => call.arrivedAt));
}

/** Median, minimum and maximum of several runs. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** `undefined`: no run has the figure. */
export function spread(values: readonly (number | undefined)[]): Spread | undefined {
  const sorted = values.filter(value => value !== undefined).toSorted((one, other) => one - other);
  const [min] = sorted;
  const max = sorted.at(-1);
  const median = sorted[Math.floor(sorted.length / 2)];
  return min === undefined || max === undefined || median === undefined ? undefined : { median, min, max };
}
