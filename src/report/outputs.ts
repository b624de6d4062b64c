import { planJson } from './plan-json.js';
import type { Report } from './report.js';
import { buildSummary } from './summary.js';
import { fit } from './markdown.js';
import { totalsOf } from './traffic/traffic.js';

/** All outputs of a job together may have 1 MB, counted in UTF-16. */
const largest = 100_000;

/** The step's outputs by name. What does not apply is absent, not empty. */
export function buildOutputs(report: Report): Readonly<Record<string, string>> {
  const { outcome, release, revision, previousRevision, activeRole, idleRole, stagedRole, testUrl, changes, status } =
    report;
  const outputs: Readonly<Record<string, string | number | undefined>> = {
    // Neither action changes anything, so neither has an outcome.
    outcome: outcome === 'status' || outcome === 'planned' ? undefined : outcome,
    release,
    revision,
    'previous-revision': previousRevision,
    'active-role': activeRole,
    'idle-role': idleRole,
    'staged-role': stagedRole,
    'test-url': testUrl,
    ...requestsOf(report),
    changes: changes === undefined ? undefined : changesJson(changes),
    plan: planJson(report),
    status,
    summary: fit(buildSummary(report), largest),
  };
  return Object.fromEntries(
    Object.entries(outputs).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}

function requestsOf({ traffic }: Report): Readonly<Record<string, number>> {
  if (traffic === undefined) return {};
  const { sent, failed } = totalsOf(traffic);
  // Of none, nothing is known: 0 would read as if users had lost nothing.
  return { requests: sent, ...(sent > 0 && { 'requests-failed': failed }) };
}

/** A JSON list of the change of each object. Where it would be too long, unchanged objects are omitted, then the last ones. */
function changesJson(changes: NonNullable<Report['changes']>): string {
  const all = changes.map(({ ref: { kind, namespace, name }, change }) =>
    JSON.stringify({ kind, namespace, name, change }),
  );
  const short = all.filter((_, index) => changes[index]?.change !== 'unchanged');
  const entries = size(all) <= largest ? all : short;
  let left = largest - 2;
  const fitting = entries.filter(entry => (left -= Buffer.byteLength(entry) + 1) >= 0);
  return `[${fitting.join(',')}]`;
}

function size(entries: readonly string[]): number {
  return entries.reduce((sum, entry) => sum + Buffer.byteLength(entry) + 1, 2);
}
