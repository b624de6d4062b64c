import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An environment of the repository's settings. */
export interface FakeEnvironment {
  /** Logins of the required reviewers. Absent: the environment has no such rule. */
  readonly reviewers?: readonly string[];
}

/** A review of a run. */
export interface FakeReview {
  readonly environments: readonly string[];
  readonly state: 'approved' | 'rejected' | 'pending';
  readonly by: string;
  /** Default: empty. */
  readonly comment?: string;
}

export interface GitHubOptions {
  /** The only token that the server accepts. */
  readonly token: string;
  /** Default `octo/shop`. */
  readonly repository?: string;
  readonly environments?: Readonly<Record<string, FakeEnvironment>>;
  /** Reviews by run id. Any other run exists and has no review. */
  readonly approvals?: Readonly<Record<string, readonly FakeReview[]>>;
  /** False: the token lacks `actions: read`, and every request is answered 403. Default true. */
  readonly mayReadActions?: boolean;
  /** Answers to the first requests: a status, or `reset` for a cut connection. Default: none. */
  readonly faults?: readonly (number | 'reset' | 'rate-limit')[];
}

export interface GitHubServer {
  /** The value of GITHUB_API_URL. */
  readonly url: string;
  /** The requests in order, such as `GET /repos/octo/shop/environments/production`. */
  readonly requests: readonly string[];
  /** Changes the answers from now on. */
  set(changes: Partial<GitHubOptions>): void;
  close(): Promise<void>;
}

/** A GitHub API on 127.0.0.1: the endpoints that prove an approval, with GitHub's own error answers. */
export async function startGitHub(initial: GitHubOptions): Promise<GitHubServer> {
  let options = initial;
  let faults = [...(initial.faults ?? [])];
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    requests.push(`${request.method} ${pathname}`);
    const fault = faults.shift();
    if (fault === 'reset') request.socket.destroy();
    else if (fault === 'rate-limit') {
      response.setHeader('x-ratelimit-remaining', '0');
      send(response, 403, { message: 'API rate limit exceeded for installation.' });
    } else if (fault !== undefined) send(response, fault, { message: 'Server Error' });
    else if (request.headers.authorization !== `token ${options.token}`) {
      send(response, 401, { message: 'Bad credentials' });
    } else answer(response, decodeURIComponent(pathname), options);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
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

function answer(response: ServerResponse, path: string, options: GitHubOptions): void {
  const { repository = 'octo/shop', environments = {}, approvals = {}, mayReadActions = true } = options;
  const base = `/repos/${repository}`;
  if (!path.startsWith(`${base}/`)) {
    send(response, 404, { message: 'Not Found' });
    return;
  }
  if (!mayReadActions) {
    send(response, 403, { message: 'Resource not accessible by integration' });
    return;
  }
  const environment = /^\/environments\/(.+)$/.exec(path.slice(base.length))?.[1];
  const run = /^\/actions\/runs\/(\d+)\/approvals$/.exec(path.slice(base.length))?.[1];
  // GitHub ignores the case of environment names.
  const name = Object.keys(environments).find(each => each.toLowerCase() === environment?.toLowerCase());
  const found = name === undefined ? undefined : environments[name];
  if (name !== undefined && found !== undefined) send(response, 200, environmentBody(name, found));
  else if (run !== undefined) send(response, 200, (approvals[run] ?? []).map(reviewBody));
  else send(response, 404, { message: 'Not Found' });
}

function environmentBody(name: string, { reviewers }: FakeEnvironment): object {
  const timer = { id: 1, type: 'wait_timer', wait_timer: 0 };
  const rule = {
    id: 2,
    type: 'required_reviewers',
    prevent_self_review: false,
    reviewers: reviewers?.map(login => ({ type: 'User', reviewer: { login } })),
  };
  return {
    id: 161,
    name,
    protection_rules: reviewers === undefined ? [timer] : [timer, rule],
    deployment_branch_policy: null,
  };
}

function reviewBody({ environments, state, by, comment = '' }: FakeReview): object {
  return { environments: environments.map(name => ({ id: 161, name })), state, user: { login: by }, comment };
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}
