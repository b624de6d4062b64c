import type { Clock } from '../cluster/clock.js';
import { CutoverError } from '../errors.js';
import type { CiJob, CiRun } from '../inputs/inputs.js';
import type { JobProof, RecordedApproval } from '../release/revision.js';
import { decideApproval } from './approval-decision.js';
import { refuseByDeployment } from './deployment.js';
import { refuseByIdToken } from './prove-by-id-token.js';
import type { NotProved } from './refusal.js';
import { getResource, type RunAddress } from './rest.js';
import { withRetry } from './retry.js';

export interface ApprovalRequest {
  /** Name of the GitHub environment, as in the job's `environment:`. */
  readonly environment: string;
  /** Token with `actions: read`. Absent: throws `approval` with the setting to change. */
  readonly token?: string | undefined;
  readonly run: CiRun;
  readonly job: CiJob;
  /** Environment variables, with the proxy settings. */
  readonly variables: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/**
 * Proves who approved this run for an environment, and that this job in this attempt is of that environment. Only reads.
 * Throws `approval` with the setting or permission to change when one of the two cannot be proved, for any reason.
 */
export async function proveApproval(request: ApprovalRequest): Promise<Omit<RecordedApproval, 'subject'>> {
  const { environment, token, run, signal, clock } = request;
  if (token === undefined || token === '') {
    throw approvalError(environment, {
      message: 'there is no token',
      hint: 'Set input `token` (its default is `${{ github.token }}`) and give the job `permissions: actions: read`.',
    });
  }
  const address = addressOf(run);
  const attempt = Number(run.runAttempt);
  if (address === undefined || !Number.isSafeInteger(attempt) || attempt < 1) {
    throw approvalError(environment, {
      message: 'this is not a GitHub Actions run',
      hint: 'Run this step in a workflow, in a job with `environment:`, or remove input `approval`.',
    });
  }
  const rest = { ...address, apiUrl: run.apiUrl, token, signal };
  const pace = { clock, signal };
  const [environmentAnswer, approvalsAnswer] = await Promise.all([
    withRetry(() => getResource(rest, '/environments/{environment_name}', { environment_name: environment }), pace),
    withRetry(() => getResource(rest, '/actions/runs/{run_id}/approvals', { run_id: rest.runId }), pace),
  ]);
  const decision = decideApproval({ environment, run, environmentAnswer, approvalsAnswer });
  if (!decision.proved) throw approvalError(environment, decision);
  const { by, comment } = decision;
  return { environment, job: await proveJob(request, rest), attempt, by, comment };
}

/** The claims of the job's ID token count if it can have one: they also tell the attempt, and are signed. */
async function proveJob(request: ApprovalRequest, rest: Parameters<typeof getResource>[0]): Promise<JobProof> {
  const { environment, job, variables, signal, clock } = request;
  const { idToken } = job;
  const refusal =
    idToken === undefined
      ? await refuseByDeployment(request, { rest, signal, clock })
      : await refuseByIdToken(request, { request: idToken, environment: variables, signal, clock });
  if (refusal !== undefined) throw approvalError(environment, refusal);
  return idToken === undefined ? 'deployment' : 'id-token';
}

function addressOf({ repository, runId }: CiRun): RunAddress | undefined {
  const [owner, repo, ...more] = repository.split('/');
  if (!owner || !repo || more.length > 0 || !/^\d+$/.test(runId)) return undefined;
  return { owner, repo, runId: Number(runId) };
}

function approvalError(environment: string, reason: Omit<NotProved, 'proved'>): CutoverError {
  return new CutoverError(`The approval for environment ${environment} cannot be proved: ${reason.message}`, {
    code: 'approval',
    object: `GitHub environment ${environment}`,
    hint: reason.hint,
    ...(reason.status !== undefined && { status: reason.status }),
  });
}
