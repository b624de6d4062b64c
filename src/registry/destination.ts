import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

/** Addresses that only the machine itself or its own network reaches. */
const internal = new BlockList();
for (const range of ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16']) add(range, 'ipv4');
for (const range of ['172.16.0.0/12', '192.168.0.0/16']) add(range, 'ipv4');
for (const range of ['::/127', 'fc00::/7', 'fe80::/10']) add(range, 'ipv6');

function add(range: string, family: 'ipv4' | 'ipv6'): void {
  const [address = '', bits] = range.split('/');
  internal.addSubnet(address, Number(bits), family);
}

const nameOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');

/**
 * Whether the host is a loopback, link-local or private address, or a name of one. A name that this machine cannot resolve is
 * not: behind a proxy, the proxy resolves the names.
 */
async function isInternal(url: URL): Promise<boolean> {
  const name = nameOf(url);
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  const addresses = isIP(name) === 0 ? await lookup(name, { all: true }).catch(() => []) : [{ address: name }];
  return addresses.some(({ address }) => internal.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'));
}

/**
 * Whether a server may send the runner on to a URL: nobody outside may use the runner to reach what only its own network
 * reaches. A server that is itself in that network may.
 */
export async function mayLeadTo(from: URL, to: URL): Promise<boolean> {
  return nameOf(from) === nameOf(to) || !(await isInternal(to)) || (await isInternal(from));
}

/**
 * Whether a URL belongs to those who own a registry: on the same host, on one in the same domain, such as `auth.docker.io` for
 * `registry-1.docker.io`, or on that domain itself.
 */
export function isSameOwner(registry: URL, other: URL): boolean {
  const [mine, theirs] = [nameOf(registry), nameOf(other)];
  if (mine === theirs) return true;
  const domain = mine.slice(mine.indexOf('.') + 1);
  return isIP(mine) === 0 && domain.includes('.') && (theirs === domain || theirs.endsWith(`.${domain}`));
}
