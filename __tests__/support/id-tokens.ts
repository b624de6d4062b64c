import { generateKeyPairSync, sign, type KeyPairKeyObjectResult } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What the issuer of ID tokens does. */
interface IssuerOptions {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly signedBy?: 'issuer' | 'stranger';
}

const requestToken = 'token-to-ask-for-id-tokens';
const keyId = 'key-1';
const keysPath = '/_services/token/.well-known/jwks';

/** The variables of a job with `id-token: write`. The issuer is that of a GitHub Enterprise Server at `url`. */
export function idTokenEnvironment(url: string): Readonly<Record<string, string>> {
  return {
    GITHUB_SERVER_URL: url,
    ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/idtoken?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
  };
}

/** Answers requests for an ID token, or for the issuer's keys. False: the request is another one. */
export function answerIdToken(request: IncomingMessage, response: ServerResponse, options: IssuerOptions): boolean {
  const url = new URL(request.url ?? '/', `http://${request.headers.host ?? ''}`);
  if (url.pathname === keysPath) {
    const jwk = keyOf('issuer').publicKey.export({ format: 'jwk' });
    response.end(JSON.stringify({ keys: [{ ...jwk, kid: keyId, alg: 'RS256', use: 'sig' }] }));
    return true;
  }
  if (url.pathname !== '/idtoken') return false;
  if (request.headers.authorization === `Bearer ${requestToken}`) {
    const value = idToken({ iss: `${url.origin}/_services/token`, aud: url.searchParams.get('audience') }, options);
    response.end(JSON.stringify({ value }));
  } else response.writeHead(401).end('{}');
  return true;
}

/** A signed token of run 1000 of `shop/website`. */
function idToken(given: Readonly<Record<string, unknown>>, { claims, signedBy = 'issuer' }: IssuerOptions): string {
  const now = Math.round(Date.now() / 1000);
  const all = {
    ...given,
    ...{ repository: 'shop/website', run_id: '1000', run_attempt: '1', environment: 'production' },
    ...{ nbf: now - 10, iat: now, exp: now + 300 },
    ...claims,
  };
  const parts = [{ alg: 'RS256', typ: 'JWT', kid: keyId }, all];
  const signed = parts.map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = sign('RSA-SHA256', Buffer.from(signed), keyOf(signedBy).privateKey);
  return `${signed}.${signature.toString('base64url')}`;
}

const keys = new Map<string, KeyPairKeyObjectResult>();

/** Made when it is first needed. */
function keyOf(owner: string): KeyPairKeyObjectResult {
  const key = keys.get(owner) ?? generateKeyPairSync('rsa', { modulusLength: 2048 });
  keys.set(owner, key);
  return key;
}
