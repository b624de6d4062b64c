import dns, { type LookupOptions } from 'node:dns';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { parseReference } from '../../src/inputs/parse/image-reference.js';
import type { RegistryAnswer } from '../../src/registry/answer.js';
import { isSameOwner, namesInternal } from '../../src/registry/destination.js';
import { followingRedirects, openHttp, type RegistryRequest } from '../../src/registry/http.js';
import { askRegistry } from '../../src/registry/registry.js';
import { listLog } from '../support/log.js';

const { signal } = new AbortController();
const closing: (() => void)[] = [];
afterAll(() => closing.forEach(close => close()));

/** Addresses inside a network, in the ways that a URL can write them. */
const insideHosts = [
  'localhost',
  'a.localhost',
  'localhost.',
  '127.0.0.1',
  '127.9.9.9',
  '0x7f.1',
  '2130706433',
  '0.0.0.0',
  '10.0.0.1',
  '100.64.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.1',
  '192.168.1.1',
  '[::1]',
  '198.18.0.1',
  '192.0.0.192',
  '240.0.0.1',
  '[fec0::1]',
  '[::ffff:0:10.0.0.1]',
  '[::]',
  '[fe80::1]',
  '[fd00::1]',
  '[::ffff:10.0.0.1]',
  '[::ffff:169.254.169.254]',
  // Addresses that contain one of IPv4: IPv4-compatible, 6to4, and NAT64.
  '[::127.0.0.1]',
  '[::10.0.0.1]',
  '[::192.168.1.1]',
  '[2002:7f00:1::]',
  '[2002:a9fe:a9fe::1]',
  '[2002:ac1f:1::]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b::169.254.169.254]',
  '[64:ff9b:1::10.0.0.1]',
  '[64:ff9b:1:7f00:0:100::]',
  '[64:ff9b:1:ac1f:1:100::]',
  '[64:ff9b:1:a9:fe:a9fe::]',
  '[64:ff9b:1:0:a9:fea9:fe00:0]',
];

/** Addresses that contain an IPv4 address outside. */
const outsideHosts = [
  '[::203.0.113.5]',
  '[::ffff:203.0.113.5]',
  '[2002:cb00:7105::1]',
  '[64:ff9b::203.0.113.5]',
  '[64:ff9b:1::203.0.113.5]',
  '[64:ff9b:1:cb00:71:500::]',
  '[2001:db8::1]',
];

interface Asked {
  readonly requests: readonly string[];
  readonly lines: readonly string[];
  readonly statuses: unknown;
}

interface AskOptions {
  /** The token service issues one only for the login. */
  readonly strict?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Asks a registry for an image; it wants a token of `realm`. */
async function ask(
  registry: string,
  realm: string,
  { strict = false, environment = {} }: AskOptions = {},
): Promise<Asked> {
  const requests: string[] = [];
  const log = listLog();
  const send = ({ url, headers }: RegistryRequest): Promise<RegistryAnswer> => {
    const { authorization = 'nothing' } = headers;
    requests.push(`${url.host} gets ${authorization.split(' ')[0] ?? ''}`);
    const answer = { headers: {}, body: '' };
    if (url.href.startsWith(realm)) {
      const isRefused = strict && authorization === 'nothing';
      return Promise.resolve({ ...answer, status: isRefused ? 401 : 200, body: '{"token":"t"}' });
    }
    if (authorization.startsWith('Bearer')) return Promise.resolve({ ...answer, status: 200 });
    return Promise.resolve({ ...answer, status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}"` } });
  };
  const login = { server: registry, username: 'bob', password: 's3cret' };
  const { isReachedInside } = openHttp(environment);
  const access = { send, isReachedInside, signal, log, login };
  const statuses = await askRegistry([parseReference(`${registry}/team/web:1`)!], access);
  return { requests, lines: log.lines, statuses };
}

describe('the token service that a registry names', () => {
  it.each(insideHosts)('is not asked on %s, inside the network of the runner', async host => {
    const { requests, statuses } = await ask('registry.invalid', `https://${host}/token`);
    expect(requests).toEqual(['registry.invalid gets nothing']);
    expect(statuses).toMatchObject([{ kind: 'unknown', reason: expect.stringContaining("the runner's own network") }]);
  });

  it.each(outsideHosts)('may be on %s, outside', host => {
    expect(namesInternal(new URL(`https://${host}/token`))).toBe(false);
  });

  it.each(['127.0.0.1:5000', '10.0.0.7:5000', '192.168.0.2', 'localhost:5000'])(
    'is asked there by the registry %s, which is inside as well',
    async registry => {
      const { statuses } = await ask(registry, 'https://10.0.0.8/token');
      expect(statuses).toEqual([{ kind: 'exists' }]);
    },
  );

  it('is not asked inside where a proxy reaches the registry, whatever its name resolves to here', async () => {
    const { lookup } = dns.promises;
    const resolved = (): Promise<dns.LookupAddress[]> => Promise.resolve([{ address: '10.0.0.7', family: 4 }]);
    dns.promises.lookup = resolved as unknown as typeof lookup;
    try {
      const environment = { HTTPS_PROXY: 'http://proxy.invalid:3128', NO_PROXY: '10.0.0.0/8' };
      const direct = await ask('registry.example.invalid', 'https://10.0.0.8/token');
      expect(direct.statuses).toEqual([{ kind: 'exists' }]);
      const { requests, statuses } = await ask('registry.example.invalid', 'https://10.0.0.8/token', { environment });
      expect(requests).toEqual(['registry.example.invalid gets nothing']);
      expect(statuses).toMatchObject([
        { kind: 'unknown', reason: expect.stringContaining("the runner's own network") },
      ]);
    } finally {
      dns.promises.lookup = lookup;
    }
  });

  it.each([
    ['registry.example.invalid', 'registry.example.invalid:8443'],
    ['registry.example.invalid', 'auth.example.invalid'],
    ['registry.example.invalid', 'example.invalid'],
  ])('of %s gets the login on %s', async (registry, host) => {
    const { requests, lines, statuses } = await ask(registry, `https://${host}/token`, { strict: true });
    expect(requests).toContain(`${host} gets Basic`);
    expect([lines, statuses]).toEqual([[], [{ kind: 'exists' }]]);
  });

  it('of others gets no login, and is named in the log', async () => {
    const { requests, lines, statuses } = await ask('registry.example.invalid', 'https://auth.other.invalid/token');
    expect(requests).toContain('auth.other.invalid gets nothing');
    expect(lines).toEqual([
      'registry.example.invalid has its tokens issued by auth.other.invalid, which is not sent a login',
    ]);
    expect(statuses).toEqual([{ kind: 'exists' }]);
    const refused = await ask('registry.example.invalid', 'https://auth.other.invalid/token', { strict: true });
    expect(refused.statuses).toMatchObject([{ reason: expect.stringContaining('is not sent the login') }]);
  });

  it('gets no login over plain http', async () => {
    const { requests, statuses } = await ask('registry.example.invalid', 'http://auth.example.invalid/token');
    expect(requests).toEqual(['registry.example.invalid gets nothing']);
    expect(statuses).toMatchObject([{ reason: expect.stringContaining('over plain http') }]);
  });

  it.each([
    ['https://registry.example.invalid', 'https://registry.example.invalid.evil.org', false],
    ['https://registry.example.invalid', 'https://evilexample.invalid', false],
    ['https://ghcr.io', 'https://evil.io', false],
    ['https://10.0.0.1', 'https://10.0.0.2', false],
    ['https://registry-1.docker.io', 'https://auth.docker.io', true],
  ])('of %s on %s is its own: %s', (registry, other, expected) => {
    expect(isSameOwner(new URL(registry), new URL(other))).toBe(expected);
  });
});

describe('a redirect', () => {
  it.each(insideHosts)('from outside to %s is not followed', async host => {
    const asked: string[] = [];
    const send = followingRedirects(({ url }) => {
      asked.push(url.host);
      return Promise.resolve({ status: 302, headers: { location: `https://${host}/secret` }, body: '' });
    });
    const request = { method: 'GET', url: new URL('https://registry.invalid/v2/'), headers: {}, signal } as const;
    await expect(send(request)).rejects.toThrow("the runner's own network");
    expect(asked).toEqual(['registry.invalid']);
  });
});

describe('a name', () => {
  const realLookup = dns.lookup;
  afterEach(() => {
    dns.lookup = realLookup;
  });

  /** A server inside the network of the runner. Every name of a connection resolves to these addresses; default: to that of the server. */
  async function startInside(...addresses: string[]): Promise<{ readonly port: number; readonly asked: string[] }> {
    const asked: string[] = [];
    const inside = createServer((request, response) => {
      asked.push(request.headers.host ?? '');
      response.end('{"token":"t"}');
    });
    await new Promise<void>(done => inside.listen(0, '127.0.0.1', done));
    closing.push(() => inside.close());
    const resolve = (_name: string, options: LookupOptions, done: (...answer: unknown[]) => void): void => {
      const [first = '127.0.0.1', ...others] = addresses;
      if (options.all)
        done(
          null,
          [first, ...others].map(address => ({ address, family: 4 })),
        );
      else done(null, first, 4);
    };
    dns.lookup = resolve as typeof dns.lookup;
    return { port: (inside.address() as AddressInfo).port, asked };
  }
  const get = (
    url: string,
    mayBeInternal?: () => Promise<boolean>,
    registry = 'registry.example.invalid',
  ): Promise<RegistryAnswer> => {
    const http = openHttp({});
    closing.push(http.close);
    const request = { method: 'GET', url: new URL(url), headers: {}, signal: AbortSignal.timeout(5000) } as const;
    return http.send({ ...request, registry, ...(mayBeInternal && { mayBeInternal }) });
  };

  it.each(['registry.example.invalid', 'token.example.invalid', 'localhost'])(
    '%s that resolves to an address inside when it is connected to is not asked',
    async host => {
      const { port, asked } = await startInside();
      await expect(get(`http://${host}:${port}/`)).rejects.toThrow("the runner's own network");
      await expect(get(`http://${host}:${port}/`, () => Promise.resolve(false))).rejects.toThrow();
      expect(asked).toEqual([]);
    },
  );

  it('is asked there if the registry is inside as well', async () => {
    const { port } = await startInside();
    const answer = await get(`http://token.example.invalid:${port}/`, () => Promise.resolve(true));
    expect(answer.status).toBe(200);
  });

  it('of a registry that is inside leads to its addresses there alone', async () => {
    const url = 'http://registry.example.invalid';
    const inside = (): Promise<boolean> => Promise.resolve(true);
    const { port } = await startInside('203.0.113.5', '127.0.0.1');
    await expect(get(`${url}:${port}/`, inside)).resolves.toMatchObject({ status: 200 });
    dns.lookup = realLookup;
    await startInside('203.0.113.5');
    await expect(get(`${url}/`, inside)).rejects.toThrow('is no address of the runner');
  });
});

describe('the proxy of the environment', () => {
  it('is used for a registry, but not for one in a range of NO_PROXY', async () => {
    const asked: (string | undefined)[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.url);
      response.end();
    });
    await new Promise<void>(done => proxy.listen(0, '127.0.0.1', done));
    closing.push(() => proxy.close());
    const { port } = proxy.address() as AddressInfo;
    const http = openHttp({ HTTP_PROXY: `127.0.0.1:${port}`, NO_PROXY: '192.0.2.0/24' });
    closing.push(http.close);
    const get = (url: string): Promise<unknown> =>
      http.send({ method: 'GET', url: new URL(url), headers: {}, signal: AbortSignal.timeout(500) });
    await expect(get('http://198.51.100.1/v2/')).resolves.toMatchObject({ status: 200 });
    await expect(get('http://192.0.2.1/v2/')).rejects.toThrow();
    expect(asked).toEqual(['http://198.51.100.1/v2/']);
  });
});
