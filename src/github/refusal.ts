import type { GitHubAnswer } from './rest.js';

/** Why an approval is not proved, and what to change. */
export interface NotProved {
  readonly proved: false;
  readonly message: string;
  readonly hint: string;
  /** HTTP status that is the reason. Absent: none. */
  readonly status?: number;
}

export function notProved(reason: Omit<NotProved, 'proved'>): NotProved {
  return { proved: false, ...reason };
}

/** For answers of another shape than GitHub documents. `what`: what was read. */
export function unclear(what: string): NotProved {
  return notProved({
    message: `GitHub's answer about ${what} cannot be understood`,
    hint: 'Check GITHUB_API_URL, and that this GitHub has environments; see https://www.githubstatus.com.',
  });
}

/** What GitHub was asked for. */
export interface Asked {
  /** `owner/name`. */
  readonly repository: string;
  /** Permissions that the request needs, such as `actions: read`. */
  readonly permission: string;
}

/** Explains an answer that is not `ok`. */
export function explainFailure(answer: Exclude<GitHubAnswer, { kind: 'ok' }>, asked: Asked): NotProved {
  if (answer.kind === 'unreachable') {
    return notProved({
      message: `GitHub cannot be reached at ${answer.reason}`,
      hint: "Check the runner's connection to GitHub (proxy, firewall, GITHUB_API_URL), then run this job again.",
    });
  }
  const { status, message, rateLimit } = answer;
  return notProved({
    message: `GitHub answered ${status} "${message}"`,
    hint: hintOf(status, rateLimit, asked),
    status,
  });
}

function hintOf(status: number, rateLimit: object | undefined, { repository, permission }: Asked): string {
  if (rateLimit !== undefined) return 'The rate limit of this token is exceeded: run this job again later.';
  switch (status) {
    case 401:
      return 'The token is invalid or has expired: use the default of input `token`, or renew it.';
    case 403:
    case 404:
      return `The token has no permission to read this of ${repository}: give the job \`permissions: ${permission}\` (permissions that are not listed are removed), or use a token with that repository permission.`;
    default:
      return 'See https://www.githubstatus.com, then run this job again.';
  }
}
