import { describe, expect, it } from '@jest/globals';
import type { Cluster, ProxyAnswer, ProxyRequest } from '../../src/cluster/cluster.js';
import { CutoverError } from '../../src/errors.js';
import type { HttpCheck } from '../../src/inputs/checks/http.js';
import type { RunCheck } from '../../src/inputs/checks/run.js';
import type { Check } from '../../src/inputs/inputs.js';
import type { Endpoint, EndpointPod } from '../../src/verify/endpoint.js';
import { verify } from '../../src/verify/verify.js';
import { fakeClock } from '../support/clock.js';
import { listLog } from '../support/log.js';
import { answer, proxyCluster, fromApiServer, livePod } from '../support/cluster/proxy-cluster.js';

const http = (check: Partial<HttpCheck> = {}): HttpCheck => ({
  kind: 'http',
  target: '/',
  method: 'GET',
  expect: { status: ['2xx'] },
  pods: 'every',
  when: 'both',
  retryMs: 0,
  intervalMs: 5_000,
  ...check,
});

const run = (command: string, check: Partial<RunCheck> = {}): RunCheck => ({
  kind: 'run',
  command,
  when: 'both',
  retryMs: 0,
  intervalMs: 5_000,
  ...check,
});

const endpoint: Endpoint = {
  namespace: 'shop',
  service: { name: 'web-test', port: 80 },
  pods: [
    { name: 'web-a', uid: 'uid-of-web-a' },
    { name: 'web-b', uid: 'uid-of-web-b' },
  ],
  podPort: 8080,
};
const alone: Endpoint = { namespace: 'shop', pods: endpoint.pods, podPort: 8080 };
const podless: Endpoint = { ...endpoint, pods: [] };
const nowhere: Endpoint = { namespace: 'shop', pods: endpoint.pods };

async function outcome(options: {
  readonly checks: readonly Check[];
  readonly cluster?: Cluster;
  readonly endpoint?: Endpoint;
  readonly side?: 'staged' | 'public';
  readonly isBaking?: boolean;
  readonly signal?: AbortSignal;
  readonly environment?: Record<string, string>;
}) {
  const log = listLog();
  const clock = fakeClock();
  const results = await verify({
    side: 'staged',
    endpoint,
    cluster: proxyCluster({ proxy: () => answer(200) }),
    environment: { PATH: process.env['PATH'] ?? '' },
    signal: new AbortController().signal,
    ...options,
    log,
    clock,
  });
  return { results, lines: log.lines, waited: clock.waited };
}

/** Answers by name of the pod or Service asked. */
const byName =
  (answers: Record<string, ProxyAnswer>, otherwise = answer(200)) =>
  ({ name }: ProxyRequest): ProxyAnswer =>
    answers[name] ?? otherwise;

/** Answers in the order of the requests; the last one for all that follow. */
function inTurn(...answers: readonly ProxyAnswer[]): () => ProxyAnswer {
  let turn = 0;
  return () => answers[Math.min(turn++, answers.length - 1)]!;
}

describe('an http check by path', () => {
  it('requests every new pod by name and the Service, each with its own port', async () => {
    const cluster = proxyCluster({ proxy: () => answer(200) });
    const { results } = await outcome({ checks: [http({ target: '/healthz?deep=1' })], cluster });
    expect([...cluster.asked].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { kind: 'Pod', namespace: 'shop', name: 'web-a', port: 8080, path: '/healthz?deep=1', method: 'GET' },
      { kind: 'Pod', namespace: 'shop', name: 'web-b', port: 8080, path: '/healthz?deep=1', method: 'GET' },
      { kind: 'Service', namespace: 'shop', name: 'web-test', port: 80, path: '/healthz?deep=1', method: 'GET' },
    ]);
    expect(results).toEqual([
      {
        name: 'GET /healthz?deep=1',
        side: 'staged',
        verdict: 'pass',
        detail: '2 pods and Service web-test answered 200',
        attempts: 1,
        seconds: 0,
      },
    ]);
  });

  it('requests only the Service when any pod is enough', async () => {
    const cluster = proxyCluster({ proxy: () => answer(200) });
    const { results } = await outcome({ checks: [http({ pods: 'any' })], cluster });
    expect(cluster.asked.map(({ name }) => name)).toEqual(['web-test']);
    expect(results[0]).toMatchObject({ verdict: 'pass', detail: 'Service web-test answered 200' });
  });

  it('requests only the pods where there is no test Service', async () => {
    const cluster = proxyCluster({ proxy: () => answer(200) });
    const { results } = await outcome({ checks: [http()], cluster, endpoint: alone });
    expect(cluster.asked.map(({ name }) => name)).toEqual(['web-a', 'web-b']);
    expect(results[0]).toMatchObject({ verdict: 'pass', detail: '2 pods answered 200' });
  });

  it('passes on one good pod without a test Service when any is enough', async () => {
    const cluster = proxyCluster({ proxy: byName({ 'web-a': answer(500) }) });
    const { results } = await outcome({ checks: [http({ pods: 'any' })], cluster, endpoint: alone });
    expect(results[0]).toMatchObject({ verdict: 'pass', detail: 'pod web-b answered 200' });
  });

  it('fails at once without retry when one pod of several fails, with its name', async () => {
    const cluster = proxyCluster({ proxy: byName({ 'web-b': answer(500, 'boom') }) });
    const { results, waited } = await outcome({ checks: [http()], cluster });
    expect(waited).toEqual([]);
    expect(results[0]).toMatchObject({
      verdict: 'fail',
      detail: 'pod web-b: expected status 2xx; got 500 "boom"',
      attempts: 1,
    });
  });

  it('fails when all pods answer but the Service routes elsewhere', async () => {
    const cluster = proxyCluster({ proxy: byName({ 'web-test': answer(200, 'v7') }, answer(200, 'v8')) });
    const { results } = await outcome({ checks: [http({ expect: { status: ['2xx'], contains: 'v8' } })], cluster });
    expect(results[0]).toMatchObject({
      verdict: 'fail',
      detail: 'Service web-test: expected a body that contains "v8"; got 200 "v7"',
    });
  });

  it('names three of many failing pods and counts the rest', async () => {
    const pods = ['a', 'b', 'c', 'd', 'e'].map(name => ({ name }));
    const cluster = proxyCluster({ proxy: () => answer(500) });
    const { results } = await outcome({ checks: [http()], cluster, endpoint: { ...alone, pods } });
    expect(results[0]?.detail).toBe(
      'pod a: expected status 2xx; got 500 (empty); pod b: expected status 2xx; got 500 (empty); ' +
        'pod c: expected status 2xx; got 500 (empty); and 2 more',
    );
  });

  it.each([
    ['there is no new pod', podless, 'there is no new pod'],
    [
      'somebody scaled it to 0',
      { ...podless, whyNoPods: 'Deployment shop/web is scaled to 0 by kubectl' },
      'there is no new pod: Deployment shop/web is scaled to 0 by kubectl',
    ],
    ['no port is known', nowhere, 'the pods have no known container port'],
  ])('cannot tell when %s, and does not wait for it', async (_, where, detail) => {
    const { results, waited } = await outcome({ checks: [http()], endpoint: where });
    expect(results[0]).toMatchObject({ verdict: 'cannot-tell', detail, attempts: 1 });
    expect(waited).toEqual([]);
  });
});

describe('retries', () => {
  it('continue at every interval until the answer is right', async () => {
    const cluster = proxyCluster({ proxy: inTurn(answer(503), answer(503), answer(200)) });
    const check = http({ pods: 'any', retryMs: 60_000, intervalMs: 4_000 });
    const { results, waited, lines } = await outcome({ checks: [check], cluster });
    expect(waited).toEqual([4_000, 4_000]);
    expect(results[0]).toMatchObject({ verdict: 'pass', attempts: 3, seconds: 8 });
    expect(lines).toEqual([
      'not yet: GET /: Service web-test: expected status 2xx; got 503 (empty); retrying for up to 60 s',
      'passed: GET /: Service web-test answered 200',
    ]);
  });

  it('are logged again only when the reason changes', async () => {
    const cluster = proxyCluster({ proxy: inTurn(answer(503), answer(503), answer(404), answer(200)) });
    const { lines } = await outcome({ checks: [http({ pods: 'any', retryMs: 60_000 })], cluster });
    expect(lines.filter(line => line.startsWith('not yet'))).toEqual([
      expect.stringContaining('got 503'),
      'not yet: GET /: Service web-test: expected status 2xx; got 404 (empty)',
    ]);
  });

  it('are logged again every 30 s while the reason stays the same', async () => {
    const { lines } = await outcome({
      checks: [http({ pods: 'any', retryMs: 70_000 })],
      cluster: proxyCluster({ proxy: () => answer(503) }),
    });
    expect(lines.filter(line => line.startsWith('not yet')).slice(1)).toEqual([
      'not yet: GET /: Service web-test: expected status 2xx; got 503 (empty); 40 s left',
      'not yet: GET /: Service web-test: expected status 2xx; got 503 (empty); 10 s left',
    ]);
  });

  it('end at the time limit, with a last attempt at that moment', async () => {
    const cluster = proxyCluster({ proxy: () => answer(503) });
    const check = http({ pods: 'any', retryMs: 12_000, intervalMs: 5_000 });
    const { results, waited } = await outcome({ checks: [check], cluster });
    expect(waited).toEqual([5_000, 5_000, 2_000]);
    expect(results[0]).toMatchObject({ verdict: 'fail', attempts: 4, seconds: 12 });
  });

  it('continue for 30 s where the API server cannot reach the pod, even without retry', async () => {
    const status = JSON.stringify({ kind: 'Status', message: 'no endpoints available for service "web-test"' });
    const cluster = proxyCluster({ proxy: () => fromApiServer(503, status) });
    const { results } = await outcome({ checks: [http({ pods: 'any', intervalMs: 10_000 })], cluster });
    expect(results[0]).toMatchObject({
      verdict: 'cannot-tell',
      detail: 'Service web-test: the API server answered 503 "no endpoints available for service "web-test""',
      attempts: 4,
      seconds: 30,
    });
  });

  it('pass when the connection to the pod recovers within that time', async () => {
    const proxy = inTurn(fromApiServer(502, 'error trying to reach service: connection refused'), answer(200));
    const { results } = await outcome({ checks: [http({ pods: 'any' })], cluster: proxyCluster({ proxy }) });
    expect(results[0]).toMatchObject({ verdict: 'pass', attempts: 2 });
  });

  it('cannot tell, instead of fail, with an unreachable API server', async () => {
    const proxy = (): never => {
      throw new CutoverError('No connection to 10.0.0.1:6443: ECONNRESET', { code: 'unreachable' });
    };
    const cluster = proxyCluster({ proxy });
    const { results } = await outcome({ checks: [http()], cluster, endpoint: alone });
    expect(cluster.read).toEqual([]);
    expect(results[0]).toMatchObject({
      verdict: 'cannot-tell',
      detail:
        'pod web-a: No connection to 10.0.0.1:6443: ECONNRESET; pod web-b: No connection to 10.0.0.1:6443: ECONNRESET',
    });
  });

  it('end with the error of a missing permission', async () => {
    const refusal = new CutoverError('Not allowed to get pods/proxy', { code: 'forbidden' });
    const proxy = (): never => {
      throw refusal;
    };
    await expect(outcome({ checks: [http()], cluster: proxyCluster({ proxy }) })).rejects.toBe(refusal);
  });
});

describe('a pod that goes away during a check', () => {
  it.each([
    ['disappeared', undefined, 'disappeared'],
    ['was replaced', livePod('web-b', { uid: 'another' }), 'was replaced by another pod of the same name'],
    ['terminates', livePod('web-b', { deletionTimestamp: '2026-01-01T00:00:00Z' }), 'began to terminate'],
  ])('that %s is reported as cannot tell, not as a failure, without retry', async (_, live, fate) => {
    const cluster = proxyCluster({
      proxy: byName({ 'web-b': answer(500, 'bye') }),
      pod: name => (name === 'web-b' ? live : livePod(name)),
    });
    const { results, waited } = await outcome({ checks: [http({ retryMs: 60_000 })], cluster });
    expect(results[0]).toMatchObject({
      verdict: 'cannot-tell',
      detail: `pod web-b: it ${fate} while the check ran (expected status 2xx; got 500 "bye")`,
    });
    expect(waited).toEqual([]);
  });

  it('is left out, and what took its place is asked once it is ready', async () => {
    const gone = new Set(['web-a', 'web-b']);
    const cluster = proxyCluster({
      proxy: ({ name }) => (gone.has(name) ? fromApiServer(404, 'not found') : answer(200)),
      pod: name => (gone.has(name) ? undefined : livePod(name)),
    });
    const rounds: (readonly EndpointPod[])[] = [
      [],
      [{ name: 'web-c', isStarting: true }],
      [{ name: 'web-c' }, { name: 'web-d' }],
    ];
    const replaced = { ...endpoint, currentPods: () => Promise.resolve(rounds.shift() ?? []) };
    const { results } = await outcome({ checks: [http()], cluster, endpoint: replaced });
    expect(results).toMatchObject([
      { verdict: 'pass', attempts: 4, detail: expect.stringMatching(/^2 pods and Service/) },
    ]);
    expect(
      cluster.asked
        .map(({ name }) => name)
        .slice(-3)
        .sort(),
    ).toEqual(['web-c', 'web-d', 'web-test']);
  });

  it('is left out also where it was evicted, so that its object is left', async () => {
    const cluster = proxyCluster({
      proxy: byName({ 'web-b': fromApiServer(503, 'no route') }),
      pod: name => (name === 'web-b' ? { ...livePod(name), status: { phase: 'Failed' } } : livePod(name)),
    });
    const left = { ...endpoint, currentPods: () => Promise.resolve(endpoint.pods.slice(0, 1)) };
    const { results } = await outcome({ checks: [http()], cluster, endpoint: left });
    expect(results).toMatchObject([{ verdict: 'pass', attempts: 2 }]);
  });

  it('does not end the retries of a check that another pod fails', async () => {
    const answers = inTurn(answer(500), answer(500), answer(200));
    const cluster = proxyCluster({
      proxy: ({ name }) => (name === 'web-a' ? answers() : name === 'web-b' ? answer(500) : answer(200)),
      pod: name => (name === 'web-b' ? undefined : livePod(name)),
    });
    const left = { ...endpoint, currentPods: () => Promise.resolve(endpoint.pods.slice(0, 1)) };
    const { results } = await outcome({ checks: [http({ retryMs: 20_000 })], cluster, endpoint: left });
    expect(results).toMatchObject([{ verdict: 'pass', attempts: 3 }]);
  });

  it('is not read while all answers are right', async () => {
    const cluster = proxyCluster({ proxy: () => answer(200) });
    await outcome({ checks: [http()], cluster });
    expect(cluster.read).toEqual([]);
  });
});

describe('a list of checks', () => {
  it('that is empty requires ready pods only, which is logged', async () => {
    const { results, lines } = await outcome({ checks: [] });
    expect(results).toEqual([]);
    expect(lines).toEqual(['No checks are configured (staged): ready pods are sufficient']);
  });

  it.each([
    ['staged', ['GET /both', 'GET /staged']],
    ['public', ['GET /both', 'GET /public']],
  ] as const)('runs on the %s side what is meant for it', async (side, names) => {
    const checks = (['both', 'staged', 'public'] as const).map(when => http({ target: `/${when}`, when }));
    const { results } = await outcome({ checks, side });
    expect(results.map(({ name }) => name)).toEqual(names);
    expect(new Set(results.map(result => result.side))).toEqual(new Set([side]));
  });

  it.each([
    [true, ['GET /both', 'GET /public', 'GET /bake']],
    [false, ['GET /both', 'GET /public']],
  ])('runs what is meant for the bake only then: %s', async (isBaking, names) => {
    const checks = (['both', 'staged', 'public', 'bake'] as const).map(when => http({ target: `/${when}`, when }));
    const { results } = await outcome({ checks, side: 'public', isBaking });
    expect(results.map(({ name }) => name)).toEqual(names);
  });

  it('stops at the first check that does not pass and reports the rest as not run', async () => {
    const cluster = proxyCluster({ proxy: ({ path }) => answer(path === '/bad' ? 500 : 200) });
    const checks = [http({ target: '/good' }), http({ target: '/bad' }), http({ target: '/next' }), run('exit 0')];
    const { results } = await outcome({ checks, cluster });
    expect(results.map(({ name, verdict, attempts }) => [name, verdict, attempts])).toEqual([
      ['GET /good', 'pass', 1],
      ['GET /bad', 'fail', 1],
      ['GET /next', 'cannot-tell', 0],
      ['run: exit 0', 'cannot-tell', 0],
    ]);
    expect(results[3]?.detail).toBe('not run, because "GET /bad" did not pass');
    expect(cluster.asked.map(({ path }) => path)).not.toContain('/next');
  });
});

describe('a cancelled run', () => {
  it('does not wait for a pending answer', async () => {
    const controller = new AbortController();
    const proxy = (): Promise<ProxyAnswer> => {
      controller.abort();
      return new Promise(() => undefined);
    };
    const attempt = outcome({ checks: [http()], cluster: proxyCluster({ proxy }), signal: controller.signal });
    await expect(attempt).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('ends the checks between two attempts', async () => {
    const controller = new AbortController();
    const proxy = (): ProxyAnswer => {
      controller.abort();
      return answer(500);
    };
    const attempt = outcome({
      checks: [http({ retryMs: 60_000 })],
      cluster: proxyCluster({ proxy }),
      signal: controller.signal,
    });
    await expect(attempt).rejects.toMatchObject({
      code: 'cancelled',
      message: 'The run was cancelled while check "GET /" was running',
    });
  });

  it('ends with the reason of the signal', async () => {
    const reason = new CutoverError('The lock of web was lost', { code: 'locked' });
    await expect(outcome({ checks: [http()], signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('a run check through verify', () => {
  it('has the endpoint in CUTOVER_URL and its side in CUTOVER_SIDE', async () => {
    const cluster = proxyCluster({ proxy: () => answer(200, 'hello') });
    const command = `"${process.execPath}" -e 'fetch(process.env.CUTOVER_URL + "/x").then(r => r.text()).then(t => console.log(t, process.env.CUTOVER_SIDE))'`;
    const { results, lines } = await outcome({ checks: [run(command)], cluster });
    expect(lines).toContain('| hello staged');
    expect(results[0]).toMatchObject({ verdict: 'pass', detail: 'exit status 0' });
    expect(cluster.asked).toMatchObject([{ kind: 'Service', name: 'web-test', port: 80, path: '/x', method: 'GET' }]);
  });

  it('is retried until it passes', async () => {
    const cluster = proxyCluster({ proxy: () => answer(200) });
    const { results } = await outcome({ checks: [run('exit 7', { retryMs: 5_000 })], cluster });
    expect(results[0]).toMatchObject({
      verdict: 'fail',
      detail: 'expected exit status 0; got 7, last line (empty)',
      attempts: 2,
    });
  });

  it('runs without CUTOVER_URL where there is no target, which is logged', async () => {
    const { results, lines } = await outcome({ checks: [run('test -z "$CUTOVER_URL"')], endpoint: nowhere });
    expect(results[0]).toMatchObject({ verdict: 'pass' });
    expect(lines[0]).toBe('CUTOVER_URL is not set: there is no Service and no pod with a known port');
  });
});
