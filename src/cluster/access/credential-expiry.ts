import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isFields, textAt } from '../../kubernetes/fields.js';
import type { KubeconfigContext } from './kubeconfig.js';

/** When credentials end that nothing on the runner can refresh. */
export interface CredentialExpiry {
  readonly what: 'client certificate' | 'token';
  /** Where they are from, in words: `input kubeconfig`, the path of a file. */
  readonly source: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

/** A longer token is none that is worth a look. */
const longestToken = 64 * 1024;

/**
 * The earliest expiry of the credentials of a context, as far as they tell it; `undefined`: they do not, or they can be refreshed, as
 * those of an exec plugin and a token that is read from a file. Nothing is proved by it, and no text of them is kept.
 */
export function expiryOf({ user, source }: KubeconfigContext): CredentialExpiry | undefined {
  const certificate = certificateOf(user);
  // A token from a file is read again, and takes the place of one in the kubeconfig.
  const token = user['tokenFile'] === undefined ? textAt(user, ['token']) : undefined;
  const found = [
    { what: 'client certificate' as const, source, atMs: certificate && endOfCertificate(certificate) },
    { what: 'token' as const, source, atMs: token && endOfToken(token.trim()) },
  ];
  const known = found.flatMap(({ atMs, ...rest }) => (typeof atMs === 'number' ? [{ ...rest, atMs }] : []));
  return known.sort((one, other) => one.atMs - other.atMs)[0];
}

/** The certificate as PEM; `undefined`: there is none, or it cannot be read, which the first request tells. */
function certificateOf(user: KubeconfigContext['user']): Buffer | undefined {
  const data = textAt(user, ['client-certificate-data']);
  if (data !== undefined && data !== '') return Buffer.from(data, 'base64');
  const file = textAt(user, ['client-certificate']);
  if (file === undefined || file === '') return undefined;
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

function endOfCertificate(pem: Buffer): number | undefined {
  try {
    const ms = Date.parse(new X509Certificate(pem).validTo);
    return Number.isNaN(ms) ? undefined : ms;
  } catch {
    // What is wrong with it is told where it is used.
    return undefined;
  }
}

/** `exp` of a JSON Web Token, unproved; `undefined`: it has none, or is no such token. */
function endOfToken(token: string): number | undefined {
  if (token.length > longestToken) return undefined;
  const [, payload] = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(token) ?? [];
  if (payload === undefined) return undefined;
  let claims: unknown;
  try {
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
  const seconds = isFields(claims) && Object.hasOwn(claims, 'exp') ? claims['exp'] : undefined;
  if (typeof seconds !== 'number' || !(seconds > 0)) return undefined;
  return Number.isNaN(new Date(seconds * 1000).getTime()) ? undefined : seconds * 1000;
}
