import type { CiRun } from '../inputs/inputs.js';
import type { GitHubAnswer } from './rest.js';

/** Proof that required reviewers of an environment approved this run. GitHub does not report the time. */
export interface Approval {
  readonly environment: string;
  /** Logins of the reviewers who approved. */
  readonly by: readonly string[];
  /** Their comments; empty if there are none. */
  readonly comment: string;
}

/** Approved, or the reason and what to change. */
export type ApprovalDecision =
  | { readonly approved: true; readonly approval: Approval }
  | { readonly approved: false; readonly message: string; readonly hint: string; readonly status?: number };

interface ApprovalAnswers {
  readonly environment: string;
  readonly run: Pick<CiRun, 'repository' | 'url' | 'job'>;
  readonly environmentAnswer: GitHubAnswer;
  readonly approvalsAnswer: GitHubAnswer;
}

/** Decides by the two answers of GitHub. Environment names are case-insensitive, as in GitHub. */
export function decideApproval(answers: ApprovalAnswers): ApprovalDecision {
  const { environment, environmentAnswer, approvalsAnswer } = answers;
  if (environmentAnswer.kind === 'refused' && environmentAnswer.status === 404 && approvalsAnswer.kind === 'ok') {
    return notApproved({
      message: `${answers.run.repository} has no environment of that name`,
      hint: `Create it under Settings → Environments → New environment, name "${environment}", and tick Required reviewers; or correct input \`approval\`.`,
      status: 404,
    });
  }
  if (environmentAnswer.kind !== 'ok') return explainFailure(environmentAnswer, answers);
  if (approvalsAnswer.kind !== 'ok') return explainFailure(approvalsAnswer, answers);
  if (!hasReviewers(environmentAnswer.data)) {
    return notApproved({
      message: 'it has no required reviewers, so every run passes it',
      hint: `Add them under Settings → Environments → ${environment} → Required reviewers.`,
    });
  }
  return decideReviews(reviewsOf(approvalsAnswer.data, environment), answers);
}

function decideReviews(reviews: readonly Review[], { environment, run }: ApprovalAnswers): ApprovalDecision {
  const approvals = reviews.filter(({ state }) => state === 'approved');
  if (approvals.length > 0) {
    const comment = approvals
      .map(review => review.comment)
      .filter(text => text !== '')
      .join('; ');
    return { approved: true, approval: { environment, by: [...new Set(approvals.map(({ by }) => by))], comment } };
  }
  const rejection = reviews.find(({ state }) => state === 'rejected');
  if (rejection !== undefined) {
    const answerText = rejection.comment === '' ? '' : ` ("${rejection.comment}")`;
    return notApproved({
      message: `${rejection.by} rejected this run${answerText}`,
      hint: `Resolve it with ${rejection.by}, then start a new run: ${run.url}`,
    });
  }
  return notApproved({
    message: 'this run has no approval for it',
    hint: `Add \`environment: ${environment}\` to job ${run.job}, so that it waits for the approval of a reviewer. If an administrator bypassed the protection rules, GitHub records no approval: start the run again.`,
  });
}

function explainFailure(answer: Exclude<GitHubAnswer, { kind: 'ok' }>, { run }: ApprovalAnswers): ApprovalDecision {
  if (answer.kind === 'unreachable') {
    return notApproved({
      message: `GitHub cannot be reached at ${answer.reason}`,
      hint: "Check the runner's connection to GitHub (proxy, firewall, GITHUB_API_URL), then run this job again.",
    });
  }
  const { status, message, rateLimited } = answer;
  const answerText = `GitHub answered ${status} "${message}"`;
  if (rateLimited) {
    return notApproved({
      message: answerText,
      hint: 'The rate limit of this token is exceeded: run this job again later.',
      status,
    });
  }
  switch (status) {
    case 401:
      return notApproved({
        message: answerText,
        hint: 'The token is invalid or has expired: use the default of input `token`, or renew it.',
        status,
      });
    case 403:
    case 404:
      return notApproved({
        message: answerText,
        hint: `The token has no permission to read runs and environments of ${run.repository}: give the job \`permissions: actions: read\` (this removes all permissions that are not listed), or use a token with the repository permission Actions: Read.`,
        status,
      });
    default:
      return notApproved({
        message: answerText,
        hint: 'See https://www.githubstatus.com, then run this job again.',
        status,
      });
  }
}

function notApproved(reason: {
  readonly message: string;
  readonly hint: string;
  readonly status?: number;
}): ApprovalDecision {
  return { approved: false, ...reason };
}

function hasReviewers(environment: unknown): boolean {
  const { protection_rules: rules } = (environment ?? {}) as { protection_rules?: unknown };
  // GitHub may omit the reviewers; an empty list means that no approval is required.
  return listOf(rules).some(
    ({ type, reviewers }) => type === 'required_reviewers' && (reviewers === undefined || listOf(reviewers).length > 0),
  );
}

interface Review {
  readonly state: string;
  readonly by: string;
  readonly comment: string;
}

/** The reviews of a run for the environment, without entries of another shape. */
function reviewsOf(data: unknown, environment: string): readonly Review[] {
  return listOf(data)
    .filter(({ environments }) => listOf(environments).some(({ name }) => sameName(name, environment)))
    .map(({ state, user, comment }) => {
      const { login } = (user ?? {}) as { login?: unknown };
      return {
        state: typeof state === 'string' ? state : '',
        by: typeof login === 'string' ? login : 'a deleted account',
        comment: typeof comment === 'string' ? comment.trim() : '',
      };
    });
}

function sameName(name: unknown, environment: string): boolean {
  return typeof name === 'string' && name.toLowerCase() === environment.toLowerCase();
}

/** The objects of a JSON list; none for anything else. */
function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null);
}
