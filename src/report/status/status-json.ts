import type { Outcome } from '../../strategies/outcome/outcome.js';
import { shownRef } from '../preview.js';
import { describeOperation } from './status.js';

/** All outputs of a job together may have 1 MB, counted in UTF-16. */
const largest = 200_000;

/** The output `status`: one JSON object. Where it would be too long, first the history is omitted, then the last items of `drift`. */
export function statusJson(outcome: Outcome): string | undefined {
  const whole = content(outcome);
  if (whole === undefined) return undefined;
  const { history: _history, ...short } = whole;
  const json = JSON.stringify(whole);
  if (json.length <= largest) return json;
  let left = largest - JSON.stringify({ ...short, drift: [], cut: true }).length;
  const drift = short.drift.filter(item => (left -= JSON.stringify(item).length + 1) >= 0);
  return JSON.stringify({ ...short, drift, cut: true });
}

function content({ serving, release, namespace, strategy, revision, activeRole, stagedRole, history }: Outcome) {
  if (serving.kind !== 'rolling-status' && serving.kind !== 'blue-green-status') return undefined;
  const { live, unfinished } = serving;
  const health = ({ ref, ...rest }: { readonly ref: Parameters<typeof shownRef>[0] }) => ({
    ...shownRef(ref),
    ...rest,
  });
  return {
    format: 1,
    release,
    namespace,
    strategy,
    revision,
    activeRole,
    stagedRole,
    ...(serving.kind === 'rolling-status'
      ? { workloads: serving.workloads.map(health) }
      : {
          roles: serving.roles.map(role => ({ ...role, workloads: role.workloads.map(health) })),
          expectedRevision: serving.expected,
          undecided: live?.undecided,
        }),
    services: (live?.services ?? []).map(health),
    drift: (live?.drift ?? []).map(health),
    uncompared: (live?.uncompared ?? []).map(health),
    ...(unfinished !== undefined && {
      unfinished: { kind: unfinished.kind, what: describeOperation(unfinished), run: unfinished.run },
    }),
    history,
  };
}
