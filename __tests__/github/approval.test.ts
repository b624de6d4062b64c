import { afterEach, describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { CutoverError } from '../../src/errors.js';
import { proveApproval, type ApprovalRequest } from '../../src/github/approval.js';
import { readCiJob } from '../../src/inputs/ci-run.js';
import type { CiRun } from '../../src/inputs/inputs.js';
import {
  jobPage,
  startGitHub,
  type FakeDeployment,
  type GitHubOptions,
  type GitHubServer,
} from '../support/github-server.js';

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

const hostedJob = { serverUrl: 'https://github.com', runnerName: 'runner-1' };

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

/** A deployment to production of another job of run 7. */
function other(job: string): FakeDeployment {
  return { environment: 'production', logUrl: page.replace(/\d+$/, job) };
}

async function prove(options: {
  readonly server?: Partial<GitHubOptions>;
  readonly request?: Partial<ApprovalRequest>;
  readonly run?: Partial<CiRun>;
  /** Whether the job has `id-token: write`. */
  readonly hasIdToken?: boolean;
  /** What GitHub answers after the first wait. Absent: the same. */
  readonly during?: () => Partial<GitHubOptions>;
}) {
  github = await startGitHub({ ...approved, ...options.server });
  const waited: number[] = [];
  const clock = {
    now: () => 0,
    wait: (ms: number) => {
      waited.push(ms);
      if (options.during !== undefined) github?.set(options.during());
      return Promise.resolve();
    },
  };
  const request = {
    ...{ environment: 'production', token, run: run(github.url, options.run), clock },
    job: options.hasIdToken === true ? readCiJob(github.idTokenEnvironment) : hostedJob,
    variables: {},
    signal: new AbortController().signal,
    ...options.request,
  };
  const outcome = await proveApproval(request).catch((error: unknown) => error as CutoverError);
  return { outcome, waited, requests: github.requests };
}

describe('the proof of an approval', () => {
  it('only reads, and returns what was proved', async () => {
    const { outcome, requests } = await prove({});
    expect(outcome).toEqual({
      ...{ environment: 'production', job: 'deployment', attempt: 1, by: ['ann'], comment: 'ship it' },
    });
    expect([...requests].sort()).toEqual([
      'GET /repos/octo/shop/actions/runs/7/approvals',
      'GET /repos/octo/shop/actions/runs/7/attempts/1/jobs',
      'GET /repos/octo/shop/deployments',
      'GET /repos/octo/shop/deployments/0/statuses',
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
    ['a secondary rate limit', ['secondary-limit'], [7_000]],
    ['too many requests', ['too-many-requests'], [7_000]],
  ] as const)('survives %s of GitHub', async (_, faults, waits) => {
    const { outcome, waited } = await prove({ server: { faults } });
    expect(outcome).toMatchObject({ by: ['ann'] });
    expect([...waited].sort((a, b) => a - b)).toEqual(waits);
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

const page = jobPage('octo/shop', '7');
const named = (changes: object = {}): Partial<GitHubOptions> => ({
  deployments: [{ environment: 'production', logUrl: page, ...changes }],
});
const on = (runner: string, changes: object = {}) => ({ id: 501, runner, ...changes });

describe('the job is proved by a deployment', () => {
  it.each([
    ['with the name of the environment in another case', { server: named({ environment: 'Production' }) }],
    ['behind those of other jobs', { server: { deployments: [other('502'), ...(named().deployments ?? [])] } }],
    [
      'in a later attempt',
      { run: { runAttempt: '2' }, server: { jobs: [on('runner-2'), on('runner-1', { attempt: 2 })] } },
    ],
    [
      'on a hosted runner whose number is apart from its name',
      { server: { jobs: [on('GitHub Actions')] }, request: { job: { ...hostedJob, runnerName: 'GitHub-Actions-4' } } },
    ],
  ])('%s', async (_, given: Parameters<typeof prove>[0]) => {
    const { outcome } = await prove(given);
    expect(outcome).toMatchObject({ job: 'deployment', attempt: Number(given.run?.runAttempt ?? '1') });
  });

  it('that GitHub shows only a moment after the job began', async () => {
    const { outcome, waited } = await prove({ server: { deployments: [] }, during: () => named() });
    expect(outcome).toMatchObject({ job: 'deployment' });
    expect(waited).toEqual([2_000]);
  });

  it.each<[string, Partial<GitHubOptions>, Partial<CiRun>?]>([
    ['there is none', { deployments: [] }],
    ['it is of another job', { deployments: [other('502')] }],
    ['it is of a job whose number begins with this one', { deployments: [other('5011')] }],
    ['it is of another run', named({ logUrl: jobPage('octo/shop', '8') })],
    ['it is of another repository', named({ logUrl: jobPage('octo/other', '7') })],
    ['it is on another host', named({ logUrl: page.replace('github.com', 'github.com.example.com') })],
    ['it is to another environment', named({ environment: 'staging' })],
    ['another app made it', named({ app: 'someone' })],
    ['the job is on another runner', { jobs: [on('runner-2')] }],
    ['the job is of an earlier attempt', { jobs: [on('runner-1', { attempt: 1 })] }, { runAttempt: '2' }],
    ['the job is over', { jobs: [on('runner-1', { status: 'completed' })] }],
    ['two jobs claim the runner', { jobs: [on('runner-1'), on('runner-1', { id: 502 })] }],
  ])('not when %s', async (_, server, changes = {}) => {
    const { outcome, waited } = await prove({ server, run: changes });
    expect(outcome).toMatchObject({ code: 'approval', hint: expect.stringContaining('id-token: write') });
    expect(waited).toEqual([2_000, 5_000, 10_000]);
  });

  it('not without the permission, which is named', async () => {
    const { outcome } = await prove({ server: { mayReadDeployments: false } });
    expect(outcome).toMatchObject({
      ...{ code: 'approval', status: 403, message: expect.stringContaining('403') },
      hint: expect.stringMatching(/deployments: read`, or better `id-token: write`/),
    });
  });
});

describe('the job is proved by its ID token', () => {
  const claims = { repository: 'octo/shop', run_id: '7', run_attempt: '1' };

  it('without a look at deployments', async () => {
    const { outcome, requests } = await prove({ hasIdToken: true, server: { claims } });
    expect(outcome).toMatchObject({ job: 'id-token', attempt: 1 });
    expect(requests.filter(each => each.includes('token'))).toEqual([
      'GET /idtoken',
      'GET /_services/token/.well-known/jwks',
    ]);
    expect(requests.filter(each => each.includes('deployments'))).toEqual([]);
  });

  it.each<[string, Partial<GitHubOptions>, RegExp]>([
    ['it names no environment', { claims: { ...claims, environment: undefined } }, /runs in no environment/],
    ['it names another environment', { claims: { ...claims, environment: 'staging' } }, /runs in environment staging/],
    ['it is of another repository', { claims: { ...claims, repository: 'octo/other' } }, /of another repository/],
    ['it is of another run', { claims: { ...claims, run_id: '8' } }, /of another run/],
    ['it is of another attempt', { claims: { ...claims, run_attempt: '2' } }, /another attempt/],
    ['it is for another service', { claims: { ...claims, aud: 'sts.example.com' } }, /another audience/],
    ['it has expired', { claims: { ...claims, exp: 1 } }, /expired/],
    ['it never expires', { claims: { ...claims, exp: undefined } }, /expired/],
    ['it is of the future', { claims: { ...claims, nbf: 4_000_000_000 } }, /not valid yet/],
    ['it is of another issuer', { claims: { ...claims, iss: 'https://example.com' } }, /not of the issuer/],
    ['another key signed it', { claims, signedBy: 'stranger' }, /signature is wrong/],
  ])('not when %s', async (_, server, message) => {
    const { outcome } = await prove({ hasIdToken: true, server });
    expect(outcome).toMatchObject({ code: 'approval', message: expect.stringMatching(message) });
  });

  it('not when the service refuses, whatever the deployments say', async () => {
    const issuer = await startGitHub(approved);
    const idToken = { url: `${issuer.url}/idtoken`, token: 'not-the-one' };
    const { outcome } = await prove({ request: { job: { ...hostedJob, idToken } } });
    await issuer.close();
    expect(outcome).toMatchObject({ code: 'approval', message: expect.stringContaining('GitHub answered 401') });
    expect(inspect(outcome, { depth: null, showHidden: true })).not.toContain('not-the-one');
  });
});

it('a run that is cancelled during a request to GitHub ends as cancelled', async () => {
  const { outcome } = await prove({ request: { signal: AbortSignal.abort() } });
  expect(outcome).toMatchObject({ code: 'cancelled' });
});
