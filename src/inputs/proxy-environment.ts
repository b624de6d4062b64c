import { BlockList, isIP } from 'node:net';
import { own } from '../own.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for a server according to `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` (or their lower-case forms); `undefined`
 * for a direct connection. Loopback addresses never use a proxy.
 */
export function proxyFor(server: URL, environment: Environment): string | undefined {
  const read = (name: string): string | undefined =>
    own(environment, name) || own(environment, name.toLowerCase()) || undefined;
  const proxy = read(server.protocol === 'http:' ? 'HTTP_PROXY' : 'HTTPS_PROXY');
  if (proxy === undefined) return undefined;
  const host = server.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (host === 'localhost' || host === '::1' || /^127\./.test(host)) return undefined;
  const port = server.port || (server.protocol === 'http:' ? '80' : '443');
  const exempt = (read('NO_PROXY') ?? '')
    .split(/[\s,]+/)
    .some(rule => rule !== '' && ruleMatches(rule.toLowerCase(), { host, port }));
  if (exempt) return undefined;
  return /^[a-z0-9]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}

/** Whether a rule matches: `*`, a host, a domain with or without a leading dot, an address or a range, each with or without port. */
function ruleMatches(rule: string, { host, port }: { host: string; port: string }): boolean {
  if (rule === '*') return true;
  const version = isIP(host);
  const [address = '', bits] = rule.split('/');
  if (bits !== undefined) {
    const family = isIP(address);
    if (family === 0 || family !== version || !/^\d+$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128))
      return false;
    const range = new BlockList();
    range.addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
    return range.check(host, family === 4 ? 'ipv4' : 'ipv6');
  }
  const withPort = /^(.+):(\d+)$/.exec(rule);
  const named = withPort !== null && isIP(rule) === 0;
  if (named && withPort[2] !== port) return false;
  const name = (named ? (withPort[1] ?? '') : rule).replace(/^\*?\./, '');
  return host === name || (version === 0 && host.endsWith(`.${name}`));
}
