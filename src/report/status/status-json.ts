import type { Outcome } from '../../strategies/outcome/outcome.js';
import { fitting } from '../json-output.js';
import { shownRef } from '../preview.js';
import { describeOperation } from './status.js';

/** The output `status`: one JSON object. Where it would be too long, first the history is omitted, then the last items of every list. */
export function statusJson(outcome: Outcome): string | undefined {
  const whole = content(outcome);
  if (whole === undefined) return undefined;
  const { history: _history, ...short } = whole;
  return fitting(whole, [{ content: short, cut: true }], true);
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
          toAdopt: serving.toAdopt?.map(shownRef),
          expectedRevision: serving.expected,
          undecided: live.undecided,
        }),
    services: live.services.map(health),
    strangers: live.strangers.map(({ service, owner, pods }) => ({
      ...shownRef(owner),
      pods,
      service: shownRef(service),
    })),
    drift: live.drift.map(health),
    uncompared: live.uncompared.map(health),
    running: live.running,
    ...(unfinished !== undefined && {
      unfinished: { kind: unfinished.kind, what: describeOperation(unfinished), run: unfinished.run },
    }),
    history,
  };
}
