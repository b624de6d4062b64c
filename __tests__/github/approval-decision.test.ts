import { describe, expect, it } from '@jest/globals';
import { decideApproval, type ApprovalDecision } from '../../src/github/approval-decision.js';
import type { GitHubAnswer } from '../../src/github/rest.js';

const run = { repository: 'octo/shop', url: 'https://github.com/octo/shop/actions/runs/7', job: 'promote' };
const ok = (data: unknown): GitHubAnswer => ({ kind: 'ok', data });
const refused = (status: number, message: string, rateLimited = false): GitHubAnswer => ({
  ...{ kind: 'refused', status, message, rateLimited },
});
const unreachable: GitHubAnswer = { kind: 'unreachable', reason: 'https://api.github.com: ECONNREFUSED' };

const protectedBy = (...reviewers: object[]) =>
  ok({ name: 'production', protection_rules: [{ type: 'wait_timer' }, { type: 'required_reviewers', reviewers }] });
const guarded = protectedBy({ type: 'User', reviewer: { login: 'ann' } });
const review = (state: string, login: string, comment = '') => ({
  ...{ state, comment, user: { login }, environments: [{ name: 'production' }] },
});
const elsewhere = (...names: string[]) => ({
  ...review('approved', 'ann'),
  environments: names.map(name => ({ name })),
});
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
    { title: 'for several environments at once', reviews: [elsewhere('test', 'Production')], by: ['ann'], comment: '' },
    {
      title: 'after an earlier attempt was rejected',
      reviews: [review('rejected', 'bob', 'no'), review('approved', 'ann')],
      by: ['ann'],
      comment: '',
    },
    {
      title: 'by a deleted account',
      reviews: [{ ...review('approved', ''), user: null }],
      by: ['a deleted account'],
      comment: '',
    },
  ])('$title', ({ reviews, by, comment }) => {
    expect(decide(guarded, ok(reviews))).toEqual({
      approved: true,
      approval: { environment: 'production', by, comment },
    });
  });

  it('where GitHub omits the names of the reviewers', () => {
    const secretive = ok({ protection_rules: [{ type: 'required_reviewers' }] });
    expect(decide(secretive, ok([review('approved', 'ann')]))).toMatchObject({ approved: true });
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
      environment: ok({ protection_rules: [{ type: 'wait_timer' }, { type: 'branch_policy' }] }),
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
      title: 'when GitHub answers something of another shape',
      environment: ok('<html>'),
      approvals: good,
      message: 'it has no required reviewers, so every run passes it',
      hint: 'Add them under Settings → Environments → production → Required reviewers.',
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
      approvals: ok([elsewhere('test')]),
      message: 'this run has no approval for it',
      hint: expect.stringContaining('environment: production'),
    },
    {
      title: 'when the review is still pending',
      environment: guarded,
      approvals: ok([review('pending', 'ann')]),
      message: 'this run has no approval for it',
      hint: expect.stringContaining('environment: production'),
    },
    {
      title: 'when the run was rejected',
      environment: guarded,
      approvals: ok([review('rejected', 'bob', 'not today')]),
      message: 'bob rejected this run ("not today")',
      hint: 'Resolve it with bob, then start a new run: https://github.com/octo/shop/actions/runs/7',
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
      hint: expect.stringContaining('has no permission to read runs and environments of octo/shop'),
    },
    {
      title: 'when the rate limit is used up',
      environment: refused(403, 'API rate limit exceeded', true),
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
    expect(decide(environment, approvals)).toMatchObject({ approved: false, message, hint });
  });
});
