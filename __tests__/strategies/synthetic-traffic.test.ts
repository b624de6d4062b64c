import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/cluster/clock.js';
import type { ProxyAnswer } from '../../src/cluster/cluster.js';
import { checks } from '../../src/inputs/checks/checks.js';
import type { SyntheticTraffic as Input } from '../../src/inputs/inputs.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { openRecords } from '../../src/release/records.js';
import type { TrafficCounts } from '../../src/run/traffic-counts.js';
import { checksOf } from '../../src/strategies/shared/checks.js';
import {
  underTraffic,
  type SyntheticTraffic,
  type TrafficContext,
} from '../../src/strategies/shared/synthetic-traffic.js';
import { answer, fromApiServer, proxyCluster } from '../support/cluster/proxy-cluster.js';
import { listLog } from '../support/log.js';

const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { ports: [{ port: 80 }] },
} as unknown as KubeObject;
const users = { service, checks: checks({})('- http: /\n  contains: v2\n'), version: 'revision 2' };
const strict: Input = { kind: 'on', perSecond: 50, maxFailures: 0 };

/** A context whose application gives these answers; the last one is repeated. */
function contextOf(input: Input, answers: readonly ProxyAnswer[], signal = new AbortController().signal) {
  let sent = 0;
  const cluster = proxyCluster({ proxy: () => answers[Math.min(sent++, answers.length - 1)]! });
  const log = listLog({ debug: false });
  const recorded: TrafficCounts[] = [];
  const ctx: TrafficContext = {
    cluster,
    clock: systemClock,
    log,
    records: openRecords({ cluster, release: 'web', namespace: 'shop', log }),
    signal,
    syntheticTraffic: input,
    recordTraffic: counts => void recorded.push(counts),
  };
  return { ctx, log, recorded, cluster };
}

const require = (traffic: SyntheticTraffic) => traffic.require([]);

describe('requests while users are moved', () => {
  it('are sent from before the work, and their counts are kept', async () => {
    const { ctx, recorded, cluster } = contextOf({ kind: 'auto' }, [answer(200, 'v1')]);
    const sentBefore = await underTraffic(ctx, users, () => Promise.resolve(cluster.asked.length));
    expect(sentBefore).toBeGreaterThan(0);
    expect(recorded).toMatchObject([
      { failed: 0, version: 'revision 2', path: { kind: 'api-server', service: 'web' } },
    ]);
  });

  it('keep their counts if the work fails, whose error stays as it is', async () => {
    const { ctx, recorded } = contextOf({ kind: 'auto' }, [answer(200, 'v1')]);
    const error = new Error('the work failed');
    await expect(underTraffic(ctx, users, () => Promise.reject(error))).rejects.toBe(error);
    expect(recorded).toHaveLength(1);
  });

  it('are not sent without an http check, and one line says how to turn them on', async () => {
    const { ctx, log, recorded, cluster } = contextOf({ kind: 'auto' }, []);
    const others = [{ name: 'run: smoke' }] as never;
    expect(await underTraffic(ctx, { ...users, checks: [] }, traffic => traffic.require(others))).toBe(others);
    expect(cluster.asked).toEqual([]);
    expect(recorded).toEqual([]);
    expect(log.lines).toEqual([
      'Synthetic traffic is off: `verify` names no http path with the method GET. To count what users meet meanwhile, set `synthetic-traffic` to a map with `url` or `path`.',
    ]);
  });

  it('are not sent when they are off, without a word', async () => {
    const { ctx, log, cluster } = contextOf({ kind: 'off' }, []);
    await underTraffic(ctx, users, require);
    expect([cluster.asked, log.lines]).toEqual([[], []]);
  });

  it('do not tell versions apart if users stay on theirs', async () => {
    const { ctx, recorded } = contextOf({ kind: 'auto' }, [answer(200, 'v1')]);
    const { version: _version, ...staying } = users;
    await underTraffic(ctx, staying, require);
    expect(recorded[0]).not.toHaveProperty('versions');
    expect(recorded[0]).not.toHaveProperty('version');
  });

  it('warn of failures at the end, and do no more without a limit', async () => {
    const { ctx, log, recorded } = contextOf({ kind: 'on', perSecond: 50 }, [answer(200, 'v1'), answer(503)]);
    await underTraffic(ctx, users, async traffic => {
      await new Promise<void>(resolve => {
        log.info = line => {
          log.lines.push(line);
          if (line.includes('fails: 503')) resolve();
        };
      });
      expect(await traffic.require([])).toEqual([]);
    });
    expect(recorded[0]?.failed).toBeGreaterThan(0);
    expect(log.lines.at(-1)).toMatch(
      /^Synthetic traffic: \d+ of \d+ requests through the API server to Service web, path \/ failed, the first one with 503; /,
    );
  });
});

describe('max-failures', () => {
  it('is a check that passes', async () => {
    const { ctx } = contextOf(strict, [answer(200, 'v1')]);
    expect(await underTraffic(ctx, users, require)).toEqual([
      expect.objectContaining({ name: 'synthetic-traffic', side: 'public', verdict: 'pass' }),
    ]);
  });

  it('ends the work as soon as it is exceeded', async () => {
    const { ctx } = contextOf(strict, [answer(200, 'v1'), answer(503)]);
    const work = underTraffic(ctx, users, async ({ exceeded }) => {
      await once(exceeded, 'abort');
      exceeded.throwIfAborted();
    });
    const error = await work.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'verify',
      message:
        'Users lose requests: 1 of 2 requests through the API server to Service web, path / failed, the first one with 503; max-failures: 0',
    });
    expect(checksOf(error)).toMatchObject([{ name: 'synthetic-traffic', verdict: 'fail' }]);
  });

  it('is not kept by requests that are still under way when it is asked', async () => {
    let fail: (found: ProxyAnswer) => void = () => undefined;
    const { ctx, cluster } = contextOf(strict, [answer(200, 'v1')]);
    const hanging = new Promise<ProxyAnswer>(resolve => (fail = resolve));
    const work = underTraffic(ctx, users, async traffic => {
      const asked = new Promise<void>(resolve => {
        cluster.proxy = () => {
          resolve();
          return hanging;
        };
      });
      await asked;
      const required = traffic.require([]);
      fail(answer(500));
      return required;
    });
    await expect(work).rejects.toMatchObject({ code: 'verify' });
  });

  it.each([
    [
      'nothing was answered',
      [fromApiServer(503, 'no endpoints available for service "web"')],
      'no request was answered: no endpoints',
    ],
    ['the API server asked for fewer requests', [answer(429)], 'it has stopped: the answer was 429, too many requests'],
  ])('cannot be told, and so is not kept, if %s', async (_what, answers, why) => {
    const { ctx } = contextOf(strict, answers);
    const error = await underTraffic(ctx, users, require).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'verify',
      message: `Whether users lost requests cannot be told, which \`max-failures\` asks for: ${why}`,
      hint: expect.stringContaining('leave out `max-failures`'),
    });
    expect(checksOf(error)).toMatchObject([{ verdict: 'cannot-tell', detail: why }]);
  });

  it('does not hold up a run that is cancelled', async () => {
    const cancel = new AbortController();
    const { ctx, cluster } = contextOf(strict, [answer(200, 'v1')], cancel.signal);
    const work = underTraffic(ctx, users, async traffic => {
      cluster.proxy = () => new Promise(() => undefined);
      const required = traffic.require([]);
      cancel.abort(new Error('cancelled'));
      return required;
    });
    await expect(work).rejects.toThrow('cancelled');
  });
});
