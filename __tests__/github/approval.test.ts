import { afterEach, describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { CutoverError } from '../../src/errors.js';
import { proveApproval, type ApprovalRequest } from '../../src/github/approval.js';
import type { CiRun } from '../../src/inputs/inputs.js';
import { startGitHub, type GitHubOptions, type GitHubServer } from '../support/github-server.js';

const token = 'ghs_not-a-real-token';
const approved: GitHubOptions = {
  token,
  environments: { production: { reviewers: ['ann'] }, 'eu/west 1': { reviewers: ['ann'] }, open: {} },
  approvals: {
    '7': [{ environments: ['production', 'eu/west 1'], state: 'approved', by: 'ann', comment: 'ship it' }],
    '8': [{ environments: ['production'], state: 'rejected', by: 'bob' }],
  },
};

let github: GitHubServer | undefined;
afterEach(async () => {
  await github?.close();
  github = undefined;
});

const run = (apiUrl: string, changes: Partial<CiRun> = {}): CiRun => ({
  repository: 'octo/shop',
  sha: 'abc',
  refName: 'main',
  runId: '7',
  runNumber: '1',
  runAttempt: '1',
  job: 'promote',
  actor: 'ann',
  eventName: 'push',
  url: 'https://github.com/octo/shop/actions/runs/7',
  apiUrl,
  workspace: '/',
  ...changes,
});

async function prove(options: {
  readonly server?: Partial<GitHubOptions>;
  readonly request?: Partial<ApprovalRequest>;
  readonly run?: Partial<CiRun>;
}) {
  github = await startGitHub({ ...approved, ...options.server });
  const waited: number[] = [];
  const clock = {
    now: () => 0,
    wait: (ms: number) => {
      waited.push(ms);
      return Promise.resolve();
    },
  };
  const request = { environment: 'production', token, run: run(github.url, options.run), clock, ...options.request };
  const outcome = await proveApproval(request).catch((error: unknown) => error as CutoverError);
  return { outcome, waited, requests: github.requests };
}

describe('the proof of an approval', () => {
  it('sends two requests and returns reviewers and comments', async () => {
    const { outcome, requests } = await prove({});
    expect(outcome).toEqual({ environment: 'production', by: ['ann'], comment: 'ship it' });
    expect([...requests].sort()).toEqual([
      'GET /repos/octo/shop/actions/runs/7/approvals',
      'GET /repos/octo/shop/environments/production',
    ]);
  });

  it('works for an environment whose name needs encoding', async () => {
    const { outcome, requests } = await prove({ request: { environment: 'eu/west 1' } });
    expect(outcome).toMatchObject({ by: ['ann'] });
    expect(requests).toContain('GET /repos/octo/shop/environments/eu%2Fwest%201');
  });

  it.each([
    ['one bad answer', [502], [1_000]],
    ['a cut connection', ['reset'], [1_000]],
    ['one bad answer to each request', [503, 500], [1_000, 1_000]],
    ['two bad answers to one of the requests', [503, 500, 502], [1_000, 1_000, 4_000]],
  ] as const)('survives %s of GitHub', async (_, faults, waits) => {
    const { outcome, waited } = await prove({ server: { faults } });
    expect(outcome).toMatchObject({ by: ['ann'] });
    expect([...waited].sort()).toEqual(waits);
  });
});

describe('the proof fails, with the remedy,', () => {
  it.each<{ title: string; given: Parameters<typeof prove>[0]; message: RegExp; hint: RegExp }>([
    {
      title: 'without a token',
      given: { request: { token: undefined } },
      message: /there is no token/,
      hint: /permissions: actions: read/,
    },
    {
      title: 'with a wrong token',
      given: { request: { token: 'wrong' } },
      message: /401 "Bad credentials"/,
      hint: /invalid or has expired/,
    },
    {
      title: 'without the permission',
      given: { server: { mayReadActions: false } },
      message: /403/,
      hint: /permissions: actions: read/,
    },
    {
      title: 'when the environment is unknown',
      given: { request: { environment: 'prod' } },
      message: /no environment of that name/,
      hint: /Settings/,
    },
    {
      title: 'when the environment is open',
      given: { request: { environment: 'open' } },
      message: /no required reviewers/,
      hint: /Required reviewers/,
    },
    {
      title: 'when the run has no approval',
      given: { run: { runId: '9' } },
      message: /has no approval/,
      hint: /environment: production/,
    },
    {
      title: 'when the run was rejected',
      given: { run: { runId: '8' } },
      message: /bob rejected this run/,
      hint: /start a new run/,
    },
    {
      title: 'when the repository is hidden',
      given: { run: { repository: 'octo/hidden' } },
      message: /404 "Not Found"/,
      hint: /has no permission to read/,
    },
    {
      title: 'when the rate limit is used up',
      given: { server: { faults: ['rate-limit'] } },
      message: /rate limit exceeded/,
      hint: /again later/,
    },
    {
      title: 'when GitHub keeps failing',
      given: { server: { faults: [500, 500, 500, 500, 500, 500] } },
      message: /500 "Server Error"/,
      hint: /githubstatus/,
    },
  ])('$title', async ({ given, message, hint }) => {
    const { outcome } = await prove(given);
    expect(outcome).toBeInstanceOf(CutoverError);
    expect(outcome).toMatchObject({
      code: 'approval',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });

  it.each([
    ['no repository', { repository: 'local', runId: 'local' }],
    ['a repository that is none', { repository: 'a/b/c' }],
    ['no run', { runId: 'local' }],
  ])('outside a run (%s), without a request to GitHub', async (_, changes) => {
    const { outcome, requests } = await prove({ run: changes });
    expect(outcome).toMatchObject({
      code: 'approval',
      message: expect.stringContaining('not a GitHub Actions run'),
    });
    expect(requests).toEqual([]);
  });

  it('when nothing listens at the URL, which is reported', async () => {
    const gone = await startGitHub(approved);
    await gone.close();
    const { outcome, waited } = await prove({ run: { apiUrl: gone.url } });
    expect(outcome).toMatchObject({
      message: `The approval for environment production cannot be proved: GitHub cannot be reached at ${gone.url}: ECONNREFUSED`,
    });
    expect([...waited].sort()).toEqual([1_000, 1_000, 4_000, 4_000]);
  });

  it('after at most three attempts', async () => {
    const { requests } = await prove({ server: { faults: [500, 500, 500, 500, 500, 500, 500, 500] } });
    expect(requests).toHaveLength(6);
  });

  it('without revealing the token', async () => {
    const { outcome } = await prove({ server: { mayReadActions: false } });
    expect(inspect(outcome, { depth: null, showHidden: true })).not.toContain(token);
  });
});

it('a run that is cancelled during a request to GitHub ends as cancelled', async () => {
  const { outcome } = await prove({ request: { signal: AbortSignal.abort() } });
  expect(outcome).toMatchObject({ code: 'cancelled' });
});
