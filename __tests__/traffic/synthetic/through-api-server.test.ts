import { describe, expect, it } from '@jest/globals';
import type { ProxyAnswer, ProxyRequest } from '../../../src/cluster/cluster.js';
import { CutoverError, type ErrorCode } from '../../../src/errors.js';
import { throughApiServer } from '../../../src/traffic/synthetic/through-api-server.js';
import { fakeClock, manualClock, settle } from '../../support/clock.js';
import { answer, fromApiServer, proxyCluster } from '../../support/cluster/proxy-cluster.js';

const target = { namespace: 'shop', service: 'web', port: 80, path: '/shop' };
const { signal } = new AbortController();
const status = (code: number, message: string): ProxyAnswer =>
  fromApiServer(code, JSON.stringify({ kind: 'Status', code, reason: 'ServiceUnavailable', message }));

/** The reply to a request that the API server answers so. */
async function replyTo(proxy: (request: ProxyRequest) => ProxyAnswer | Promise<ProxyAnswer>) {
  const cluster = proxyCluster({ proxy });
  const clock = { ...fakeClock(), wait: () => new Promise<void>(() => undefined) };
  return { reply: await throughApiServer({ cluster, clock }, target)(signal), asked: cluster.asked };
}

const refusing = (code: ErrorCode) => () =>
  Promise.reject(new CutoverError(`refused: ${code}`, { code, hint: 'Do this.' }));

describe('a request through the API server', () => {
  it('asks the Service for the path, and says who asks', async () => {
    const { reply, asked } = await replyTo(() => answer(200, 'hello'));
    expect(reply).toMatchObject({ kind: 'answered', answer: { status: 200 } });
    expect(asked).toEqual([
      expect.objectContaining({
        kind: 'Service',
        namespace: 'shop',
        name: 'web',
        port: 80,
        path: '/shop',
        longestBody: 1_000_000,
        headers: { 'user-agent': 'cutover-synthetic-traffic' },
      }),
    ]);
  });

  it.each([
    ['the application answers 500', answer(500, 'broken'), '500'],
    ['the application answers 503', answer(503, 'no room'), '503'],
    ['no pod is ready', status(503, 'no endpoints available for service "web"'), 'no endpoints'],
    ['no pod is ready, in plain text', fromApiServer(503, 'no endpoints available for service "web"'), 'no endpoints'],
    ['the Service is gone', status(404, 'services "web" not found'), 'no Service'],
    [
      'the Service has another port',
      status(503, 'no service port 80 found for service "web"'),
      'no such port of the Service',
    ],
    [
      'a pod refuses the connection',
      status(503, 'error trying to reach service: dial tcp 10.0.0.1:8080: connect: connection refused'),
      'connect: connection refused',
    ],
    [
      'a pod is not reached, for a reason that is long: no word is cut, as it can be a secret',
      fromApiServer(502, `error trying to reach service: ${'why '.repeat(24)}hunter22hunter22`),
      `${'why '.repeat(24).trim()}…`,
    ],
    ['a pod closes the connection', fromApiServer(502, 'error trying to reach service: EOF'), 'EOF'],
  ])('is a failure if %s', async (_what, found, why) => {
    expect((await replyTo(() => found)).reply).toEqual({ kind: 'failed', why });
  });

  it.each([
    ['answers 500 itself', status(500, 'etcdserver: request timed out')],
    ['answers 503 itself', status(503, 'the server is currently unable to handle the request')],
    ['answers 504 itself', status(504, 'Timeout: request did not complete within the allotted timeout')],
    ['has no tunnel to the node', status(503, 'error trying to reach service: No agent available')],
    [
      'cannot dial through its proxy',
      status(
        502,
        'error trying to reach service: proxy error from 127.0.0.1:6443 while dialing 10.42.0.5:8080, code 502: 502 Bad Gateway',
      ),
    ],
  ])('tells nothing if the API server %s', async (_what, found) => {
    expect((await replyTo(() => found)).reply).toEqual({
      kind: 'unknown',
      why: `the API server answered ${found.status} itself`,
    });
  });

  it.each(['unreachable', 'api', 'timeout'] as const)(
    'tells nothing if the API server cannot be reached (%s)',
    async code => {
      expect((await replyTo(refusing(code))).reply).toEqual({ kind: 'unknown', why: `refused: ${code}` });
    },
  );

  it.each(['forbidden', 'unauthorized', 'cancelled', 'kubeconfig'] as const)(
    'is the last one after the error %s',
    async code => {
      expect((await replyTo(refusing(code))).reply).toEqual({ kind: 'stop', why: `refused: ${code}. Do this.` });
    },
  );

  it.each([
    ['the API server', status(429, 'too many requests')],
    ['a gateway before it, or the application', answer(429)],
  ])('is the last one after a 429 of %s', async (_what, found) => {
    expect((await replyTo(() => found)).reply).toMatchObject({ kind: 'stop', why: expect.stringContaining('429') });
  });

  it('tells nothing if a 5xx has not passed the API server, which marks what passes it', async () => {
    const replies = [
      answer(503),
      answer(200, '', { 'audit-id': 'a' }),
      answer(503),
      answer(503, '', { 'audit-id': 'b' }),
    ];
    const cluster = proxyCluster({ proxy: () => replies.shift()! });
    const clock = { ...fakeClock(), wait: () => new Promise<void>(() => undefined) };
    const send = throughApiServer({ cluster, clock }, target);
    const kinds = [];
    for (let sent = 0; sent < 4; sent += 1) kinds.push((await send(signal)).kind);
    expect(kinds).toEqual(['failed', 'answered', 'unknown', 'failed']);
  });

  it.each([
    [
      'a failure if the API server answers for itself meanwhile',
      true,
      { kind: 'failed', why: 'no answer within 10 s', isTimeout: true },
    ],
    [
      'nothing if the API server does not answer either',
      false,
      { kind: 'unknown', why: 'the API server did not answer in time', isTimeout: true },
    ],
  ])('without an answer for ten seconds is %s', async (_what, isUp, expected) => {
    const ended: boolean[] = [];
    const cluster = proxyCluster({
      proxy: ({ port, signal: end }) => {
        if (port !== 80 && isUp) return status(503, 'no endpoints available for service "web"');
        return new Promise((_, reject) => {
          end?.addEventListener('abort', () => {
            ended.push(true);
            reject(new CutoverError('ended', { code: 'unreachable' }));
          });
        });
      },
    });
    const clock = manualClock();
    const reply = throughApiServer({ cluster, clock }, target)(signal);
    await settle();
    await clock.advance(9_999);
    expect(cluster.asked).toHaveLength(1);
    await clock.advance(1);
    expect(cluster.asked).toHaveLength(2);
    await clock.advance(3_000);
    expect(await reply).toEqual(expected);
    // Nothing keeps the process alive.
    expect(ended).toHaveLength(isUp ? 1 : 2);
  });

  it('tells nothing if this process stood still, and saw the end of the time too late', async () => {
    const cluster = proxyCluster({ proxy: () => new Promise(() => undefined) });
    const clock = manualClock();
    const reply = throughApiServer({ cluster, clock }, target)(signal);
    await settle();
    await clock.advance(15_000);
    expect(await reply).toEqual({ kind: 'unknown', why: 'this process stood still meanwhile', isTimeout: true });
    expect(cluster.asked).toHaveLength(1);
  });
});
