import { retryAfterSeconds } from '../registry/answer.js';

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

/** Result of one request to GitHub; never contains a token. */
export type GitHubAnswer =
  | { readonly kind: 'ok'; readonly data: unknown }
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly message: string;
      /** The token has sent too many requests. Absent: that is not the reason. */
      readonly rateLimit?: {
        /** Milliseconds until GitHub accepts requests again. */
        readonly waitMs: number;
      };
    }
  | { readonly kind: 'unreachable'; readonly reason: string };

export const requestTimeoutMs = 10_000;
const timeoutReason = `no answer within ${requestTimeoutMs / 1000} s`;
/** GitHub's rule for answers that do not say how long to wait. */
const rateLimitWaitMs = 60_000;

/** GET of a resource of the repository, such as `/environments/{environment_name}`. */
export async function getResource(
  access: GitHubAccess,
  path: string,
  parameters: Readonly<Record<string, string | number>> = {},
): Promise<GitHubAnswer> {
  const { apiUrl, token, owner, repo, signal } = access;
  // Loaded on demand: on import it reads the event file and the proxy settings, which most steps do not need.
  const { getOctokit } = await import('@actions/github');
  const octokit = getOctokit(token, { baseUrl: apiUrl.replace(/\/+$/, '') });
  try {
    const { data } = (await octokit.request(`GET /repos/{owner}/{repo}${path}`, {
      ...{ owner, repo, ...parameters },
      request: { signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]) },
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
    readonly response?: { readonly headers: Headers; readonly data: unknown };
    readonly message?: string;
  };
  // A proxy may quote the request with its token.
  const redact = (text: string): string => text.replaceAll(token, '***');
  if (status === undefined || response === undefined) {
    const reason = networkReason(thrown) ?? message ?? 'no answer';
    return { kind: 'unreachable', reason: redact(`${apiUrl}: ${reason}`) };
  }
  const { message: apiMessage } = Object(response.data) as { message?: unknown };
  const text = typeof apiMessage === 'string' ? apiMessage : `status ${status}`;
  const rateLimit = rateLimitOf({ status, headers: response.headers, text });
  return { kind: 'refused', status, message: redact(text), ...(rateLimit !== undefined && { rateLimit }) };
}

type Headers = Readonly<Record<string, string | number | undefined>>;

/** By the headers; GitHub marks some secondary rate limits by their message alone. */
function rateLimitOf(answer: { readonly status: number; readonly headers: Headers; readonly text: string }) {
  const { status, headers, text } = answer;
  if (status !== 403 && status !== 429) return undefined;
  const now = Date.now();
  const { 'retry-after': retryAfter, 'x-ratelimit-remaining': remaining, 'x-ratelimit-reset': reset } = headers;
  if (retryAfter !== undefined) return { waitMs: retryAfterSeconds(String(retryAfter), now) * 1000 };
  if (String(remaining) === '0') {
    const resetMs = Number(reset) * 1000;
    return { waitMs: Number.isFinite(resetMs) ? Math.max(0, resetMs - now) : rateLimitWaitMs };
  }
  return status === 429 || /secondary rate limit/i.test(text) ? { waitMs: rateLimitWaitMs } : undefined;
}

/** The system error code (`ECONNREFUSED`) in a chain of causes, or the time limit. `undefined`: neither. */
export function networkReason(cause: unknown): string | undefined {
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
