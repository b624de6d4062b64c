import { setTimeout as delay } from 'node:timers/promises';
import type { ImageReference } from '../inputs/parse/image-reference.js';
import { basicCredentials, type RegistryLogin } from '../inputs/parse/registry.js';
import { isLoopback, manifestUrl } from './address.js';
import { judge, retryAfterSeconds, type Answer, type Verdict } from './answer.js';
import { parseChallenge } from './challenge.js';
import type { Ask, Send } from './http.js';

/** What asking one registry needs. */
export interface RegistryAccess {
  readonly send: Send;
  /** Absent: nobody in particular asks. */
  readonly login?: RegistryLogin;
  /** Ends all that is under way. */
  readonly signal: AbortSignal;
  /** For all images together. Default 10 000. */
  readonly timeoutMs?: number;
}

/** Every form in which a manifest can be kept: a registry says 404 of one that it may not send. */
const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
].join(', ');
const mostTries = 3;

/** Why a registry could not be asked to the end. */
class Obstacle extends Error {}

/** A verdict for each reference, in their order. Where the first finds nobody, the others are not asked. Never rejects. */
export async function askRegistry(
  references: readonly ImageReference[],
  access: RegistryAccess,
): Promise<readonly Verdict[]> {
  const { timeoutMs = 10_000 } = access;
  const until = Date.now() + timeoutMs;
  const inTime = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([access.signal, inTime]);
  const registry = new Registry({ ...access, signal }, until);
  const words = (thrown: unknown): string =>
    inTime.aborted ? `no answer within ${timeoutMs / 1000} s` : describe(thrown);
  const ask = (reference: ImageReference): Promise<Verdict> =>
    registry.presence(reference).catch((thrown: unknown) => ({ kind: 'unknown', said: words(thrown) }));
  const [first, ...others] = references;
  if (first === undefined) return [];
  let verdict: Verdict;
  try {
    verdict = await registry.presence(first);
  } catch (thrown) {
    verdict = { kind: 'unknown', said: words(thrown) };
    // No connection for one is none for all.
    if (!(thrown instanceof Obstacle)) return references.map(() => verdict);
  }
  return [verdict, ...(await Promise.all(others.map(ask)))];
}

/** What the network or this room threw, without what a server may have written. */
function describe(thrown: unknown): string {
  const { code, message } = Object(thrown) as { readonly code?: unknown; readonly message?: unknown };
  if (thrown instanceof Obstacle) return thrown.message;
  return `it cannot be reached (${typeof code === 'string' ? code : String(message)})`;
}

class Registry {
  readonly #tokens = new Map<string, Promise<string>>();

  constructor(
    private readonly access: RegistryAccess,
    private readonly until: number,
  ) {}

  async presence(reference: ImageReference): Promise<Verdict> {
    const { login } = this.access;
    const url = manifestUrl(reference);
    const known = await this.#tokens.get(reference.path);
    let authorization = known;
    const ask = (method: Ask['method']): Promise<Answer> =>
      this.#send(method, url, { accept, ...(authorization !== undefined && { authorization }) });
    let answer = await ask('HEAD');
    if (answer.status === 401 && known === undefined) {
      authorization = await this.#authorization(reference, answer);
      answer = await ask('HEAD');
    }
    // Only the body tells what is unknown, and HEAD has none.
    if (answer.status === 404) answer = await ask('GET');
    return judge(answer, login === undefined ? 'none' : 'given');
  }

  /** One token does for all images of a repository. */
  #authorization({ path }: ImageReference, answer: Answer): Promise<string> {
    const asked = this.#tokens.get(path) ?? this.#authorize(path, answer);
    this.#tokens.set(path, asked);
    return asked;
  }

  async #authorize(path: string, answer: Answer): Promise<string> {
    const { login } = this.access;
    const basic = login === undefined ? undefined : `Basic ${basicCredentials(login)}`;
    const challenge = parseChallenge(answer.headers['www-authenticate']);
    if (challenge === undefined) throw new Obstacle('it wants a login of a kind that is not known here');
    if (challenge.scheme === 'basic') {
      if (basic === undefined) throw new Obstacle('it wants a login');
      return basic;
    }
    const { realm, service, scope = `repository:${path}:pull` } = challenge;
    if (basic !== undefined && realm.protocol === 'http:' && !isLoopback(realm.host)) {
      throw new Obstacle(`its token service ${realm.host} would be shown the password over plain http`);
    }
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set('service', service);
    for (const each of scope.split(' ')) url.searchParams.append('scope', each);
    const granted = await this.#send('GET', url, basic === undefined ? {} : { authorization: basic });
    const token = granted.status === 200 ? tokenIn(granted.body) : undefined;
    if (token !== undefined) return `Bearer ${token}`;
    const whom = login === undefined ? 'nobody in particular' : 'the login that it was shown';
    throw new Obstacle(`its token service ${realm.host} gives ${whom} no token (${granted.status})`);
  }

  /** Sends, and sends again when the registry asks to come back later and that is in time. */
  async #send(method: Ask['method'], url: URL, headers: Ask['headers']): Promise<Answer> {
    const { send, signal } = this.access;
    for (let tries = 1; ; tries += 1) {
      const answer = await send({ method, url, headers, signal });
      const waitMs = retryAfterSeconds(answer.headers['retry-after'], Date.now()) * 1000;
      if (answer.status !== 429 || tries === mostTries || Date.now() + waitMs > this.until) return answer;
      await delay(waitMs, undefined, { signal });
    }
  }
}

function tokenIn(body: string): string | undefined {
  try {
    const { token, access_token: other } = JSON.parse(body) as {
      readonly token?: unknown;
      readonly access_token?: unknown;
    };
    const found = token ?? other;
    return typeof found === 'string' && found !== '' ? found : undefined;
  } catch {
    return undefined;
  }
}
