import { afterAll, describe, expect } from '@jest/globals';
import { site, tomcat } from '../support/scenario/applications.js';
import { startCluster } from '../support/scenario/cluster.js';
import { scenario } from '../support/scenario/scenario.js';
import { arrived } from '../support/scenario/expectations.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const round = <T>(values: readonly [T, ...T[]], number: number): T => values[number % values.length] ?? values[0];

describe('A site under load', () => {
  scenario('is switched again and again, each time at once, without losing a request', cluster, async ns => {
    const { crowd, rounds } = ns.cluster.pace;
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    const users = await ns.users(tomcat.service, crowd);
    const seen = ['7'];
    for (let number = 0; number < rounds; number += 1) {
      const version = round(['8', '9', '7'], number);
      await ns.given(tomcat.deploy(version));
      // No user sees a version that is only staged.
      expect((await users.counts()).timeline.map(entry => entry.version)).toEqual(seen);
      await ns.given(tomcat.promote());
      seen.push(version);
      // Every entry begins with a request that was sent after the entry before had ended: no user saw an old version
      // after a new one had answered.
      await arrived(users, version);
    }
    const counts = await users.stop();
    expect(counts.losses).toEqual([]);
    expect(counts.lost).toBe(0);
    expect(counts.unsent).toBe(0);
    expect(counts.timeline.map(({ version }) => version)).toEqual(seen);
  });

  scenario('is updated and rolled back again and again without losing a request', cluster, async ns => {
    const { crowd, rounds } = ns.cluster.pace;
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    const users = await ns.users(site.service, crowd);
    for (let number = 0; number < rounds / 4; number += 1) {
      await ns.given(site.deploy(round(['v2', 'v3'], number)));
      await ns.given(site.rollback());
    }
    await arrived(users, 'v1');
    const counts = await users.stop();
    expect(counts.losses).toEqual([]);
    expect(counts.lost).toBe(0);
    expect(counts.unsent).toBe(0);
    expect(Object.keys(counts.byVersion).sort()).toEqual(rounds > 4 ? ['v1', 'v2', 'v3'] : ['v1', 'v2']);
  });
});
