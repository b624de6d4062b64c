import { setTimeout as delay } from 'node:timers/promises';
import type { ImageReference } from '../inputs/parse/image-reference.js';
import { basicCredentials, type RegistryLogin } from '../inputs/parse/registry.js';
import type { Log } from '../log.js';
import { isLoopback, manifestUrl } from './address.js';
import { imageStatus, retryAfterSeconds, type RegistryAnswer, type ImageStatus } from './answer.js';
import { parseChallenge } from './challenge.js';
import { isSameOwner, namesInternal } from './destination.js';
import type { Http, RegistryRequest } from './http.js';

/** What {@link askRegistry} needs. */
export interface RegistryAccess extends Pick<Http, 'send' | 'isReachedInside'> {
  /** Absent: anonymous access. */
  readonly login?: RegistryLogin;
  /** Ends all requests. */
  readonly signal: AbortSignal;
  /** Limit for all images together. Default 10 000. */
  readonly timeoutMs?: number;
  readonly log: Log;
}

/** All media types of manifests: a registry answers 404 where the stored type is not accepted. */
const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
].join(', ');
const maxAttempts = 3;

/** The registry cannot be accessed; the message has the reason. */
class RegistryAccessError extends Error {}

/** The status of each image, in order. If the registry cannot be reached for the first one, no others are requested. Never rejects. */
export async function askRegistry(
  references: readonly ImageReference[],
  access: RegistryAccess,
): Promise<readonly ImageStatus[]> {
  const { timeoutMs = 10_000 } = access;
  const deadline = Date.now() + timeoutMs;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([access.signal, timeout]);
  const [first, ...others] = references;
  if (first === undefined) return [];
  let internal: Promise<boolean> | undefined;
  const url = manifestUrl(first);
  const mayBeInternal = (): Promise<boolean> => (internal ??= access.isReachedInside(url));
  const registry = new RegistryClient({ ...access, signal }, deadline, { mayBeInternal, registry: url.hostname });
  const reasonOf = (thrown: unknown): string =>
    timeout.aborted ? `no answer within ${timeoutMs / 1000} s` : describeFailure(thrown);
  const ask = (reference: ImageReference): Promise<ImageStatus> =>
    registry.checkImage(reference).catch((thrown: unknown) => ({ kind: 'unknown', reason: reasonOf(thrown) }));
  let firstStatus: ImageStatus;
  try {
    firstStatus = await registry.checkImage(first);
  } catch (thrown) {
    firstStatus = { kind: 'unknown', reason: reasonOf(thrown) };
    // Without a connection, the other requests would fail too.
    if (!(thrown instanceof RegistryAccessError)) return references.map(() => firstStatus);
  }
  return [firstStatus, ...(await Promise.all(others.map(ask)))];
}

/** The reason of a failure, without text of the server. */
function describeFailure(thrown: unknown): string {
  const { code, message } = Object(thrown) as { readonly code?: unknown; readonly message?: unknown };
  if (thrown instanceof RegistryAccessError) return thrown.message;
  return `it cannot be reached (${typeof code === 'string' ? code : String(message)})`;
}

class RegistryClient {
  readonly #tokens = new Map<string, Promise<string>>();
  /** Hosts of others that the log has named. */
  readonly #named = new Set<string>();

  constructor(
    private readonly access: RegistryAccess,
    private readonly deadline: number,
    private readonly place: Required<Pick<RegistryRequest, 'mayBeInternal' | 'registry'>>,
  ) {}

  async checkImage(reference: ImageReference): Promise<ImageStatus> {
    const { login } = this.access;
    const url = manifestUrl(reference);
    const cachedToken = await this.#tokens.get(reference.path);
    let authorization = cachedToken;
    const ask = (method: RegistryRequest['method']): Promise<RegistryAnswer> =>
      this.#send(method, url, { accept, ...(authorization !== undefined && { authorization }) });
    let answer = await ask('HEAD');
    if (answer.status === 401 && cachedToken === undefined) {
      authorization = await this.#authorization(reference, answer);
      answer = await ask('HEAD');
    }
    // The body has the error code, and HEAD has no body.
    if (answer.status === 404) answer = await ask('GET');
    return imageStatus(answer, login === undefined ? 'none' : 'sent');
  }

  /** One token is valid for all images of a repository. */
  #authorization(reference: ImageReference, answer: RegistryAnswer): Promise<string> {
    const pending = this.#tokens.get(reference.path) ?? this.#authorize(reference, answer);
    this.#tokens.set(reference.path, pending);
    return pending;
  }

  async #authorize(reference: ImageReference, answer: RegistryAnswer): Promise<string> {
    const { login } = this.access;
    const challenge = parseChallenge(answer.headers['www-authenticate']);
    if (challenge === undefined) throw new RegistryAccessError('it requires an unsupported type of login');
    const basic = login === undefined ? undefined : `Basic ${basicCredentials(login)}`;
    if (challenge.scheme === 'basic') {
      if (basic === undefined) throw new RegistryAccessError('it requires a login');
      return basic;
    }
    const { realm, service, scope = `repository:${reference.path}:pull` } = challenge;
    const isOwn = await this.#admit(realm, manifestUrl(reference));
    const sent = isOwn ? basic : undefined;
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set('service', service);
    for (const part of scope.split(' ')) url.searchParams.append('scope', part);
    const tokenAnswer = await this.#send('GET', url, sent === undefined ? {} : { authorization: sent });
    const token = tokenAnswer.status === 200 ? tokenIn(tokenAnswer.body) : undefined;
    if (token !== undefined) return `Bearer ${token}`;
    const recipient = sent === undefined ? 'anonymous users' : 'the login';
    const withheld = basic !== undefined && !isOwn ? '; it is of another domain and is not sent the login' : '';
    throw new RegistryAccessError(
      `its token service ${realm.host} issues no token for ${recipient} (${tokenAnswer.status})${withheld}`,
    );
  }

  /**
   * Whether the token service is of the registry itself; the log names one of others. Throws for one that the runner must not
   * ask.
   */
  async #admit(realm: URL, registry: URL): Promise<boolean> {
    const { login, log } = this.access;
    if (namesInternal(realm) && !(await this.place.mayBeInternal())) {
      throw new RegistryAccessError(
        `its token service would be ${realm.host}, an address of the runner's own network, which is not asked`,
      );
    }
    const isOwn = isSameOwner(registry, realm);
    if (!isOwn && !this.#named.has(realm.host)) {
      this.#named.add(realm.host);
      log.info(`${registry.host} has its tokens issued by ${realm.host}, which is not sent a login`);
    }
    if (isOwn && login !== undefined && realm.protocol === 'http:' && !isLoopback(realm.host)) {
      throw new RegistryAccessError(`its token service ${realm.host} would receive the password over plain http`);
    }
    return isOwn;
  }

  /** Sends a request; retries after 429 as long as `Retry-After` ends before the deadline. */
  async #send(
    method: RegistryRequest['method'],
    url: URL,
    headers: RegistryRequest['headers'],
  ): Promise<RegistryAnswer> {
    const { send, signal } = this.access;
    for (let attempt = 1; ; attempt += 1) {
      const answer = await send({ method, url, headers, signal, ...this.place });
      const waitMs = retryAfterSeconds(answer.headers['retry-after'], Date.now()) * 1000;
      if (answer.status !== 429 || attempt === maxAttempts || Date.now() + waitMs > this.deadline) return answer;
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
