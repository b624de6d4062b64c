import dns, { type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Addresses that only the machine itself or its own network reaches. */
const internal = new BlockList();
const internalOfIpv4 = ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'];
for (const range of [...internalOfIpv4, '172.16.0.0/12', '192.168.0.0/16', '198.18.0.0/15', '240.0.0.0/4']) {
  // An IPv4-mapped IPv6 address is checked as the IPv4 address in it.
  add(range, 'ipv4');
  containing(range).forEach(inside => add(inside, 'ipv6'));
}
add('192.0.0.0/24', 'ipv4');
for (const range of ['fc00::/7', 'fe80::/10', 'fec0::/10']) add(range, 'ipv6');

/**
 * The ranges of IPv6 addresses that contain an address of a range of IPv4, whose prefix has at most 16 bits: IPv4-compatible,
 * IPv4-translated, 6to4, and NAT64 (RFC 6052). The prefix of NAT64 is the well-known one, or one of 48, 56, 64 or 96 bits in
 * 64:ff9b:1::/48 (RFC 8215) whose further bits are zero.
 */
function containing(range: string): readonly string[] {
  const [address = '', length = ''] = range.split('/');
  const bits = Number(length);
  const [first = 0, second = 0] = address.split('.').map(Number);
  const [one, two, both] = [first, second, first * 256 + second].map(number => number.toString(16));
  const known = [
    `::${address}/${96 + bits}`,
    `::ffff:0:${address}/${96 + bits}`,
    `2002:${both}::/${16 + bits}`,
    `64:ff9b::${address}/${96 + bits}`,
  ];
  // In an address with a longer prefix, the place of a shorter one has zeros.
  if (first === 0) return known;
  return [
    ...known,
    `64:ff9b:1:${both}::/${48 + bits}`,
    // Bits 64 to 71 are no part of the IPv4 address.
    `64:ff9b:1:${one}:${two}::/${(bits > 8 ? 64 : 56) + bits}`,
    `64:ff9b:1:0:${one}:${(second * 256).toString(16)}::/${72 + bits}`,
    `64:ff9b:1::${address}/${96 + bits}`,
  ];
}

function add(range: string, family: 'ipv4' | 'ipv6'): void {
  const [address = '', bits] = range.split('/');
  internal.addSubnet(address, Number(bits), family);
}

const nameOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');

const isInternalAddress = (address: string): boolean => internal.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** Whether the URL itself has a loopback, link-local or private address, or a name that stands for one. */
export function namesInternal(url: URL): boolean {
  const name = nameOf(url);
  if (isIP(name) !== 0) return isInternalAddress(name);
  return name === 'localhost' || name.endsWith('.localhost');
}

/** The same, or its name resolves to one. A name that this machine cannot resolve does not. */
export async function isInternal(url: URL): Promise<boolean> {
  if (namesInternal(url)) return true;
  const name = nameOf(url);
  const addresses = isIP(name) === 0 ? await dns.promises.lookup(name, { all: true }).catch(() => []) : [];
  return addresses.some(({ address }) => isInternalAddress(address));
}

/**
 * Resolves a name for a connection, and fails where it resolves to an internal address: nobody outside may use the runner to reach
 * what only its own network reaches. A check before the connection would not do, since the name can resolve to another address then.
 */
export const lookupOutside = lookupOf(
  addresses => (addresses.some(({ address }) => isInternalAddress(address)) ? [] : addresses),
  "is an address of the runner's own network",
);

/**
 * Resolves the name of a registry that may lead into the runner's own network, to its addresses there alone: a server elsewhere whose
 * name also resolves to an internal address must not lead into it.
 */
export const lookupInside = lookupOf(
  addresses => addresses.filter(({ address }) => isInternalAddress(address)),
  "is no address of the runner's own network any more",
);

/** `admit`: the addresses that may be connected to. `why`: the rest of a sentence, where there is none. */
function lookupOf(admit: (addresses: LookupAddress[]) => LookupAddress[], why: string): LookupFunction {
  return (hostname, options, done) => {
    dns.lookup(hostname, { ...options, all: true }, (failure, addresses) => {
      const found = failure === null ? admit(addresses) : [];
      const error = failure ?? (found.length === 0 ? new Error(`${hostname} ${why}`) : null);
      const [first = { address: '', family: 0 }] = found;
      if (error !== null || options.all === true) done(error, found);
      else done(null, first.address, first.family);
    });
  };
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
