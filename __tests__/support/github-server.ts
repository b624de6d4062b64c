import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerIdToken, idTokenEnvironment } from './id-tokens.js';

/** An environment of the repository's settings. */
export interface FakeEnvironment {
  /** Logins of the required reviewers. Absent: the environment has no such rule. `hidden`: the answer does not list them. */
  readonly reviewers?: readonly string[] | 'hidden';
}

/** A review of a run. */
export interface FakeReview {
  readonly environments: readonly string[];
  readonly state: 'approved' | 'rejected' | 'pending';
  readonly by: string;
  /** Default: empty. */
  readonly comment?: string;
  /** Type of the account. Default `User`. */
  readonly type?: string;
  /** Id of the environments. Default: the one that they have. */
  readonly id?: number;
}

/** A job of any run. */
export interface FakeJob {
  readonly id: number;
  readonly runner: string;
  /** Default 1. */
  readonly attempt?: number;
  /** Default `in_progress`. */
  readonly status?: string;
}

/** A deployment, with one status that links to a job. */
export interface FakeDeployment {
  readonly environment: string;
  /** Page of the job. */
  readonly logUrl: string;
  /** The app that made it. Default: GitHub Actions. */
  readonly app?: string;
}

export interface GitHubOptions {
  /** The only token that the server accepts. */
  readonly token: string;
  /** Default `octo/shop`. */
  readonly repository?: string;
  readonly environments?: Readonly<Record<string, FakeEnvironment>>;
  /** Reviews by run id. Any other run exists and has no review. */
  readonly approvals?: Readonly<Record<string, readonly FakeReview[]>>;
  /** Jobs in progress. Default: job 501 on `runner-1`, in any attempt. */
  readonly jobs?: readonly FakeJob[];
  /** Default: of each environment one, which names job 501 of the run that was asked for last. */
  readonly deployments?: readonly FakeDeployment[];
  /** Claims of the ID token that differ from those of run 1000 of `shop/website`. Default: none. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Whose key signs ID tokens: the issuer's (default), or another with the same name. */
  readonly signedBy?: 'issuer' | 'stranger';
  /** False: the token lacks `actions: read`, and every request is answered 403. Default true. */
  readonly mayReadActions?: boolean;
  /** False: the token lacks `deployments: read`. Default true. */
  readonly mayReadDeployments?: boolean;
  /** Answers to the first requests: a status, `reset` for a cut connection, or a rate limit. Default: none. */
  readonly faults?: readonly Fault[];
}

/** `rate-limit` lasts an hour. The others last 7 seconds. */
type Fault = number | 'reset' | 'rate-limit' | 'secondary-limit' | 'too-many-requests';

export interface GitHubServer {
  /** The value of GITHUB_API_URL. */
  readonly url: string;
  /** The requests in order, such as `GET /repos/octo/shop/environments/production`. */
  readonly requests: readonly string[];
  /** What a job with `id-token: write` has in its environment on this GitHub. */
  readonly idTokenEnvironment: Readonly<Record<string, string>>;
  /** Changes the answers from now on. */
  set(changes: Partial<GitHubOptions>): void;
  close(): Promise<void>;
}

/** A GitHub on 127.0.0.1: the endpoints that prove an approval, with GitHub's own error answers. */
export async function startGitHub(initial: GitHubOptions): Promise<GitHubServer> {
  let options = initial;
  let faults = [...(initial.faults ?? [])];
  let run = '';
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    requests.push(`${request.method} ${pathname}`);
    run = /\/actions\/runs\/(\d+)\//.exec(pathname)?.[1] ?? run;
    const fault = faults.shift();
    if (fault !== undefined) fail(fault, { request, response });
    else if (answerIdToken(request, response, options)) return;
    else if (request.headers.authorization !== `token ${options.token}`) {
      send(response, 401, { message: 'Bad credentials' });
    } else answer(response, decodeURIComponent(pathname), { ...options, run });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    requests,
    idTokenEnvironment: idTokenEnvironment(url),
    set: changes => {
      options = { ...options, ...changes };
      faults = [...(changes.faults ?? faults)];
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function fail(
  fault: Fault,
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
): void {
  if (fault === 'reset') request.socket.destroy();
  else if (typeof fault === 'number') send(response, fault, { message: 'Server Error' });
  else if (fault === 'rate-limit') {
    response.setHeader('x-ratelimit-remaining', '0');
    response.setHeader('x-ratelimit-reset', String(Math.round(Date.now() / 1000) + 3600));
    send(response, 403, { message: 'API rate limit exceeded for installation.' });
  } else {
    response.setHeader('retry-after', '7');
    const message = 'You have exceeded a secondary rate limit.';
    send(response, fault === 'secondary-limit' ? 403 : 429, { message });
  }
}

function answer(response: ServerResponse, path: string, options: GitHubOptions & { readonly run: string }): void {
  const { repository = 'octo/shop', environments = {}, approvals = {}, mayReadActions = true } = options;
  const { mayReadDeployments = true } = options;
  const base = `/repos/${repository}`;
  if (!path.startsWith(`${base}/`)) {
    send(response, 404, { message: 'Not Found' });
    return;
  }
  const resource = path.slice(base.length);
  if (!mayReadActions || (!mayReadDeployments && resource.startsWith('/deployments'))) {
    send(response, 403, { message: 'Resource not accessible by integration' });
    return;
  }
  const environment = /^\/environments\/(.+)$/.exec(resource)?.[1];
  const run = /^\/actions\/runs\/(\d+)\/approvals$/.exec(resource)?.[1];
  const attempt = /^\/actions\/runs\/\d+\/attempts\/(\d+)\/jobs$/.exec(resource)?.[1];
  const deployment = /^\/deployments\/(\d+)\/statuses$/.exec(resource)?.[1];
  // GitHub ignores the case of environment names.
  const name = Object.keys(environments).find(each => each.toLowerCase() === environment?.toLowerCase());
  const found = name === undefined ? undefined : environments[name];
  const deployments = deploymentsOf(options, repository);
  if (name !== undefined && found !== undefined) send(response, 200, environmentBody(name, found));
  else if (run !== undefined) send(response, 200, (approvals[run] ?? []).map(reviewBody));
  else if (attempt !== undefined) send(response, 200, jobsBody(options, Number(attempt)));
  else if (resource === '/deployments') send(response, 200, deployments.map(deploymentBody));
  else if (deployment !== undefined) send(response, 200, [deployments[Number(deployment)]].flatMap(statusBody));
  else send(response, 404, { message: 'Not Found' });
}

/** The page of job 501 of a run. */
export const jobPage = (repository: string, run: string): string =>
  `https://github.com/${repository}/actions/runs/${run}/job/501`;

function deploymentsOf(
  { deployments, environments = {}, run }: GitHubOptions & { readonly run: string },
  repository: string,
): readonly FakeDeployment[] {
  const logUrl = jobPage(repository, run);
  return deployments ?? Object.keys(environments).map(environment => ({ environment, logUrl }));
}

/** The id of the present environment of a name. */
function environmentId(name: string): number {
  return Buffer.from(name.toLowerCase()).readUIntBE(0, Math.min(6, name.length));
}

function environmentBody(name: string, { reviewers }: FakeEnvironment): object {
  const timer = { id: 1, type: 'wait_timer', wait_timer: 0 };
  const rule = {
    id: 2,
    type: 'required_reviewers',
    prevent_self_review: false,
    ...(reviewers !== 'hidden' && { reviewers: reviewers?.map(login => ({ type: 'User', reviewer: { login } })) }),
  };
  return {
    id: environmentId(name),
    name,
    protection_rules: reviewers === undefined ? [timer] : [timer, rule],
    deployment_branch_policy: null,
  };
}

function reviewBody({ environments, state, by, comment = '', type = 'User', id }: FakeReview): object {
  const named = environments.map(name => ({ id: id ?? environmentId(name), name }));
  return { environments: named, state, user: { login: by, type }, comment };
}

function jobsBody({ jobs }: GitHubOptions, attempt: number): object {
  const all = jobs ?? [{ id: 501, runner: 'runner-1', attempt }];
  const listed = all.filter(job => (job.attempt ?? 1) === attempt);
  const body = listed.map(({ id, runner, status = 'in_progress' }) => ({
    ...{ id, name: `job ${id}`, status, run_attempt: attempt, runner_id: 4, runner_name: runner },
  }));
  return { total_count: body.length, jobs: body };
}

const madeBy = (app = 'github-actions'): object => ({ performed_via_github_app: { slug: app } });

function deploymentBody({ environment, app }: FakeDeployment, id: number): object {
  return { id, environment, task: 'deploy', ...madeBy(app) };
}

function statusBody(deployment: FakeDeployment | undefined): readonly object[] {
  if (deployment === undefined) return [];
  const { environment, app, logUrl } = deployment;
  return [{ id: 1, state: 'in_progress', environment, log_url: logUrl, ...madeBy(app) }];
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}
