import type { CiRun } from '../inputs/inputs.js';
import { fieldOf, isNamed, objectsOf, type JsonObject } from './json.js';
import { explainFailure, notProved, unclear, type NotProved } from './refusal.js';
import type { GitHubAnswer } from './rest.js';

/** The people who approved a run for an environment. GitHub reports neither the time nor the attempt of a review. */
interface Approved {
  readonly proved: true;
  /** Logins. */
  readonly by: readonly string[];
  /** Their comments; empty if there are none. */
  readonly comment: string;
}

/** Approved, or the reason and what to change. */
export type ApprovalDecision = Approved | NotProved;

interface ApprovalAnswers {
  readonly environment: string;
  readonly run: Pick<CiRun, 'repository' | 'url' | 'job'>;
  readonly environmentAnswer: GitHubAnswer;
  readonly approvalsAnswer: GitHubAnswer;
}

/** Decides by the two answers of GitHub whether people approved the run. Whatever is unknown is no approval. */
export function decideApproval(answers: ApprovalAnswers): ApprovalDecision {
  const { environment, run, environmentAnswer, approvalsAnswer } = answers;
  if (environmentAnswer.kind === 'refused' && environmentAnswer.status === 404 && approvalsAnswer.kind === 'ok') {
    return notProved({
      message: `${run.repository} has no environment of that name`,
      hint: `Create it under Settings → Environments → New environment, name "${environment}", and tick Required reviewers; or correct input \`approval\`.`,
      status: 404,
    });
  }
  const asked = { repository: run.repository, permission: 'actions: read' };
  if (environmentAnswer.kind !== 'ok') return explainFailure(environmentAnswer, asked);
  if (approvalsAnswer.kind !== 'ok') return explainFailure(approvalsAnswer, asked);
  const id = fieldOf(environmentAnswer.data, 'id');
  const rules = objectsOf(fieldOf(environmentAnswer.data, 'protection_rules'));
  if (typeof id !== 'number' || !isNamed(fieldOf(environmentAnswer.data, 'name'), environment) || rules === undefined)
    return unclear('the environment');
  const unprotected = protectionProblem(rules, environment);
  if (unprotected !== undefined) return unprotected;
  const reviews = reviewsOf(approvalsAnswer.data, { environment, id });
  return reviews === undefined ? unclear('the reviews of this run') : decideReviews(reviews, answers);
}

function protectionProblem(rules: readonly JsonObject[], environment: string): NotProved | undefined {
  const required = rules.filter(rule => fieldOf(rule, 'type') === 'required_reviewers');
  const reviewers = required.map(rule => objectsOf(fieldOf(rule, 'reviewers')));
  if (reviewers.some(list => list !== undefined && list.length > 0)) return undefined;
  if (reviewers.includes(undefined)) {
    return notProved({
      message: 'GitHub does not name its required reviewers',
      hint: `Use a token that may read the reviewers of environment ${environment}: the default of input \`token\`, with \`permissions: actions: read\`.`,
    });
  }
  return notProved({
    message: 'it has no required reviewers, so every run passes it',
    hint: `Add them under Settings → Environments → ${environment} → Required reviewers.`,
  });
}

function decideReviews(reviews: readonly Review[], { environment, run }: ApprovalAnswers): ApprovalDecision {
  const rejection = reviews.find(({ state }) => state === 'rejected');
  if (rejection !== undefined) {
    const comment = rejection.comment === '' ? '' : ` ("${rejection.comment}")`;
    return notProved({
      message: `${rejection.by} rejected this run${comment}`,
      hint: `Resolve it with ${rejection.by}, then start a new run: ${run.url}. An approval after a rejection does not count, since GitHub tells no order of reviews.`,
    });
  }
  if (reviews.some(({ state }) => state !== 'approved' && state !== 'pending'))
    return unclear('the reviews of this run');
  const approvals = reviews.filter(({ state }) => state === 'approved');
  const current = approvals.filter(({ isCurrent }) => isCurrent);
  const byPeople = current.filter(({ isUser }) => isUser);
  if (byPeople.length > 0) {
    const comments = byPeople.map(({ comment }) => comment).filter(text => text !== '');
    return { proved: true, by: [...new Set(byPeople.map(({ by }) => by))], comment: comments.join('; ') };
  }
  const [other] = current;
  if (other !== undefined) {
    return notProved({
      message: `only ${other.by} approved this run, which is not the account of a person`,
      hint: `Let a person approve a new run: ${run.url}`,
    });
  }
  if (approvals.length > 0) {
    return notProved({
      message: 'this run was approved for an environment of that name that was deleted since',
      hint: `Start a new run, and let it be approved for the present environment: ${run.url}`,
    });
  }
  return notProved({
    message: 'this run has no approval for it',
    hint: `Add \`environment: ${environment}\` to job ${run.job}, so that it waits for the approval of a reviewer. If an administrator bypassed the protection rules, GitHub records no approval: start the run again.`,
  });
}

interface Review {
  readonly state: string;
  readonly by: string;
  /** Whether the reviewer has the account of a person, which exists. */
  readonly isUser: boolean;
  readonly comment: string;
  /** Whether it is for the present environment, and not for a deleted one of the same name. */
  readonly isCurrent: boolean;
}

/** The reviews of a run for the environment. `undefined`: at least one cannot be understood. */
function reviewsOf(data: unknown, wanted: { readonly environment: string; readonly id: number }) {
  const reviews: Review[] = [];
  for (const review of objectsOf(data) ?? [undefined]) {
    const environments = objectsOf(fieldOf(review, 'environments'));
    const state = fieldOf(review, 'state');
    // A review of no environment could be a rejection of this one.
    if (environments === undefined || environments.length === 0 || typeof state !== 'string') return undefined;
    const isCurrent = environments.some(each => fieldOf(each, 'id') === wanted.id);
    if (!isCurrent && !environments.some(each => isNamed(fieldOf(each, 'name'), wanted.environment))) continue;
    const user = fieldOf(review, 'user');
    const [login, comment] = [fieldOf(user, 'login'), fieldOf(review, 'comment')];
    const isKnown = typeof login === 'string' && login !== '';
    reviews.push({
      ...{ state, isCurrent },
      by: isKnown ? login : 'a deleted account',
      isUser: isKnown && fieldOf(user, 'type') === 'User',
      comment: typeof comment === 'string' ? comment.trim() : '',
    });
  }
  return reviews;
}
