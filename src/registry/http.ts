import http from 'node:http';
import https from 'node:https';
import { proxyFor } from '../inputs/proxy-environment.js';
import type { RegistryAnswer } from './answer.js';
import { mayLeadTo } from './destination.js';

/** One request to a registry or its token service. */
export interface RegistryRequest {
  readonly method: 'HEAD' | 'GET';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Sends a request and follows redirects. Rejects when there is no answer. */
export type Send = (registryRequest: RegistryRequest) => Promise<RegistryAnswer>;

const maxRedirects = 5;
/** In characters; manifests and errors are far smaller. */
const maxBodyLength = 256 * 1024;
/** Registries limit the request rate; more requests at once would be rejected. */
const maxConcurrentRequests = 10;

/** Opens connections to registries, at most ten at once, through the proxy in the environment. */
export function openHttp(environment: Readonly<Record<string, string>>): { send: Send; close: () => void } {
  const agents = new Map<string, http.Agent>();
  const agentFor = (url: URL): http.Agent => {
    const proxy = proxyFor(url, environment);
    const key = `${url.protocol} ${proxy ?? ''}`;
    const agent = agents.get(key) ?? newAgent(url, proxy);
    agents.set(key, agent);
    return agent;
  };
  const sendOnce = (registryRequest: RegistryRequest): Promise<RegistryAnswer> => {
    const { method, url, headers, signal } = registryRequest;
    const agent = agentFor(url);
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
  return { send: followingRedirects(sendOnce), close: () => agents.forEach(agent => agent.destroy()) };
}

/** `proxy` absent: for direct connections. Node's own reading of `NO_PROXY` has no part in it. */
function newAgent({ protocol }: URL, proxy: string | undefined): http.Agent {
  const options = {
    keepAlive: true,
    maxTotalSockets: maxConcurrentRequests,
    ...(proxy !== undefined && { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }),
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
  if (!(await mayLeadTo(registryRequest.url, url)))
    throw new Error(`it redirects to ${url.host}, an address of the runner's own network`);
  if (url.host === registryRequest.url.host) return { ...registryRequest, url };
  const { authorization: _login, ...headers } = registryRequest.headers;
  return { ...registryRequest, url, headers };
}
