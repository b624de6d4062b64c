import type { RequestListener } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import type { Cluster } from '../../../src/cluster/cluster.js';
import { CutoverError } from '../../../src/errors.js';
import type { HttpCheck } from '../../../src/inputs/checks/http.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import type { Endpoint } from '../../../src/verify/endpoint.js';
import { verify } from '../../../src/verify/verify.js';
import { fakeClock } from '../../support/clock.js';
import { answer, fromApiServer, livePod, proxyCluster } from '../../support/cluster/proxy-cluster.js';
import { tunnelledPods } from '../../support/cluster/tunnelled-pods.js';
import { listLog } from '../../support/log.js';

const endpoint: Endpoint = {
  namespace: 'shop',
  service: { name: 'web-test', port: 80 },
  pods: [
    { name: 'web-a', uid: 'uid-of-web-a' },
    { name: 'web-b', uid: 'uid-of-web-b' },
  ],
  podPort: 8080,
};
const check: HttpCheck = {
  ...{ kind: 'http', target: '/healthz?deep=1', method: 'GET', expect: { status: ['2xx'] }, pods: 'every' },
  ...{ when: 'both', retryMs: 0, intervalMs: 5_000 },
};

const withAddress = (name: string): KubeObject => ({ ...livePod(name), status: { podIP: `10.0.0.${name.length}` } });
const says =
  (status: number, text = ''): RequestListener =>
  (_, response) =>
    response.writeHead(status).end(text);
const forbidden = (resource: string): CutoverError =>
  new CutoverError(`${resource} is forbidden`, { code: 'forbidden', hint: `Missing rule: ${resource}` });

async function outcome(cluster: Cluster, at: Endpoint = endpoint) {
  const log = listLog();
  const results = await verify({
    ...{ checks: [check], side: 'staged', endpoint: at, cluster, log, clock: fakeClock(), environment: {} },
    signal: new AbortController().signal,
  });
  return { results, lines: log.lines };
}

describe('A check of a path', () => {
  it('asks each pod through a tunnel of its own, and the Service through the proxy', async () => {
    const asked: unknown[] = [];
    const handle: RequestListener = ({ url, method, headers }, response) => {
      asked.push([method, url, headers.host, headers.authorization]);
      response.end();
    };
    const pods = tunnelledPods({ 'web-a': handle, 'web-b': handle });
    const cluster = proxyCluster({ ...pods, proxy: () => answer(200), pod: withAddress });
    const { results, lines } = await outcome(cluster);
    expect(results).toMatchObject([{ verdict: 'pass', detail: '2 pods and Service web-test answered 200' }]);
    expect(pods.opened).toEqual(['web-a', 'web-b'].map(name => ({ namespace: 'shop', name, port: 8080 })));
    expect(asked).toEqual([1, 2].map(() => ['GET', '/healthz?deep=1', '10.0.0.5:8080', undefined]));
    expect(cluster.asked.map(({ name }) => name)).toEqual(['web-test']);
    expect(lines.filter(line => /reached/.test(line))).toEqual(['Pods are reached through tunnels (port-forward)']);
    expect(pods.near.every(tunnel => tunnel.destroyed)).toBe(true);
  });

  it('does not count the answer of another pod of the same name', async () => {
    const pods = tunnelledPods({ 'web-a': says(200), 'web-b': says(200) });
    const pod = (name: string): KubeObject => livePod(name, name === 'web-b' ? { uid: 'another' } : {});
    const { results } = await outcome(proxyCluster({ ...pods, proxy: () => answer(200), pod }));
    expect(results).toMatchObject([
      {
        verdict: 'cannot-tell',
        detail: 'pod web-b: it was replaced by another pod of the same name while the check ran',
      },
    ]);
  });

  it('leaves out a pod that is gone, and asks the one in its place', async () => {
    const gone = ({ name }: { name: string }): Error => new CutoverError(`no ${name}`, { code: 'not-found' });
    const pods = tunnelledPods({ 'web-a': says(200), 'web-c': says(200) }, gone);
    const currentPods = () => Promise.resolve([{ name: 'web-a' }, { name: 'web-c' }]);
    const cluster = proxyCluster({ ...pods, proxy: () => answer(200) });
    const { results } = await outcome(cluster, { ...endpoint, currentPods });
    expect(results).toMatchObject([{ verdict: 'pass', attempts: 2 }]);
  });

  it('says that nothing listens at the port, and tries again', async () => {
    let isListening = false;
    const pods = tunnelledPods({ 'web-a': says(200), 'web-b': says(200) });
    const cluster = proxyCluster({
      proxy: () => answer(200),
      tunnel: async target => {
        const tunnel = await pods.tunnel(target);
        if (target.name === 'web-b' && !isListening) {
          isListening = true;
          tunnel.on('error', () => undefined);
          tunnel.destroy(new CutoverError('nothing listens at port 8080 of Pod shop/web-b', { code: 'api' }));
        }
        return tunnel;
      },
    });
    const { results, lines } = await outcome(cluster);
    expect(lines.join('\n')).toContain('not yet: GET /healthz?deep=1: pod web-b: nothing listens at port 8080');
    expect(results).toMatchObject([{ verdict: 'pass', attempts: 2 }]);
  });

  it('takes no part of an answer for the whole when its tunnel is cut', async () => {
    const half: RequestListener = (_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => {
        pods.near[0]!.destroy(new CutoverError('the tunnel was cut', { code: 'unreachable' }));
      });
    };
    let turn = 0;
    const pods = tunnelledPods({ 'web-a': (...exchange) => (turn++ === 0 ? half : says(200))(...exchange) });
    const cluster = proxyCluster({ ...pods, proxy: () => answer(200) });
    const { results, lines } = await outcome(cluster, { ...endpoint, pods: endpoint.pods.slice(0, 1) });
    expect(lines.join('\n')).toContain('pod web-a: the tunnel was cut');
    expect(results).toMatchObject([{ verdict: 'pass', attempts: 2 }]);
  });
});

describe('Without the right to open tunnels', () => {
  it('pods are asked through the proxy, and the log names the right', async () => {
    const pods = tunnelledPods({}, () => forbidden('pods/portforward'));
    const cluster = proxyCluster({ ...pods, proxy: () => answer(200) });
    const { results, lines } = await outcome(cluster);
    expect(results).toMatchObject([{ verdict: 'pass', detail: '2 pods and Service web-test answered 200' }]);
    expect(cluster.asked.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
      'Pod web-a',
      'Pod web-b',
      'Service web-test',
    ]);
    expect(lines.filter(line => /reached/.test(line))).toEqual([
      'Pods are reached through the proxy of the API server, because no tunnel could be opened: pods/portforward is forbidden. Missing rule: pods/portforward',
    ]);
  });

  it('nor that to use the proxy, the error names the tunnel', async () => {
    const pods = tunnelledPods({}, () => forbidden('pods/portforward'));
    const proxy = ({ kind }: { readonly kind: string }) => {
      if (kind === 'Pod') throw forbidden('pods/proxy');
      return answer(200);
    };
    await expect(outcome(proxyCluster({ ...pods, proxy }))).rejects.toMatchObject({
      code: 'forbidden',
      hint: 'Missing rule: pods/portforward',
    });
  });

  it('no more tunnels are tried', async () => {
    const pods = tunnelledPods({}, () => forbidden('pods/portforward'));
    let answers = 0;
    const proxy = () => (answers++ < 3 ? fromApiServer(503, 'not yet') : answer(200));
    const { results } = await outcome(proxyCluster({ ...pods, proxy }));
    expect([results[0]?.verdict, results[0]?.attempts, pods.opened.length]).toEqual(['pass', 2, 2]);
  });
});

describe('A tunnel that cannot be opened for another reason', () => {
  it('is tried again where the proxy is not allowed: the reason may pass', async () => {
    let failures = 2;
    const pods = tunnelledPods({ 'web-a': says(200), 'web-b': says(200) });
    const cluster = proxyCluster({
      proxy: ({ kind }) => {
        if (kind === 'Pod') throw forbidden('pods/proxy');
        return answer(200);
      },
      tunnel: target =>
        failures-- > 0
          ? Promise.reject(new CutoverError('the node does not answer', { code: 'api' }))
          : pods.tunnel(target),
    });
    const { results, lines } = await outcome(cluster);
    expect(lines.join('\n')).toContain('pod web-a: the node does not answer');
    expect(results).toMatchObject([{ verdict: 'pass', attempts: 2 }]);
  });

  it.each(['cancelled', 'unauthorized'] as const)('ends the check when it is %s', async code => {
    const pods = tunnelledPods({}, () => new CutoverError(code, { code }));
    const cluster = proxyCluster({ ...pods, proxy: () => answer(200) });
    await expect(outcome(cluster)).rejects.toMatchObject({ code });
    expect(cluster.asked.filter(({ kind }) => kind === 'Pod')).toEqual([]);
  });
});
