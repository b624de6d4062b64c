/** A run of a repository, as GitHub's REST API names it. */
export interface RunAddress {
  readonly owner: string;
  readonly repo: string;
  readonly runId: number;
}

/** How to ask, and as whom. */
export interface Way extends RunAddress {
  /** Base of the REST API. */
  readonly apiUrl: string;
  readonly token: string;
  readonly signal: AbortSignal;
}

/** What came of one question to GitHub; never holds the token. */
export type GitHubAnswer =
  | { readonly kind: 'ok'; readonly data: unknown }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string; readonly rateLimited: boolean }
  | { readonly kind: 'unreachable'; readonly reason: string };

const timeoutMs = 10_000;
const overdue = `no answer within ${timeoutMs / 1000} s`;

/** The environment with its protection rules. */
export async function readEnvironment(way: Way, environment: string): Promise<GitHubAnswer> {
  return await ask(way, 'GET /repos/{owner}/{repo}/environments/{environment_name}', { environment_name: environment });
}

/** The reviews that this run has received, of all its environments. */
export async function readApprovals(way: Way): Promise<GitHubAnswer> {
  return await ask(way, 'GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals', { run_id: way.runId });
}

async function ask(way: Way, route: string, parameters: Record<string, string | number>): Promise<GitHubAnswer> {
  const { apiUrl, token, owner, repo, signal } = way;
  // Loaded here, because on import it reads the runner's event file and proxy settings, which most steps never need.
  const { getOctokit } = await import('@actions/github');
  const octokit = getOctokit(token, { baseUrl: apiUrl.replace(/\/+$/, '') });
  try {
    const { data } = (await octokit.request(route, {
      ...{ owner, repo, ...parameters },
      request: { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) },
    })) as { data: unknown };
    return { kind: 'ok', data };
  } catch (thrown) {
    return explain(thrown, way);
  }
}

/** Octokit gives network errors status 500 without a response; only an answer has one. */
function explain(thrown: unknown, { apiUrl, token }: Way): GitHubAnswer {
  const { status, response, message } = thrown as {
    readonly status?: number;
    readonly response?: { readonly headers: Readonly<Record<string, string | undefined>>; readonly data: unknown };
    readonly message?: string;
  };
  // A proxy on the way may quote the request.
  const clean = (text: string): string => text.replaceAll(token, '***');
  if (status === undefined || response === undefined) {
    const reason = codeOf(thrown) ?? message ?? 'no answer';
    return { kind: 'unreachable', reason: clean(`${apiUrl}: ${reason}`) };
  }
  const { message: said } = (response.data ?? {}) as { message?: unknown };
  const rateLimited = status === 429 || (status === 403 && response.headers['x-ratelimit-remaining'] === '0');
  return { kind: 'refused', status, message: clean(typeof said === 'string' ? said : `status ${status}`), rateLimited };
}

/** The system's code (`ECONNREFUSED`) in a chain of causes. */
function codeOf(cause: unknown): string | undefined {
  let link = cause;
  while (typeof link === 'object' && link !== null) {
    const {
      code,
      name,
      cause: next,
    } = link as { readonly code?: unknown; readonly name?: unknown; readonly cause?: unknown };
    if (name === 'TimeoutError') return overdue;
    if (typeof code === 'string') return code;
    link = next;
  }
  return undefined;
}
