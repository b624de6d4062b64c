import type { CiRun } from '../inputs/inputs.js';
import type { GitHubAnswer } from './rest.js';

/** Proof that the required reviewers of an environment let this run pass. GitHub does not tell when they did. */
export interface Approval {
  readonly environment: string;
  /** Logins of those who approved. */
  readonly by: readonly string[];
  /** What they wrote; empty if nothing. */
  readonly comment: string;
}

/** Proved, or why not and what to change. */
export type ApprovalDecision =
  | { readonly approved: true; readonly approval: Approval }
  | { readonly approved: false; readonly message: string; readonly hint: string; readonly status?: number };

interface Question {
  readonly environment: string;
  readonly run: Pick<CiRun, 'repository' | 'url' | 'job'>;
  readonly environmentAnswer: GitHubAnswer;
  readonly approvalsAnswer: GitHubAnswer;
}

/** What GitHub's two answers prove. The environment's name is compared without regard to case, as GitHub does. */
export function decideApproval(question: Question): ApprovalDecision {
  const { environment, environmentAnswer, approvalsAnswer } = question;
  if (environmentAnswer.kind === 'refused' && environmentAnswer.status === 404 && approvalsAnswer.kind === 'ok') {
    return refuse({
      message: `${question.run.repository} has no environment of that name`,
      hint: `Create it under Settings → Environments → New environment, name "${environment}", and tick Required reviewers; or correct input \`approval\`.`,
      status: 404,
    });
  }
  if (environmentAnswer.kind !== 'ok') return explainUnread(environmentAnswer, question);
  if (approvalsAnswer.kind !== 'ok') return explainUnread(approvalsAnswer, question);
  if (!hasReviewers(environmentAnswer.data)) {
    return refuse({
      message: 'it has no required reviewers, so any run may pass it',
      hint: `Add them under Settings → Environments → ${environment} → Required reviewers.`,
    });
  }
  return decideReviews(reviewsOf(approvalsAnswer.data, environment), question);
}

function decideReviews(reviews: readonly Review[], { environment, run }: Question): ApprovalDecision {
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
    const said = rejection.comment === '' ? '' : ` ("${rejection.comment}")`;
    return refuse({
      message: `${rejection.by} rejected this run${said}`,
      hint: `Settle it with ${rejection.by}, then start a new run: ${run.url}`,
    });
  }
  return refuse({
    message: 'this run carries no approval for it',
    hint: `Give job ${run.job} the line \`environment: ${environment}\`, so that GitHub holds it until a reviewer has approved. Where an administrator let the run pass by force, GitHub records no approval: start it again.`,
  });
}

function explainUnread(answer: Exclude<GitHubAnswer, { kind: 'ok' }>, { run }: Question): ApprovalDecision {
  if (answer.kind === 'unreachable') {
    return refuse({
      message: `GitHub cannot be reached at ${answer.reason}`,
      hint: "Check the runner's way to GitHub (proxy, firewall, GITHUB_API_URL), then run this job again.",
    });
  }
  const { status, message, rateLimited } = answer;
  const said = `GitHub answered ${status} "${message}"`;
  if (rateLimited) {
    return refuse({
      message: said,
      hint: 'The rate limit of this token is used up: run this job again later.',
      status,
    });
  }
  switch (status) {
    case 401:
      return refuse({
        message: said,
        hint: 'The token is wrong or has expired: leave input `token` at its default, or renew it.',
        status,
      });
    case 403:
    case 404:
      return refuse({
        message: said,
        hint: `The token may not read runs and environments of ${run.repository}: give the job \`permissions: actions: read\` (naming any permission takes away those that are not named), or a token of your own the repository permission Actions: Read.`,
        status,
      });
    default:
      return refuse({ message: said, hint: 'See https://www.githubstatus.com, then run this job again.', status });
  }
}

function refuse(why: { readonly message: string; readonly hint: string; readonly status?: number }): ApprovalDecision {
  return { approved: false, ...why };
}

function hasReviewers(environment: unknown): boolean {
  const { protection_rules: rules } = (environment ?? {}) as { protection_rules?: unknown };
  // GitHub may leave the names away; an empty list means that nobody has to approve.
  return listOf(rules).some(
    ({ type, reviewers }) => type === 'required_reviewers' && (reviewers === undefined || listOf(reviewers).length > 0),
  );
}

interface Review {
  readonly state: string;
  readonly by: string;
  readonly comment: string;
}

/** The reviews of a run that name the environment; what has another shape is no review. */
function reviewsOf(data: unknown, environment: string): readonly Review[] {
  return listOf(data)
    .filter(({ environments }) => listOf(environments).some(({ name }) => sameName(name, environment)))
    .map(({ state, user, comment }) => {
      const { login } = (user ?? {}) as { login?: unknown };
      return {
        state: typeof state === 'string' ? state : '',
        by: typeof login === 'string' ? login : 'somebody whose account is gone',
        comment: typeof comment === 'string' ? comment.trim() : '',
      };
    });
}

function sameName(name: unknown, wanted: string): boolean {
  return typeof name === 'string' && name.toLowerCase() === wanted.toLowerCase();
}

/** The objects of a JSON list; none for anything else. */
function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value)) return [];
  return value.filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null);
}
