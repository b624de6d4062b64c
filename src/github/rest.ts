/** A run of a repository in the REST API of GitHub. */
export interface RunAddress {
  readonly owner: string;
  readonly repo: string;
  readonly runId: number;
}

/** Address and credentials of the REST API. */
export interface GitHubAccess extends RunAddress {
  /** Base URL of the REST API. */
  readonly apiUrl: string;
  readonly token: string;
  readonly signal: AbortSignal;
}

/** Result of one request to GitHub; never contains the token. */
export type GitHubAnswer =
  | { readonly kind: 'ok'; readonly data: unknown }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string; readonly rateLimited: boolean }
  | { readonly kind: 'unreachable'; readonly reason: string };

const timeoutMs = 10_000;
const timeoutReason = `no answer within ${timeoutMs / 1000} s`;

/** The environment with its protection rules. */
export async function readEnvironment(access: GitHubAccess, environment: string): Promise<GitHubAnswer> {
  return await get(access, 'GET /repos/{owner}/{repo}/environments/{environment_name}', {
    environment_name: environment,
  });
}

/** The reviews of this run, for all its environments. */
export async function readApprovals(access: GitHubAccess): Promise<GitHubAnswer> {
  return await get(access, 'GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals', { run_id: access.runId });
}

async function get(
  access: GitHubAccess,
  route: string,
  parameters: Record<string, string | number>,
): Promise<GitHubAnswer> {
  const { apiUrl, token, owner, repo, signal } = access;
  // Loaded on demand: on import it reads the event file and the proxy settings, which most steps do not need.
  const { getOctokit } = await import('@actions/github');
  const octokit = getOctokit(token, { baseUrl: apiUrl.replace(/\/+$/, '') });
  try {
    const { data } = (await octokit.request(route, {
      ...{ owner, repo, ...parameters },
      request: { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) },
    })) as { data: unknown };
    return { kind: 'ok', data };
  } catch (thrown) {
    return errorAnswer(thrown, access);
  }
}

/** In Octokit, network errors have status 500 and no response. */
function errorAnswer(thrown: unknown, { apiUrl, token }: GitHubAccess): GitHubAnswer {
  const { status, response, message } = thrown as {
    readonly status?: number;
    readonly response?: { readonly headers: Readonly<Record<string, string | undefined>>; readonly data: unknown };
    readonly message?: string;
  };
  // A proxy may quote the request with its token.
  const redact = (text: string): string => text.replaceAll(token, '***');
  if (status === undefined || response === undefined) {
    const reason = codeOf(thrown) ?? message ?? 'no answer';
    return { kind: 'unreachable', reason: redact(`${apiUrl}: ${reason}`) };
  }
  const { message: apiMessage } = (response.data ?? {}) as { message?: unknown };
  const rateLimited = status === 429 || (status === 403 && response.headers['x-ratelimit-remaining'] === '0');
  return {
    kind: 'refused',
    status,
    message: redact(typeof apiMessage === 'string' ? apiMessage : `status ${status}`),
    rateLimited,
  };
}

/** The system error code (`ECONNREFUSED`) in a chain of causes. */
function codeOf(cause: unknown): string | undefined {
  let current = cause;
  while (typeof current === 'object' && current !== null) {
    const {
      code,
      name,
      cause: next,
    } = current as { readonly code?: unknown; readonly name?: unknown; readonly cause?: unknown };
    if (name === 'TimeoutError') return timeoutReason;
    if (typeof code === 'string') return code;
    current = next;
  }
  return undefined;
}
