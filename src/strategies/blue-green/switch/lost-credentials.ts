import { asCutoverError, type ErrorCode } from '../../../errors.js';
import { FailedStep } from '../../outcome/outcome.js';
import { saidBy } from '../operation/users-now.js';
import type { TrafficSwitch } from './traffic-switch.js';

/** The API server does not accept the credentials, or there are no new ones. They were renewed once before, where that is possible. */
const lost: ReadonlySet<ErrorCode> = new Set(['unauthorized', 'kubeconfig']);

/**
 * A switch that failed because its credentials ended, with how to go on from where it was left: without them, nothing could be undone, put
 * on record, or even seen. Any other error is returned as it is.
 */
export function sayingHowToGoOn(thrown: unknown, { direction, to, revision }: TrafficSwitch): unknown {
  if (!(thrown instanceof FailedStep) || !lost.has(thrown.error.code)) return thrown;
  const { kind } = saidBy(thrown.outcome.serving);
  const isMade = kind === 'not-switched-back' || kind === 'switched-unfinished';
  if (!isMade) return thrown;
  const { hint = '' } = thrown.error;
  const back = direction === 'promote' ? ' To send users back instead, run `action: rollback`.' : '';
  const action = direction === 'promote' ? 'promote' : 'rollback';
  return new FailedStep(
    asCutoverError(thrown.cause).amended({
      hint: `Users stay on ${to}, revision ${revision.number}, unless somebody else leads them elsewhere. Get credentials that are valid for as long as the step takes: a new value for the input \`kubeconfig\`, or the step that logs in once more. Then run \`action: ${action}\` with the same inputs: it goes on from here.${back} ${hint}`.trim(),
    }),
    thrown.outcome,
  );
}
