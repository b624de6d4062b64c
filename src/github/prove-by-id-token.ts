import type { IdTokenRequest } from '../inputs/inputs.js';
import { openHttp, type Send } from '../registry/http.js';
import { audience, claimsProblem, decodeIdToken, isSignedBy, trustedIssuer } from './id-token.js';
import type { JobToProve } from './job.js';
import { fieldOf } from './json.js';
import { notProved, type NotProved } from './refusal.js';
import { networkReason, requestTimeoutMs, type GitHubAnswer } from './rest.js';
import { withRetry, type Pace } from './retry.js';

/** How to reach the services that issue ID tokens and publish their keys. */
export interface IdTokenAccess extends Pace {
  readonly request: IdTokenRequest;
  /** With the proxy settings. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Why the ID token of the job does not prove that the job is of the environment; `undefined`: it does. */
export async function refuseByIdToken(wanted: JobToProve, access: IdTokenAccess): Promise<NotProved | undefined> {
  const http = openHttp(access.environment);
  try {
    return await verifyToken(wanted, access, http.send);
  } finally {
    http.close();
  }
}

async function verifyToken(wanted: JobToProve, access: IdTokenAccess, send: Send): Promise<NotProved | undefined> {
  const { request } = access;
  const read = (url: URL, headers: Readonly<Record<string, string>> = {}): Promise<GitHubAnswer> =>
    withRetry(() => getJson({ url, headers, signal: access.signal, send }), access);
  const address = new URL(request.url);
  address.searchParams.set('audience', audience);
  const issued = await read(address, { authorization: `Bearer ${request.token}` });
  if (issued.kind !== 'ok') return unavailable('the ID token of the job', issued);
  const token = decodeIdToken(fieldOf(issued.data, 'value'));
  if (token === undefined) return notVerified('it is no signed token');
  const issuer = trustedIssuer(token, wanted.job.serverUrl);
  if (issuer === undefined) return notVerified(`it is not of the issuer of ${wanted.job.serverUrl}`);
  const keys = await read(new URL(`${issuer}/.well-known/jwks`));
  if (keys.kind !== 'ok') return unavailable('the keys of its ID tokens', keys);
  if (!isSignedBy(token, keys.data)) return notVerified('its signature is wrong');
  return claimsProblem(token, wanted, Date.now());
}

function notVerified(why: string): NotProved {
  return notProved({
    message: `the ID token of the job cannot be verified: ${why}`,
    hint: 'Run this job again. On a runner of your own, check its variables GITHUB_SERVER_URL and ACTIONS_ID_TOKEN_REQUEST_URL.',
  });
}

function unavailable(what: string, answer: Exclude<GitHubAnswer, { kind: 'ok' }>): NotProved {
  const why = answer.kind === 'refused' ? `GitHub answered ${answer.status}` : answer.reason;
  return notProved({
    message: `GitHub did not return ${what}: ${why}`,
    hint: "Check the runner's connection to GitHub (proxy, firewall), then run this job again.",
    ...(answer.kind === 'refused' && { status: answer.status }),
  });
}

/** GET of JSON. The answer has no text of the server: it may quote the request with its token. */
async function getJson(request: Omit<Parameters<Send>[0], 'method'> & { readonly send: Send }): Promise<GitHubAnswer> {
  const { send, url, headers, signal } = request;
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]);
    // A GitHub Enterprise Server may be in the runner's own network.
    const mayBeInternal = (): Promise<boolean> => Promise.resolve(true);
    const { status, body } = await send({ method: 'GET', url, headers, signal: limited, mayBeInternal });
    if (status !== 200) return { kind: 'refused', status, message: `status ${status}` };
    return { kind: 'ok', data: JSON.parse(body) as unknown };
  } catch (thrown) {
    return { kind: 'unreachable', reason: `${url.host}: ${networkReason(thrown) ?? 'no answer in JSON'}` };
  }
}
