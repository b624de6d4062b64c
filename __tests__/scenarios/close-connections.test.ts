import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, jest } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { field } from '../support/field.js';
import { describeEmbedded, startCluster } from '../support/scenario/cluster.js';
import { connected, keptAliveClient } from '../support/scenario/connected.js';
import { arrived, untilReady } from '../support/scenario/expectations.js';
import { scenario, scenarioWithoutGolden } from '../support/scenario/scenario.js';
import { stepAs } from '../support/scenario/shop.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';
import type { Traffic } from '../support/traffic/traffic.js';

// A request of twenty seconds has to end on a real cluster.
jest.setTimeout(300_000);

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const closing = { 'close-connections': 'auto', drain: '500ms', timeout: '3m' };

const podsOf = async (ns: TestNamespace, role: string): Promise<readonly KubeObject[]> =>
  (await ns.list('Pod')).filter(({ metadata }) => metadata.labels?.['role'] === role);
const uids = async (ns: TestNamespace, role: string) => (await podsOf(ns, role)).map(({ metadata }) => metadata.uid);

/** No request is lost, and every kept-alive connection ends on the version. */
async function expectAllOn(users: Traffic, version: string): Promise<void> {
  await arrived(users, version);
  const { keptAlive: before } = await users.counts();
  // Each connection has sent a request since.
  await users.more(60);
  const { losses, keptAlive } = await users.stop();
  expect([losses, keptAlive.losses]).toEqual([[], []]);
  expect(keptAlive.sent).toBeGreaterThan(before.sent);
  expect([...new Set(keptAlive.current)]).toEqual([version]);
}

describe('After a switch that keeps the old role', () => {
  scenario(
    'a kept-alive client and a request of 20 s lose nothing and end on the new version, and the old role stays at its full size',
    cluster,
    async ns => {
      await connected.bring(ns, { replicas: 3, graceSeconds: 60 });
      await ns.given(connected.release('v1'));
      await ns.given(connected.stage('v2'));
      const before = await uids(ns, 'blue');
      const template = field(await ns.get('Deployment', 'connected-blue'), 'spec');
      const users = await ns.users(connected.service);
      const client = keptAliveClient(await ns.cluster.publicUrl(ns.namespace, connected.service));
      expect(await client.ask('/')).toBe('200 site v1');
      const slow = client.ask('/slow/20');

      const promoted = await ns.step(connected.promote(closing));
      expect(promoted).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched', 'active-role': 'green' } });
      expect(promoted.summary).toContain('Connections that users had kept open to blue are closed.');
      await expect(slow).resolves.toBe('200 site v1');
      expect(await client.ask('/')).toBe('200 site v2');
      client.close();
      await expectAllOn(users, 'v2');

      await untilReady(ns, 'connected-blue', 3);
      const after = await uids(ns, 'blue');
      expect([after.length, after.filter(uid => before.includes(uid))]).toEqual([3, []]);
      expect(field(await ns.get('Deployment', 'connected-blue'), 'spec')).toEqual(template);
      const back = await ns.step(connected.rollback());
      expect(back.outputs).toMatchObject({ outcome: 'rolled-back', 'active-role': 'blue' });
    },
  );

  scenarioWithoutGolden('a killed step is finished by the next, and nobody loses a request', cluster, async ns => {
    await connected.bring(ns, { replicas: 4, graceSeconds: 30 });
    await ns.given(connected.release('v1'));
    await ns.given(connected.stage('v2'));
    const before = await uids(ns, 'blue');
    const users = await ns.users(connected.service);
    const killed = await ns.step(connected.promote(closing), {
      interrupt: { when: /1 of 4 pods are being replaced/, signal: 'SIGKILL' },
    });
    expect(killed).toMatchObject({ exitCode: 137, postExitCode: 0 });
    const again = await ns.step(connected.promote(closing));
    expect(again).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched', 'active-role': 'green' } });
    expect((await uids(ns, 'blue')).filter(uid => before.includes(uid))).toEqual([]);
    await expectAllOn(users, 'v2');
  });

  scenario('the step needs one more right, and without it says which, and succeeds', cluster, async ns => {
    await connected.bring(ns, { replicas: 2, graceSeconds: 30 });
    await ns.given(connected.release('v1'));
    await ns.given(connected.stage('v2'));
    const rights = { roles: ['cutover-promote'] as const, without: ['create pods/eviction'] };
    const promoted = await stepAs(ns, rights, connected.promote(closing));
    expect(promoted).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched' } });
    expect(promoted.log).toMatch(
      /Missing rule: \{apiGroups: \[""\], resources: \["pods\/eviction"\], verbs: \["create"\]\}/,
    );
  });
});

describeEmbedded('A role of twenty pods with a long grace', 'a small node has no room for forty pods', () => {
  scenarioWithoutGolden(
    'is replaced in batches of a quarter, while at least three quarters are ready',
    cluster,
    async ns => {
      await connected.bring(ns, { replicas: 20, graceSeconds: 100 });
      await ns.given(connected.release('v1'));
      await ns.given(connected.stage('v2'));
      const before = await uids(ns, 'blue');
      const users = await ns.users(connected.service);
      const least = { ready: 20 };
      const ended = new AbortController();
      const watching = watchReady(ns, ready => (least.ready = Math.min(least.ready, ready)), ended.signal);
      const promoted = await ns.step(connected.promote(closing));
      ended.abort();
      await watching;
      expect(promoted).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched' } });
      expect(promoted.log).toContain('Closing connections to blue: its 20 pods are replaced, at most 5 at a time');
      expect(least.ready).toBeGreaterThanOrEqual(15);
      expect((await uids(ns, 'blue')).filter(uid => before.includes(uid))).toEqual([]);
      await expectAllOn(users, 'v2');
    },
  );

  scenario('is left as it is, with a line, where that may take longer than `timeout`', cluster, async ns => {
    await connected.bring(ns, { replicas: 20, graceSeconds: 3600 });
    await ns.given(connected.release('v1'));
    await ns.given(connected.stage('v2'));
    const before = await uids(ns, 'blue');
    const promoted = await ns.step(connected.promote(closing));
    expect(promoted).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched' } });
    expect(promoted.log).toContain('with a grace of 3605 s, may take longer than `timeout` (180 s)');
    expect(promoted.summary).toContain('Users with a connection that they keep open may still be on blue');
    expect((await uids(ns, 'blue')).sort()).toEqual([...before].sort());
  });
});

/** Calls `seen` with the ready pods of blue at each change of its Deployment. */
async function watchReady(ns: TestNamespace, seen: (ready: number) => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const live = await ns.get('Deployment', 'connected-blue');
    seen(Number(field(live, 'status', 'readyReplicas') ?? 0));
    await setTimeout(ns.cluster.pace.everyMs);
  }
}
