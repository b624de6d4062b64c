import http from 'node:http';
import https from 'node:https';
import { isLoopback } from './address.js';
import type { Answer } from './answer.js';

/** One request to a registry or its token service. */
export interface Ask {
  readonly method: 'HEAD' | 'GET';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Sends a request and follows redirects. Rejects where there is no answer. */
export type Send = (ask: Ask) => Promise<Answer>;

const mostRedirects = 5;
/** Manifests and errors are far smaller. */
const mostBytes = 256 * 1024;
/** Registries count requests; more at once would only make them refuse some. */
const operation = 10;

/** Opens connections to registries, at most ten at once, through the proxy that the environment names. */
export function openHttp(environment: Readonly<Record<string, string>>): { send: Send; close: () => void } {
  const options = { keepAlive: true, maxTotalSockets: operation };
  const agents = {
    near: new http.Agent(options),
    plain: new http.Agent({ ...options, proxyEnv: environment }),
    tls: new https.Agent({ ...options, proxyEnv: environment }),
  };
  const once = (ask: Ask): Promise<Answer> => {
    const { method, url, headers, signal } = ask;
    const agent = url.protocol === 'https:' ? agents.tls : isLoopback(url.host) ? agents.near : agents.plain;
    const { request } = url.protocol === 'https:' ? https : http;
    return new Promise((resolve, reject) => {
      const sent = request(
        url,
        { method, headers: { ...headers, 'user-agent': 'cutover' }, signal, agent },
        response => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (part: string) => (body = (body + part).slice(0, mostBytes)));
          response.on('error', reject);
          response.on('end', () => {
            const flat = Object.entries(response.headers).map(
              ([name, value]) => [name, [value].flat().join(', ')] as const,
            );
            resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(flat), body });
          });
        },
      );
      sent.on('error', reject);
      sent.end();
    });
  };
  const send: Send = async ask => {
    let next = ask;
    for (let redirects = 0; ; redirects += 1) {
      const answer = await once(next);
      const { location } = answer.headers;
      if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return answer;
      if (redirects === mostRedirects) throw new Error(`more than ${mostRedirects} redirects`);
      next = redirected(next, location);
    }
  };
  return { send, close: () => Object.values(agents).forEach(agent => agent.destroy()) };
}

/** The request to where it was redirected; a login is for the host that it was meant for alone. */
function redirected(ask: Ask, location: string): Ask {
  const url = new URL(location, ask.url);
  if (ask.url.protocol === 'https:' && url.protocol !== 'https:') throw new Error('it redirects to plain http');
  if (url.host === ask.url.host) return { ...ask, url };
  const { authorization: _login, ...headers } = ask.headers;
  return { ...ask, url, headers };
}
