import type { RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../../src/errors.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import type { Endpoint, EndpointPod } from '../../../src/verify/endpoint.js';
import type { Listener } from '../../../src/verify/listener.js';
import { openLocalUrl } from '../../../src/verify/reach/local-url.js';
import { verify } from '../../../src/verify/verify.js';
import { answer, livePod, proxyCluster } from '../../support/cluster/proxy-cluster.js';
import { tunnelledPods, type TunnelledPods } from '../../support/cluster/tunnelled-pods.js';
import { listLog } from '../../support/log.js';

const ready = (name: string, status = 'True'): KubeObject => ({
  ...livePod(name),
  status: { phase: 'Running', conditions: [{ type: 'Ready', status }] },
});
const names = (...pods: readonly string[]): readonly EndpointPod[] =>
  pods.map(name => ({ name, uid: `uid-of-${name}` }));
/** A pod that answers with its name. */
const named =
  (name: string): RequestListener =>
  (_, response) =>
    response.end(name);

let listener: Listener | undefined;
afterEach(async () => {
  await listener?.close();
  listener = undefined;
});

async function open(
  pods: TunnelledPods,
  more: { readonly endpoint?: Partial<Endpoint>; readonly pod?: (name: string) => KubeObject | undefined } = {},
) {
  const log = listLog();
  const cluster = proxyCluster({
    ...pods,
    proxy: () => answer(200, 'by proxy'),
    pod: more.pod ?? (name => ready(name)),
  });
  const endpoint: Endpoint = {
    ...{ namespace: 'shop', service: { name: 'web-test', port: 80 }, pods: names('web-a', 'web-b'), podPort: 8080 },
    ...more.endpoint,
  };
  listener = await openLocalUrl({ cluster, endpoint, log });
  return { url: listener!.url, lines: log.lines, cluster };
}

/** The answer to a request on a connection of its own. */
async function ask(url: string): Promise<string> {
  const response = await fetch(url, { headers: { connection: 'close' } });
  return response.text();
}

async function dial(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

const both = (): TunnelledPods => tunnelledPods({ 'web-a': named('web-a'), 'web-b': named('web-b') });

describe('CUTOVER_URL', () => {
  it('is a port of 127.0.0.1 whose connections go to the pods in turn', async () => {
    const { url, lines } = await open(both());
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const answers = [await ask(url), await ask(url), await ask(url), await ask(url)];
    expect([...answers].sort()).toEqual(['web-a', 'web-a', 'web-b', 'web-b']);
    expect(answers[0]).not.toBe(answers[1]);
    expect(lines).toEqual(['CUTOVER_URL leads to the ready pods in turn, through tunnels (port-forward): 2 by now']);
  });

  it('passes every method, header and body on as it is', async () => {
    let asked: unknown;
    const echo: RequestListener = (request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        asked = [request.method, request.url, request.headers.authorization, request.headers['impersonate-user'], text];
        response.writeHead(418).end();
      });
    };
    const { url, cluster } = await open(tunnelledPods({ 'web-a': echo }), { endpoint: { pods: names('web-a') } });
    const headers = { authorization: 'Bearer of-the-app', 'impersonate-user': 'mona', connection: 'close' };
    const response = await fetch(`${url}/orders?x=1`, { method: 'POST', body: 'an order', headers });
    expect([response.status, asked]).toEqual([418, ['POST', '/orders?x=1', 'Bearer of-the-app', 'mona', 'an order']]);
    expect(cluster.asked).toEqual([]);
  });

  it('passes over pods that are not ready, are gone, end or were replaced', async () => {
    const pod = (name: string): KubeObject | undefined => {
      if (name === 'web-a') return ready(name, 'False');
      if (name === 'web-b') return undefined;
      if (name === 'web-c') return { ...ready(name), metadata: { name, uid: 'another' } };
      const { metadata, ...live } = ready(name);
      return name === 'web-e' ? { ...live, metadata: { ...metadata, deletionTimestamp: 'now' } } : ready(name);
    };
    const all = ['web-a', 'web-b', 'web-c', 'web-d', 'web-e'];
    const pods = tunnelledPods(Object.fromEntries(all.map(name => [name, named(name)])));
    const { url } = await open(pods, { endpoint: { pods: names(...all) }, pod });
    // Each of them has its turn.
    const answers = [];
    while (answers.length < all.length) answers.push(await ask(url));
    expect(new Set(answers)).toEqual(new Set(['web-d']));
    // Only the tunnels of the answers were left open by then.
    expect(pods.near.filter(tunnel => !tunnel.destroyed).length).toBeLessThanOrEqual(1);
  });

  it('finds the pods that took the place of those that are gone', async () => {
    const gone = new Set<string>();
    const pods = tunnelledPods({ 'web-a': named('web-a'), 'web-c': named('web-c') });
    const currentPods = () => Promise.resolve([...names('web-c'), { name: 'web-e', isStarting: true as const }]);
    const { url } = await open(pods, {
      endpoint: { pods: names('web-a'), currentPods },
      pod: name => (gone.has(name) ? undefined : ready(name)),
    });
    expect(await ask(url)).toBe('web-a');
    gone.add('web-a');
    expect([await ask(url), await ask(url)]).toEqual(['web-c', 'web-c']);
  });

  it('resets the connection of a tunnel that is cut, and gives the next one a new tunnel', async () => {
    const pods = both();
    const { url, lines } = await open(pods);
    const client = await dial(url);
    client.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
    await once(client, 'data');
    const reset = once(client, 'error');
    client.resume();
    pods.near.at(-1)!.destroy(new CutoverError('the tunnel was cut', { code: 'unreachable' }));
    expect(await reset).toMatchObject([{ code: 'ECONNRESET' }]);
    expect(lines.at(-1)).toBe('A connection to CUTOVER_URL was reset: the tunnel was cut');
    expect(await ask(url)).toMatch(/^web-[ab]$/);
  });

  it('ends the tunnel of a client that goes away', async () => {
    const pods = both();
    const { url } = await open(pods);
    const client = await dial(url);
    client.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
    await once(client, 'data');
    const tunnel = pods.near.at(-1)!;
    const closed = new Promise(resolve => tunnel.once('close', resolve));
    client.destroy();
    await closed;
  });

  it('is closed with its connections and tunnels', async () => {
    const pods = both();
    const { url } = await open(pods);
    const client = await dial(url);
    client.on('error', () => undefined);
    client.write('GET / HTTP/1.1\r\nHost: web\r\n\r\n');
    await once(client, 'data');
    client.resume();
    const closed = new Promise(resolve => client.once('close', resolve));
    await listener!.close();
    await closed;
    expect(pods.near.every(tunnel => tunnel.destroyed)).toBe(true);
    await expect(dial(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('The address of a command that is cancelled', () => {
  it('is closed, with its tunnels', async () => {
    const pods = both();
    const cluster = proxyCluster({ ...pods, proxy: () => answer(200), pod: name => ready(name) });
    const cancelling = new AbortController();
    let url = '';
    const log = {
      ...listLog(),
      info: (line: string) => {
        const [, found] = /^\| (http:\S+)$/.exec(line) ?? [];
        if (found === undefined) return;
        url = found;
        cancelling.abort();
      },
    };
    const command = 'echo "$CUTOVER_URL"; sleep 300';
    const verifying = verify({
      checks: [{ kind: 'run', command, when: 'both', retryMs: 0, intervalMs: 5_000 }],
      ...{ side: 'staged', cluster, log, environment: { PATH: process.env['PATH'] ?? '' }, signal: cancelling.signal },
      endpoint: { namespace: 'shop', pods: names('web-a', 'web-b'), podPort: 8080 },
    });
    await expect(verifying).rejects.toMatchObject({ code: 'cancelled' });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await expect(dial(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(pods.near.every(tunnel => tunnel.destroyed)).toBe(true);
  });
});

describe('Without tunnels, CUTOVER_URL', () => {
  it('leads through the proxy to the Service, and the log says why', async () => {
    const pods = tunnelledPods(
      {},
      () => new CutoverError('it is forbidden', { code: 'forbidden', hint: 'Missing rule: pods/portforward' }),
    );
    const { url, lines } = await open(pods);
    expect(await ask(url)).toBe('by proxy');
    expect(lines).toEqual([
      'CUTOVER_URL leads through the proxy of the API server to Service web-test: no tunnel could be opened: it is forbidden. Missing rule: pods/portforward',
    ]);
  });

  it('leads to the Service where the port of the pods is not known', async () => {
    const log = listLog();
    const cluster = proxyCluster({ proxy: () => answer(200, 'by proxy') });
    const endpoint = { namespace: 'shop', service: { name: 'web-test', port: 80 }, pods: names('web-a') };
    listener = await openLocalUrl({ cluster, endpoint, log });
    expect(log.lines).toEqual([
      'CUTOVER_URL leads through the proxy of the API server to Service web-test: the port of the pods is not known',
    ]);
  });

  it('is not opened for a run that was cancelled', async () => {
    const pods = tunnelledPods({}, () => new CutoverError('the run was cancelled', { code: 'cancelled' }));
    await expect(open(pods)).rejects.toMatchObject({ code: 'cancelled' });
  });
});
