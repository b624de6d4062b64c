import { systemClock, type Clock } from '../cluster/clock.js';
import { CutoverError } from '../errors.js';
import type { CiRun } from '../inputs/inputs.js';
import { decideApproval, type Approval } from './decision.js';
import { readApprovals, readEnvironment, type GitHubAnswer, type RunAddress } from './rest.js';

export type { Approval } from './decision.js';

export interface ApprovalRequest {
  /** Name of the GitHub environment, as in the job's `environment:`. */
  readonly environment: string;
  /** Token with `actions: read`. Absent: the proof is refused with the setting to change. */
  readonly token?: string | undefined;
  readonly run: CiRun;
  readonly signal?: AbortSignal;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/**
 * Proves that this run was approved by the required reviewers of an environment; reads twice, writes nothing. Throws
 * `approval` with the setting or permission to change when there is no proof, whatever the reason.
 */
export async function proveApproval(request: ApprovalRequest): Promise<Approval> {
  const { environment, token, run, signal = new AbortController().signal, clock = systemClock } = request;
  if (token === undefined || token === '') {
    throw refuse(environment, {
      message: 'there is no token',
      hint: 'Set input `token` (its default is `${{ github.token }}`) and give the job `permissions: actions: read`.',
    });
  }
  const address = addressOf(run);
  if (address === undefined) {
    throw refuse(environment, {
      message: 'this is not a run of GitHub Actions',
      hint: 'Run this step in a workflow, in a job that carries `environment:`, or leave input `approval` out.',
    });
  }
  const way = { ...address, apiUrl: run.apiUrl, token, signal };
  const answers = await Promise.all([
    withRetry(() => readEnvironment(way, environment), { clock, signal }),
    withRetry(() => readApprovals(way), { clock, signal }),
  ]);
  const decision = decideApproval({ environment, run, environmentAnswer: answers[0], approvalsAnswer: answers[1] });
  if (!decision.approved) throw refuse(environment, decision);
  return decision.approval;
}

/** Milliseconds before the second and third try: a run that was approved by hand should not fail for one bad answer. */
const pauses = [1_000, 4_000];

async function withRetry(
  read: () => Promise<GitHubAnswer>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<GitHubAnswer> {
  let answer = await read();
  for (const pause of pauses) {
    const passing = answer.kind === 'unreachable' || (answer.kind === 'refused' && answer.status >= 500);
    if (!passing || signal.aborted) break;
    await clock.wait(pause, signal);
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

function refuse(
  environment: string,
  why: { readonly message: string; readonly hint: string; readonly status?: number },
): CutoverError {
  return new CutoverError(`The approval by environment ${environment} cannot be proved: ${why.message}`, {
    code: 'approval',
    object: `GitHub environment ${environment}`,
    hint: why.hint,
    ...(why.status !== undefined && { status: why.status }),
  });
}
