import { afterEach, describe, expect, it } from '@jest/globals';
import { request } from 'node:http';
import { CutoverError } from '../../src/errors.js';
import type { Endpoint } from '../../src/verify/endpoint.js';
import { listen, type Listener } from '../../src/verify/listener.js';
import { answer, proxyCluster } from '../support/cluster/proxy-cluster.js';

const pods = [{ name: 'web-a' }, { name: 'web-b' }];
const withService: Endpoint = { namespace: 'shop', service: { name: 'web-test', port: 80 }, pods, podPort: 8080 };
const alone: Endpoint = { namespace: 'shop', pods, podPort: 8080 };

let listener: Listener | undefined;
afterEach(async () => {
  await listener?.close();
  listener = undefined;
});

async function open(cluster: ReturnType<typeof proxyCluster>, endpoint = withService): Promise<string> {
  listener = await listen(cluster, endpoint);
  return listener!.url;
}

/** A request with its path exactly as written, which `fetch` would tidy up. */
async function rawGet(url: string, path: string): Promise<void> {
  const { hostname, port } = new URL(url);
  await new Promise((resolve, reject) => {
    request({ hostname, port, path, agent: false }, response => response.resume().on('end', resolve))
      .on('error', reject)
      .end();
  });
}

describe('the local listener', () => {
  it('forwards method, path, query, headers and body to the Service and returns the answer', async () => {
    const cluster = proxyCluster({ proxy: () => answer(201, 'made', { 'x-version': '8', connection: 'close' }) });
    const url = await open(cluster);
    const response = await fetch(`${url}/items?x=1`, { method: 'POST', body: 'new', headers: { 'x-trace': '7' } });
    expect([response.status, response.headers.get('x-version'), await response.text()]).toEqual([201, '8', 'made']);
    expect(cluster.asked).toMatchObject([
      { kind: 'Service', namespace: 'shop', name: 'web-test', port: 80, path: '/items?x=1', method: 'POST' },
    ]);
    expect(cluster.asked[0]?.headers).toMatchObject({ 'x-trace': '7' });
    expect(cluster.asked[0]?.body?.toString()).toBe('new');
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('sends requests round-robin to the pods where there is no Service', async () => {
    const cluster = proxyCluster({ proxy: () => answer(200) });
    const url = await open(cluster, alone);
    for (let count = 0; count < 3; count += 1) await fetch(url);
    expect(cluster.asked.map(({ kind, name, port }) => [kind, name, port])).toEqual([
      ['Pod', 'web-a', 8080],
      ['Pod', 'web-b', 8080],
      ['Pod', 'web-a', 8080],
    ]);
  });

  it('removes headers that the API server would interpret, and hop-by-hop headers', async () => {
    const cluster = proxyCluster({ proxy: () => answer(200) });
    const url = await open(cluster);
    await fetch(url, {
      headers: { authorization: 'Bearer app', 'impersonate-user': 'admin', 'x-remote-user': 'admin', cookie: 'a=b' },
    });
    const names = Object.keys(cluster.asked[0]?.headers ?? {});
    expect(names).toContain('cookie');
    expect(
      names.filter(name => /^(authorization|impersonate-|x-remote-|host$|connection$|content-length$)/.test(name)),
    ).toEqual([]);
  });

  it.each([
    ['/../../../secrets', '/secrets'],
    ['/%2e%2e/%2E%2E/secrets', '/secrets'],
    ['//elsewhere/x', '/x'],
    ['http://elsewhere/y', '/y'],
  ])('does not let %s leave the path of the proxy', async (path, asked) => {
    const cluster = proxyCluster({ proxy: () => answer(200) });
    await rawGet(await open(cluster), path);
    expect(cluster.asked.map(({ path: reached }) => reached)).toEqual([asked]);
  });

  it('answers 502 with the reason when the endpoint cannot be reached', async () => {
    const proxy = (): never => {
      throw new CutoverError('No connection to the API server', { code: 'unreachable' });
    };
    const response = await fetch(await open(proxyCluster({ proxy })));
    expect([response.status, await response.text()]).toEqual([
      502,
      'The endpoint cannot be reached: No connection to the API server\n',
    ]);
  });

  it('is not started without a target', async () => {
    const cluster = proxyCluster({ proxy: () => answer(200) });
    expect(await listen(cluster, { namespace: 'shop', pods })).toBeUndefined();
    expect(await listen(cluster, { namespace: 'shop', pods: [], podPort: 80 })).toBeUndefined();
  });
});
