import { describe, expect, it } from '@jest/globals';
import { decideApproval, type ApprovalDecision } from '../../src/github/approval-decision.js';
import type { GitHubAnswer } from '../../src/github/rest.js';

const run = { repository: 'octo/shop', url: 'https://github.com/octo/shop/actions/runs/7', job: 'promote' };
const ok = (data: unknown): GitHubAnswer => ({ kind: 'ok', data });
const refused = (status: number, message: string, waitMs?: number): GitHubAnswer => ({
  ...{ kind: 'refused', status, message },
  ...(waitMs !== undefined && { rateLimit: { waitMs } }),
});
const unreachable: GitHubAnswer = { kind: 'unreachable', reason: 'https://api.github.com: ECONNREFUSED' };

const withRules = (...rules: object[]) => ok({ id: 161, name: 'production', protection_rules: rules });
const protectedBy = (...reviewers: object[]) =>
  withRules({ type: 'wait_timer' }, { type: 'required_reviewers', reviewers });
const guarded = protectedBy({ type: 'User', reviewer: { login: 'ann' } });
const review = (state: string, login: string, comment = '') => ({
  ...{ state, comment, user: { login, type: 'User' }, environments: [{ id: 161, name: 'production' }] },
});
const elsewhere = (...environments: object[]) => ({ ...review('approved', 'ann'), environments });
const decide = (environmentAnswer: GitHubAnswer, approvalsAnswer: GitHubAnswer): ApprovalDecision =>
  decideApproval({ environment: 'production', run, environmentAnswer, approvalsAnswer });

describe('an approval is proved', () => {
  it.each([
    { title: 'by one reviewer', reviews: [review('approved', 'ann', ' ship it ')], by: ['ann'], comment: 'ship it' },
    { title: 'without a comment', reviews: [review('approved', 'ann')], by: ['ann'], comment: '' },
    {
      title: 'by several, each named once',
      reviews: [review('approved', 'ann', 'a'), review('approved', 'bob'), review('approved', 'ann', 'b')],
      by: ['ann', 'bob'],
      comment: 'a; b',
    },
    {
      title: 'for several environments at once',
      reviews: [elsewhere({ id: 2, name: 'test' }, { id: 161, name: 'Production' })],
      by: ['ann'],
      comment: '',
    },
    {
      title: 'by a person beside a bot, whom it does not name',
      reviews: [
        { ...review('approved', 'ship[bot]', 'go'), user: { login: 'ship[bot]', type: 'Bot' } },
        review('approved', 'ann'),
      ],
      by: ['ann'],
      comment: '',
    },
    {
      title: 'where another environment was rejected',
      reviews: [{ ...review('rejected', 'bob'), environments: [{ id: 2, name: 'test' }] }, review('approved', 'ann')],
      by: ['ann'],
      comment: '',
    },
  ])('$title', ({ reviews, by, comment }) => {
    expect(decide(guarded, ok(reviews))).toEqual({ proved: true, by, comment });
  });
});

interface Row {
  readonly title: string;
  readonly environment: GitHubAnswer;
  readonly approvals: GitHubAnswer;
  readonly message: string;
  readonly hint: unknown;
}

describe('an approval is not proved', () => {
  const good = ok([review('approved', 'ann')]);

  it.each<Row>([
    {
      title: 'when the environment does not exist',
      environment: refused(404, 'Not Found'),
      approvals: good,
      message: 'octo/shop has no environment of that name',
      hint: 'Create it under Settings → Environments → New environment, name "production", and tick Required reviewers; or correct input `approval`.',
    },
    {
      title: 'when the environment has no required reviewers',
      environment: withRules({ type: 'wait_timer' }, { type: 'branch_policy' }),
      approvals: good,
      message: 'it has no required reviewers, so every run passes it',
      hint: 'Add them under Settings → Environments → production → Required reviewers.',
    },
    {
      title: 'when the list of required reviewers is empty',
      environment: protectedBy(),
      approvals: good,
      message: 'it has no required reviewers, so every run passes it',
      hint: 'Add them under Settings → Environments → production → Required reviewers.',
    },
    {
      title: 'when GitHub omits the names of the reviewers',
      environment: withRules({ type: 'required_reviewers' }),
      approvals: good,
      message: 'GitHub does not name its required reviewers',
      hint: expect.stringContaining('a token that may read the reviewers'),
    },
    {
      title: 'when the list of required reviewers names nobody',
      environment: withRules({ type: 'required_reviewers', reviewers: [null] }),
      approvals: good,
      message: 'GitHub does not name its required reviewers',
      hint: expect.stringContaining('a token that may read the reviewers'),
    },
    {
      title: 'when the run has no review',
      environment: guarded,
      approvals: ok([]),
      message: 'this run has no approval for it',
      hint: 'Add `environment: production` to job promote, so that it waits for the approval of a reviewer. If an administrator bypassed the protection rules, GitHub records no approval: start the run again.',
    },
    {
      title: 'when only another environment was approved',
      environment: guarded,
      approvals: ok([elsewhere({ id: 2, name: 'test' })]),
      message: 'this run has no approval for it',
      hint: expect.stringContaining('environment: production'),
    },
    {
      title: 'when an environment of the same name was approved, which was deleted since',
      environment: guarded,
      approvals: ok([elsewhere({ id: 12, name: 'production' })]),
      message: 'this run was approved for an environment of that name that was deleted since',
      hint: expect.stringContaining('Start a new run'),
    },
    {
      title: 'when the review is still pending',
      environment: guarded,
      approvals: ok([review('pending', 'ann')]),
      message: 'this run has no approval for it',
      hint: expect.stringContaining('environment: production'),
    },
    {
      title: 'when only a bot approved',
      environment: guarded,
      approvals: ok([{ ...review('approved', ''), user: { login: 'ship[bot]', type: 'Bot' } }]),
      message: 'only ship[bot] approved this run, which is not the account of a person',
      hint: expect.stringContaining('Let a person approve'),
    },
    {
      title: 'when only a deleted account approved',
      environment: guarded,
      approvals: ok([{ ...review('approved', ''), user: null }]),
      message: 'only a deleted account approved this run, which is not the account of a person',
      hint: expect.stringContaining('Let a person approve'),
    },
    {
      title: 'when the run was rejected',
      environment: guarded,
      approvals: ok([review('rejected', 'bob', 'not today')]),
      message: 'bob rejected this run ("not today")',
      hint: expect.stringContaining('start a new run: https://github.com/octo/shop/actions/runs/7'),
    },
    {
      title: 'when the run was approved and rejected, in any order',
      environment: guarded,
      approvals: ok([review('rejected', 'bob'), review('approved', 'ann')]),
      message: 'bob rejected this run',
      hint: expect.stringContaining('start a new run'),
    },
    {
      title: 'when the token is wrong',
      environment: refused(401, 'Bad credentials'),
      approvals: refused(401, 'Bad credentials'),
      message: 'GitHub answered 401 "Bad credentials"',
      hint: 'The token is invalid or has expired: use the default of input `token`, or renew it.',
    },
    {
      title: 'when the token lacks the permission',
      environment: refused(403, 'Resource not accessible by integration'),
      approvals: refused(403, 'Resource not accessible by integration'),
      message: 'GitHub answered 403 "Resource not accessible by integration"',
      hint: expect.stringContaining('`permissions: actions: read`'),
    },
    {
      title: 'when the token may read the environment but not the run',
      environment: guarded,
      approvals: refused(403, 'Resource not accessible by integration'),
      message: 'GitHub answered 403 "Resource not accessible by integration"',
      hint: expect.stringContaining('`permissions: actions: read`'),
    },
    {
      title: 'when neither is found, which GitHub says to a token that may not see the repository',
      environment: refused(404, 'Not Found'),
      approvals: refused(404, 'Not Found'),
      message: 'GitHub answered 404 "Not Found"',
      hint: expect.stringContaining('has no permission to read this of octo/shop'),
    },
    {
      title: 'when the rate limit is used up',
      environment: refused(403, 'API rate limit exceeded', 3_600_000),
      approvals: good,
      message: 'GitHub answered 403 "API rate limit exceeded"',
      hint: 'The rate limit of this token is exceeded: run this job again later.',
    },
    {
      title: 'when GitHub fails',
      environment: guarded,
      approvals: refused(502, 'Server Error'),
      message: 'GitHub answered 502 "Server Error"',
      hint: 'See https://www.githubstatus.com, then run this job again.',
    },
    {
      title: 'when GitHub cannot be reached',
      environment: unreachable,
      approvals: unreachable,
      message: 'GitHub cannot be reached at https://api.github.com: ECONNREFUSED',
      hint: "Check the runner's connection to GitHub (proxy, firewall, GITHUB_API_URL), then run this job again.",
    },
  ])('$title', ({ environment, approvals, message, hint }) => {
    expect(decide(environment, approvals)).toMatchObject({ proved: false, message, hint });
  });

  it.each([
    ['a page', '<html>', []],
    ['an environment without rules', { id: 161, name: 'production' }, []],
    ['an environment without an id', { name: 'production', protection_rules: [] }, []],
    ['another environment', { id: 161, name: 'test', protection_rules: [] }, []],
    ['reviews that are no list', undefined, { reviews: [review('approved', 'ann')] }],
    ['a review that is no object', undefined, [review('approved', 'ann'), null]],
    ['a review of no environment', undefined, [review('approved', 'ann'), { state: 'rejected' }]],
    [
      'a rejection of an empty list of environments',
      undefined,
      [review('approved', 'ann'), { ...review('rejected', 'bob'), environments: [] }],
    ],
    ['a review of a state that does not exist', undefined, [review('approved', 'ann'), review('dismissed', 'bob')]],
  ])('when GitHub answers %s', (_, environment, approvals) => {
    const answer = environment === undefined ? guarded : ok(environment);
    expect(decide(answer, ok(approvals))).toMatchObject({
      ...{ proved: false, message: expect.stringContaining('cannot be understood') },
    });
  });
});
