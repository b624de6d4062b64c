import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ProxyAnswer, ProxyRequest } from '../../../src/cluster/cluster.js';
import { CutoverError } from '../../../src/errors.js';
import type { Check } from '../../../src/inputs/inputs.js';
import type { Endpoint } from '../../../src/verify/endpoint.js';
import { verify } from '../../../src/verify/verify.js';
import { fakeClock } from '../../support/clock.js';
import { answer, fromApiServer, livePod, proxyCluster } from '../../support/cluster/proxy-cluster.js';
import { tunnelledPods } from '../../support/cluster/tunnelled-pods.js';
import { listLog } from '../../support/log.js';

const asked: (string | undefined)[] = [];
let server: Server | undefined;
afterEach(() => {
  asked.length = 0;
  server?.close();
});

/** The address of a server that notes which paths it is asked for. */
async function address(status = 200): Promise<string> {
  const started = createServer(({ url }, response) => {
    asked.push(url);
    response.writeHead(status, { connection: 'close' }).end();
  });
  server = started;
  await new Promise<void>(resolve => started.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
}

const endpoint: Endpoint = {
  namespace: 'shop',
  service: { name: 'web-test', port: 80 },
  pods: ['web-a', 'web-b'].map(name => ({ name, uid: `uid-of-${name}` })),
  podPort: 8080,
};
const timing = { when: 'both', retryMs: 0, intervalMs: 5_000 } as const;
const path = (url: string): Check => ({
  ...{ kind: 'http', target: '/healthz?deep=1', method: 'GET', expect: { status: ['2xx'] }, pods: 'every', ...timing },
  url,
});
const command = (url: string): Check => ({ kind: 'run', command: 'echo "at $CUTOVER_URL"', ...timing, url });

const forbidden = (resource: string): CutoverError =>
  new CutoverError(`${resource} is forbidden`, { code: 'forbidden', hint: `Missing rule: ${resource}` });
const says: RequestListener = (_, response) => response.end();

/** What is allowed: tunnels, and the proxy to these kinds. */
interface Rights {
  readonly tunnels?: boolean | CutoverError;
  readonly proxy?: readonly ProxyRequest['kind'][];
  readonly answers?: ProxyAnswer;
}

async function outcome(check: Check, { tunnels = false, proxy = [], answers = answer(200) }: Rights, at = endpoint) {
  const error = tunnels instanceof CutoverError ? tunnels : forbidden('pods/portforward');
  const pods = tunnelledPods(tunnels === true ? { 'web-a': says, 'web-b': says } : {}, () => error);
  const cluster = proxyCluster({
    ...pods,
    pod: name => ({ ...livePod(name), status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }),
    proxy: ({ kind }) => {
      if (!proxy.includes(kind)) throw forbidden(kind === 'Pod' ? 'pods/proxy' : 'services/proxy');
      return answers;
    },
  });
  const log = listLog();
  const results = await verify({
    ...{ checks: [check], side: 'staged', endpoint: at, cluster, log, clock: fakeClock() },
    environment: { PATH: process.env['PATH'] ?? '' },
    signal: new AbortController().signal,
  });
  return { result: results[0], log: log.lines.join('\n') };
}

describe('The address of a check of a path', () => {
  it('is asked where neither tunnels nor the proxy are allowed, and the log says so', async () => {
    const url = await address();
    const { result, log } = await outcome(path(url), {});
    expect(result).toMatchObject({ verdict: 'pass', detail: `${url}/healthz?deep=1 answered 200` });
    expect(asked).toEqual(['/healthz?deep=1']);
    expect(log).toContain(
      `The side is asked at ${url}, where it is not known which pods answer: pods/portforward is forbidden. Missing rule: pods/portforward`,
    );
  });

  it('must answer as expected', async () => {
    const { result } = await outcome(path(await address(500)), {});
    expect(result).toMatchObject({ verdict: 'fail' });
  });

  it.each([
    ['tunnels and the proxy', { tunnels: true, proxy: ['Service'] }],
    ['the proxy alone', { proxy: ['Pod', 'Service'] }],
  ] as const)('is not asked where %s are allowed', async (_what, rights) => {
    const { result } = await outcome(path(await address(500)), rights);
    expect(result).toMatchObject({ verdict: 'pass', detail: '2 pods and Service web-test answered 200' });
    expect(asked).toEqual([]);
  });

  it('takes the place of the Service where only tunnels are allowed: each pod is asked all the same', async () => {
    const url = await address();
    const { result } = await outcome(path(url), { tunnels: true });
    expect(result).toMatchObject({ verdict: 'pass', detail: `2 pods and ${url}/healthz?deep=1 answered 200` });
  });

  it('is asked where the port of the pods is not known', async () => {
    const { podPort: _podPort, ...withoutPort } = endpoint;
    const { result, log } = await outcome(path(await address()), { proxy: ['Service'] }, withoutPort);
    expect([result?.verdict, asked.length]).toEqual(['pass', 1]);
    expect(log).toContain('the port of the pods is not known');
  });

  it.each([
    ['a tunnel breaks', { tunnels: new CutoverError('the node is gone', { code: 'api' }) }],
    ['the proxy has no answer', { proxy: ['Pod', 'Service'], answers: fromApiServer(503, 'no endpoints') }],
  ] as const)('never stands in for a pod because %s', async (_what, rights) => {
    const { result } = await outcome(path(await address()), { proxy: ['Service'], ...rights });
    expect(result).toMatchObject({ verdict: 'cannot-tell' });
    expect(asked).toEqual([]);
  });

  it('does not make up for another pod that was reached', async () => {
    const url = await address();
    const pods = tunnelledPods({ 'web-a': (_, response) => response.writeHead(500).end() }, () => forbidden('web-b'));
    const cluster = proxyCluster({
      ...pods,
      proxy: ({ name }) => {
        if (name === 'web-b') throw forbidden('pods/proxy');
        return answer(200);
      },
    });
    const [result] = await verify({
      ...{ checks: [path(url)], side: 'staged', endpoint, cluster, log: listLog(), clock: fakeClock() },
      ...{ environment: {}, signal: new AbortController().signal },
    });
    expect(result).toMatchObject({ verdict: 'fail', detail: expect.stringMatching(/^pod web-a: /) });
  });

  it('does not make up for pods that are missing', async () => {
    const { result } = await outcome(path(await address()), {}, { ...endpoint, pods: [] });
    expect([result?.verdict, asked]).toEqual(['cannot-tell', []]);
  });
});

describe('The address of a command', () => {
  it('is not its CUTOVER_URL where there is no pod', async () => {
    const { log } = await outcome(command('https://green.example.com'), {}, { ...endpoint, pods: [] });
    expect(log).toMatch(/leads through the proxy of the API server to Service web-test: there is no new pod/);
  });

  it('is its CUTOVER_URL, as it is, where neither tunnels nor the proxy are allowed', async () => {
    const { log } = await outcome(command('https://green.example.com/shop'), {});
    expect(log).toContain('| at https://green.example.com/shop\n');
    expect(log).toMatch(
      /CUTOVER_URL is https:\/\/green.example.com\/shop, where it is not known which pods answer: no tunnel could be opened: pods\/portforward is forbidden\. Missing rule: .*; nor is its proxy allowed/,
    );
  });

  it.each([
    ['tunnels are allowed', { tunnels: true }, /leads to the ready pods in turn/],
    ['the proxy is allowed', { proxy: ['Service'] }, /leads through the proxy of the API server to Service web-test/],
    [
      'no tunnel can be opened for another reason',
      { tunnels: new CutoverError('the node is gone', { code: 'api' }) },
      /leads through the proxy of the API server to Service web-test/,
    ],
  ] as const)('is not its CUTOVER_URL where %s', async (_what, rights, expected) => {
    const { log } = await outcome(command('https://green.example.com'), rights);
    expect(log).toMatch(/\| at http:\/\/127\.0\.0\.1:\d+\n/);
    expect(log).toMatch(expected);
  });
});
