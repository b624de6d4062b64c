import type { Check as CheckInput } from '../inputs/inputs.js';
import { createCheck } from './check-kinds.js';
import type { CheckOutcome, CheckSubject, Side } from './check.js';
import { PodReach } from './reach/pod-reach.js';

export type { Side } from './check.js';

/** The result of one check. Only `pass` lets the step continue. */
export interface CheckResult extends CheckOutcome {
  /** `GET /healthz`, `run: npm run smoke`. */
  readonly name: string;
  readonly side: Side;
}

export interface VerifyRequest extends Omit<CheckSubject, 'reach'> {
  /** All checks of the release; those for the other side are skipped. */
  readonly checks: readonly CheckInput[];
  /** Whether this is a round of a bake, which has checks of its own. Default: false. */
  readonly isBaking?: boolean | undefined;
  /** Ends the checks with `cancelled`, or with the signal's reason if it is a `CutoverError`. */
  readonly signal: AbortSignal;
}

/**
 * Runs the checks of a side in order and stops at the first one that does not pass: after a switch, users are exposed to
 * the failure for as long as the other checks run.
 */
export async function verify({ checks, signal, isBaking, ...request }: VerifyRequest): Promise<readonly CheckResult[]> {
  const { side, log } = request;
  const subject = { ...request, reach: new PodReach(request) };
  const due = checks.map(input => createCheck(input)).filter(check => isDue(check, { side, isBaking }));
  if (due.length === 0) log.info(`No checks are configured (${side}): ready pods are sufficient`);
  const results: CheckResult[] = [];
  for (const check of due) {
    const { name } = check;
    const blocker = results.find(({ verdict }) => verdict !== 'pass');
    const outcome = blocker === undefined ? await check.run(subject, signal) : skipped(blocker);
    results.push({ name, side, ...outcome });
  }
  return results;
}

/** Whether a check runs at a moment of the release. */
export function isDue(
  { when }: Pick<CheckInput, 'when'>,
  { side, isBaking = false }: { readonly side: Side; readonly isBaking?: boolean | undefined },
): boolean {
  return when === side || when === 'both' || (when === 'bake' && isBaking);
}

function skipped({ name }: CheckResult): CheckOutcome {
  return { verdict: 'cannot-tell', detail: `not run, because "${name}" did not pass`, attempts: 0, seconds: 0 };
}
