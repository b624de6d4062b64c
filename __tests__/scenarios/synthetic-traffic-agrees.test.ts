import { afterAll, describe, expect, it } from '@jest/globals';
import { site } from '../support/scenario/applications.js';
import { startCluster } from '../support/scenario/cluster.js';
import { openTestNamespace, type TestNamespace } from '../support/scenario/test-namespace.js';
import type { StepResult } from '../support/runner/runner.js';
import type { TrafficCounts } from '../support/traffic/traffic.js';

const starting = startCluster();
afterAll(async () => (await starting).close());

const page = '- http: /\n  contains: site $<VERSION>\n';
/** Nothing listens on that port. */
const upstream = '            - {name: UPSTREAM, value: "9"}\n';
/** Three intervals of five requests a second. */
const longMs = 600;

/** When requests were sent that failed, in epoch milliseconds. */
interface Window {
  readonly from: number;
  readonly until: number;
}

/** The windows of failures in the summary. */
function windowsIn({ summary }: StepResult): readonly Window[] {
  const today = new Date().toISOString().slice(0, 11);
  const rows = summary.matchAll(/^\| (\d\d:\d\d:\d\d\.\d) \| (\d\d:\d\d:\d\d\.\d) \|/gm);
  return Array.from(rows, ([, from = '', until = '']) => ({
    from: Date.parse(`${today}${from}Z`),
    until: Date.parse(`${today}${until}Z`),
  }));
}

/** Of the users. `isSolid`: nearly all requests of the window failed; otherwise, only those that met some of the pods. */
interface UsersLoss extends Window {
  readonly isSolid: boolean;
}

const usersPerSecond = 50;
const lossesOf = ({ startedAt, losses }: TrafficCounts): readonly UsersLoss[] =>
  losses.map(({ fromMs, toMs, requests }) => ({
    ...{ from: startedAt + fromMs, until: startedAt + toMs },
    isSolid: requests > ((toMs - fromMs) / 1000) * usersPerSecond * 0.9,
  }));

/** Updates the site to an image that is broken, while users send ten times as many requests as the step. */
async function update(ns: TestNamespace, { tag, env, url }: { tag: string; env: string; url: boolean }) {
  await site.bring(ns);
  // Its pods are ready as soon as they run.
  await ns.rewrite('site.yml', text => text.replace(/ {10}readinessProbe:\n(?: {12}.*\n)+/, ''));
  await ns.given(site.deploy('v1', { verify: page, 'synthetic-traffic': 'false' }));
  const users = await ns.users(site.service, {
    perSecond: usersPerSecond,
    keptAlive: { connections: 0, perSecond: 0 },
  });
  await ns.rewrite('site.yml', text => text.replace('          env:\n', `          env:\n${env}`));
  const traffic = url ? `url: ${await ns.cluster.publicUrl(ns.namespace, site.service)}` : 'rate: 5';
  const result = await ns.step(site.deploy(tag, { verify: page, 'synthetic-traffic': traffic, 'stable-for': '4s' }));
  return { result, seen: await users.stop() };
}

describe('Synthetic traffic agrees with users', () => {
  it.each([
    { way: 'by URL', broken: 'answers 500', url: true, tag: 'http500', env: '' },
    { way: 'through the API server', broken: 'answers 500', url: false, tag: 'http500', env: '' },
    { way: 'by URL', broken: 'answers 502 because nothing listens behind it', url: true, tag: 'v2', env: upstream },
    {
      way: 'through the API server',
      broken: 'answers 502 because nothing listens behind it',
      url: false,
      tag: 'v2',
      env: upstream,
    },
  ])(
    'about every window of failures, $way, when pods without a readiness probe run an image that $broken',
    async how => {
      const { ns, leave } = await openTestNamespace(await starting, 'synthetic traffic agrees');
      try {
        const { result, seen } = await update(ns, how);
        expect(result.outputs.outcome).toBe('failed');
        expect(Number(result.outputs['requests-failed'])).toBeGreaterThan(0);
        const [, slowest = '0'] = /Slowest answer (\d+) ms/.exec(result.summary) ?? [];
        // A request may have been answered that much later than it was sent; and the next one is sent an interval later.
        const margin = 200 + 100 + Math.max(Number(slowest), seen.slowestMs);
        // Where only some pods fail, users see ten times as many of the failures: one window of theirs may be several of the step, which
        // begin later and end earlier.
        const sees = (loss: UsersLoss) => (window: Window) =>
          loss.isSolid
            ? window.from - margin <= loss.from && loss.until <= window.until + margin
            : window.from - margin <= loss.until && loss.from <= window.until + margin;
        const isInLoss = (atMs: number) =>
          losses.some(({ from, until }) => from - margin <= atMs && atMs <= until + margin);
        const losses = lossesOf(seen);
        const windows = windowsIn(result);
        const long = losses.filter(({ from, until }) => until - from > longMs);
        expect(long).not.toEqual([]);
        expect({ unseen: long.filter(loss => !windows.some(sees(loss))), windows }).toEqual({ unseen: [], windows });
        expect({ imagined: windows.filter(({ from, until }) => !isInLoss(from) || !isInLoss(until)), losses }).toEqual({
          imagined: [],
          losses,
        });
        expect(result.summary).toMatch(how.url ? /; \d+ of \d+ requests failed\n/ : /; through the API server \d+ of/);
      } finally {
        await leave();
      }
    },
  );
});
