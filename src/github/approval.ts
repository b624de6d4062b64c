import { systemClock, type Clock } from '../cluster/clock.js';
import { CutoverError } from '../errors.js';
import type { CiRun } from '../inputs/inputs.js';
import { decideApproval, type Approval } from './approval-decision.js';
import { readApprovals, readEnvironment, type GitHubAnswer, type RunAddress } from './rest.js';

export type { Approval } from './approval-decision.js';

export interface ApprovalRequest {
  /** Name of the GitHub environment, as in the job's `environment:`. */
  readonly environment: string;
  /** Token with `actions: read`. Absent: throws `approval` with the setting to change. */
  readonly token?: string | undefined;
  readonly run: CiRun;
  readonly signal?: AbortSignal;
  /** Default: the clock of the machine. */
  readonly clock?: Clock;
}

/**
 * Verifies that required reviewers of an environment have approved this run, with two read requests. Throws `approval` with
 * the setting or permission to change when this cannot be proved, for any reason.
 */
export async function proveApproval(request: ApprovalRequest): Promise<Approval> {
  const { environment, token, run, signal = new AbortController().signal, clock = systemClock } = request;
  if (token === undefined || token === '') {
    throw approvalError(environment, {
      message: 'there is no token',
      hint: 'Set input `token` (its default is `${{ github.token }}`) and give the job `permissions: actions: read`.',
    });
  }
  const address = addressOf(run);
  if (address === undefined) {
    throw approvalError(environment, {
      message: 'this is not a GitHub Actions run',
      hint: 'Run this step in a workflow, in a job with `environment:`, or remove input `approval`.',
    });
  }
  const access = { ...address, apiUrl: run.apiUrl, token, signal };
  const answers = await Promise.all([
    withRetry(() => readEnvironment(access, environment), { clock, signal }),
    withRetry(() => readApprovals(access), { clock, signal }),
  ]);
  const decision = decideApproval({ environment, run, environmentAnswer: answers[0], approvalsAnswer: answers[1] });
  if (!decision.approved) throw approvalError(environment, decision);
  return decision.approval;
}

/** Milliseconds before the second and third attempt: one failed request should not fail a run that was approved manually. */
const retryDelaysMs = [1_000, 4_000];

async function withRetry(
  read: () => Promise<GitHubAnswer>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<GitHubAnswer> {
  let answer = await read();
  for (const delayMs of retryDelaysMs) {
    const isTransient = answer.kind === 'unreachable' || (answer.kind === 'refused' && answer.status >= 500);
    if (!isTransient || signal.aborted) break;
    await clock.wait(delayMs, signal);
    answer = await read();
  }
  if (signal.aborted)
    throw new CutoverError('The run was cancelled while its approval was read', { code: 'cancelled' });
  return answer;
}

function addressOf({ repository, runId }: CiRun): RunAddress | undefined {
  const [owner, repo, ...more] = repository.split('/');
  if (!owner || !repo || more.length > 0 || !/^\d+$/.test(runId)) return undefined;
  return { owner, repo, runId: Number(runId) };
}

function approvalError(
  environment: string,
  reason: { readonly message: string; readonly hint: string; readonly status?: number },
): CutoverError {
  return new CutoverError(`The approval for environment ${environment} cannot be proved: ${reason.message}`, {
    code: 'approval',
    object: `GitHub environment ${environment}`,
    hint: reason.hint,
    ...(reason.status !== undefined && { status: reason.status }),
  });
}
