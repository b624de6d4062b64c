import http from 'node:http';
import https from 'node:https';
import { proxyFor } from '../inputs/proxy-environment.js';
import type { RegistryAnswer } from './answer.js';
import { isInternal, lookupInside, lookupOutside, namesInternal } from './destination.js';

/** One request to a registry or its token service. */
export interface RegistryRequest {
  readonly method: 'HEAD' | 'GET';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Whether the server may be in the runner's own network, and lead into it. Default: neither. */
  readonly mayBeInternal?: () => Promise<boolean>;
  /** Name of the registry, which may lead into that network only from an address in it. Default: whoever is asked may. */
  readonly registry?: string;
}

/** Sends a request and follows redirects. Rejects when there is no answer. */
export type Send = (registryRequest: RegistryRequest) => Promise<RegistryAnswer>;

const maxRedirects = 5;
/** In characters; manifests and errors are far smaller. */
const maxBodyLength = 256 * 1024;
/** Registries limit the request rate; more requests at once would be rejected. */
const maxConcurrentRequests = 10;

export interface Http {
  readonly send: Send;
  /**
   * Whether this server is in the runner's own network. Where a proxy is between them, the proxy resolves its name: what it resolves
   * to here proves nothing.
   */
  readonly isReachedInside: (url: URL) => Promise<boolean>;
  readonly close: () => void;
}

/** Opens connections to registries, at most ten at once, through the proxy in the environment. */
export function openHttp(environment: Readonly<Record<string, string>>): Http {
  const agents = new Map<string, http.Agent>();
  const agentFor = async (registryRequest: RegistryRequest): Promise<http.Agent> => {
    const { url } = registryRequest;
    const proxy = proxyFor(url, environment);
    const place = proxy === undefined ? await placeOf(registryRequest) : 'anywhere';
    const key = `${url.protocol} ${proxy ?? place}`;
    const agent = agents.get(key) ?? newAgent(url, { proxy, place });
    agents.set(key, agent);
    return agent;
  };
  const sendOnce = async (registryRequest: RegistryRequest): Promise<RegistryAnswer> => {
    const { method, url, headers, signal } = registryRequest;
    const agent = await agentFor(registryRequest);
    const { request } = url.protocol === 'https:' ? https : http;
    return new Promise((resolve, reject) => {
      const sent = request(
        url,
        { method, headers: { ...headers, 'user-agent': 'cutover' }, signal, agent },
        response => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (part: string) => (body = (body + part).slice(0, maxBodyLength)));
          response.on('error', reject);
          response.on('end', () => {
            const entries = Object.entries(response.headers).map(
              ([name, value]) => [name, [value].flat().join(', ')] as const,
            );
            resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(entries), body });
          });
        },
      );
      sent.on('error', reject);
      sent.end();
    });
  };
  return {
    send: followingRedirects(sendOnce),
    isReachedInside: async url => (proxyFor(url, environment) === undefined ? isInternal(url) : namesInternal(url)),
    close: () => agents.forEach(agent => agent.destroy()),
  };
}

/** Where the server of a direct connection may be, seen from the runner's own network. */
type Place = 'outside' | 'inside' | 'anywhere';

async function placeOf({ url, mayBeInternal, registry }: RegistryRequest): Promise<Place> {
  if ((await mayBeInternal?.()) !== true) return 'outside';
  return url.hostname === registry ? 'inside' : 'anywhere';
}

const lookups = { outside: { lookup: lookupOutside }, inside: { lookup: lookupInside }, anywhere: {} } as const;

/** `proxy` undefined: for direct connections. Node's own reading of `NO_PROXY` has no part in it. A proxy resolves names itself. */
function newAgent(
  { protocol }: URL,
  { proxy, place }: { readonly proxy: string | undefined; readonly place: Place },
): http.Agent {
  const options = {
    keepAlive: true,
    maxTotalSockets: maxConcurrentRequests,
    ...(proxy !== undefined && { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }),
    ...lookups[place],
  };
  return protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
}

/** Follows up to five redirects, but none into the network of the runner from outside it. */
export function followingRedirects(sendOnce: Send): Send {
  return async registryRequest => {
    let next = registryRequest;
    for (let redirects = 0; ; redirects += 1) {
      const answer = await sendOnce(next);
      const { location } = answer.headers;
      if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return answer;
      if (redirects === maxRedirects) throw new Error(`more than ${maxRedirects} redirects`);
      next = await redirected(next, location);
    }
  };
}

/** The redirected request; credentials are only sent to the original host. */
async function redirected(registryRequest: RegistryRequest, location: string): Promise<RegistryRequest> {
  const url = new URL(location, registryRequest.url);
  if (registryRequest.url.protocol === 'https:' && url.protocol !== 'https:')
    throw new Error('it redirects to plain http');
  if (namesInternal(url) && !(await registryRequest.mayBeInternal?.()))
    throw new Error(`it redirects to ${url.host}, an address of the runner's own network`);
  if (url.host === registryRequest.url.host) return { ...registryRequest, url };
  const { authorization: _login, ...headers } = registryRequest.headers;
  return { ...registryRequest, url, headers };
}
