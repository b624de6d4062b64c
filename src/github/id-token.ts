import { createPublicKey, verify } from 'node:crypto';
import { fieldOf, isJsonObject, isNamed, objectsOf, type JsonObject } from './json.js';
import { addEnvironment, type JobToProve } from './job.js';
import { notProved, type NotProved } from './refusal.js';

/** The audience of the tokens that Cutover asks for: no other service accepts them. */
export const audience = 'cutover';

/** Difference that the clocks of GitHub and of the runner may have. */
const clockSkewMs = 5 * 60_000;

/** A signed JSON Web Token, decoded. Nothing in it is true before its signature is verified. */
export interface IdToken {
  readonly header: JsonObject;
  readonly claims: JsonObject;
  readonly signed: string;
  readonly signature: Buffer;
}

/** `undefined`: the text is no signed JSON Web Token. */
export function decodeIdToken(text: unknown): IdToken | undefined {
  if (typeof text !== 'string' || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) return undefined;
  const [header = '', claims = '', signature = ''] = text.split('.');
  const [decodedHeader, decodedClaims] = [header, claims].map(parse);
  if (!isJsonObject(decodedHeader) || !isJsonObject(decodedClaims)) return undefined;
  return {
    header: decodedHeader,
    claims: decodedClaims,
    signed: `${header}.${claims}`,
    signature: Buffer.from(signature, 'base64url'),
  };
}

function parse(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

/**
 * The address of the issuer, where its keys are. `undefined`: the token is of another issuer than that of this GitHub, so
 * nobody is asked for its keys.
 */
export function trustedIssuer({ claims }: IdToken, serverUrl: string): string | undefined {
  const issuer = fieldOf(claims, 'iss');
  const { protocol, host } = new URL(serverUrl);
  let trusted = `${serverUrl}/_services/token`;
  if (protocol === 'https:' && host === 'github.com') trusted = 'https://token.actions.githubusercontent.com';
  if (protocol === 'https:' && host.endsWith('.ghe.com')) trusted = `https://token.actions.${host}`;
  if (issuer === trusted) return trusted;
  // An enterprise may have an issuer of its own, which has its name as the path.
  return typeof issuer === 'string' &&
    issuer.startsWith(`${trusted}/`) &&
    /^[\w-]+$/.test(issuer.slice(trusted.length + 1))
    ? issuer
    : undefined;
}

/** Whether one of the issuer's keys signed the token. `keys`: a JSON Web Key Set. */
export function isSignedBy({ header, signed, signature }: IdToken, keys: unknown): boolean {
  if (fieldOf(header, 'alg') !== 'RS256') return false;
  const key = objectsOf(fieldOf(keys, 'keys'))?.find(each => {
    return fieldOf(each, 'kty') === 'RSA' && fieldOf(each, 'kid') === fieldOf(header, 'kid');
  });
  if (key === undefined) return false;
  try {
    return verify('RSA-SHA256', Buffer.from(signed), createPublicKey({ key, format: 'jwk' }), signature);
  } catch {
    return false;
  }
}

/** Why a verified token does not prove the job; `undefined`: it does. `now`: milliseconds since 1970. */
export function claimsProblem({ claims }: IdToken, wanted: JobToProve, now: number): NotProved | undefined {
  const { environment, run } = wanted;
  const claim = (name: string): unknown => fieldOf(claims, name);
  const time = (name: string): number => Number(claim(name) ?? Number.NaN) * 1000;
  const wrong = (what: string): NotProved =>
    notProved({
      message: `the ID token of the job is ${what}`,
      hint: 'Run this job again. On a runner of your own, check its clock and the variables GITHUB_* and ACTIONS_*.',
    });
  if (claim('aud') !== audience) return wrong('for another audience');
  if (!(time('exp') > now - clockSkewMs)) return wrong('expired');
  if (claim('nbf') !== undefined && !(time('nbf') < now + clockSkewMs)) return wrong('not valid yet');
  if (!isNamed(claim('repository'), run.repository)) return wrong('of another repository');
  if (String(claim('run_id')) !== run.runId) return wrong('of another run');
  if (String(claim('run_attempt')) !== run.runAttempt) return wrong('of another attempt of this run');
  if (isNamed(claim('environment'), environment)) return undefined;
  const actual = claim('environment');
  return notProved({
    message:
      typeof actual === 'string' && actual !== ''
        ? `job ${run.job} runs in environment ${actual}`
        : `job ${run.job} runs in no environment`,
    hint: addEnvironment(wanted),
  });
}
