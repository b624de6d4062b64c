import { afterAll, describe, expect } from '@jest/globals';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { expectUsersSaw } from '../support/scenario/expectations.js';
import { market, marketDeployments, marketLoad, marketServices } from '../support/scenario/market.js';
import { scenario } from '../support/scenario/scenario.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

/** The role that each public Service selects. */
async function rolesOf(ns: TestNamespace): Promise<ReadonlySet<unknown>> {
  const services = await Promise.all(marketServices.map(name => ns.get('Service', name)));
  return new Set(services.map(service => field(service, 'spec', 'selector', 'cutover/role')));
}

/** Everything that a role runs, as it is stored, without what controllers write. */
async function runsOn(ns: TestNamespace, role: string): Promise<readonly object[]> {
  const names = [...marketDeployments, marketLoad].map(name => `${name}-${role}`);
  const found = await Promise.all(names.map(name => ns.get('Deployment', name)));
  return found.map(object => ({
    uid: object?.metadata.uid,
    generation: object?.metadata.generation,
    spec: object?.['spec'],
  }));
}

/** Calm users of several Services at once. */
const load = { perSecond: 20, keptAlive: { connections: 1, perSecond: 2 } };

describe('A market of eleven services', () => {
  scenario(
    'is staged as a whole before the approval, and all of its Services are switched together',
    cluster,
    async ns => {
      await market.bring(ns);
      await ns.given(market.stage('v1', { switch: 'auto', drain: '0s' }));
      const users = await Promise.all(['frontend-external', 'cart'].map(name => ns.users(name, load)));
      const before = await runsOn(ns, 'blue');
      const services = await Promise.all(marketServices.map(name => ns.get('Service', name)));

      const staged = await ns.given(market.stage('v2'));
      expect(staged.outputs).toMatchObject({ outcome: 'staged', 'staged-role': 'green' });
      const ready = (await runsOn(ns, 'green')).filter(one => field(one, 'spec', 'replicas') === 1);
      expect(ready).toHaveLength(marketDeployments.length + 1);
      // Nothing that serves was written: neither a Deployment nor a Service, and there is none that both roles share.
      expect(await runsOn(ns, 'blue')).toEqual(before);
      expect(await Promise.all(marketServices.map(name => ns.get('Service', name)))).toEqual(services);
      const all = (await ns.list('Deployment')).map(({ metadata }) => metadata.name);
      expect(all.filter(name => !/-(blue|green)$/.test(name))).toEqual([]);

      const promoted = await ns.given(market.promote());
      expect(promoted.outputs).toMatchObject({ outcome: 'switched', 'active-role': 'green' });
      expect(promoted.log).toMatch(/12 Services were switched within \d+ ms/);
      expect(promoted.outputs['summary']).toMatch(/The 12 public Services led to both roles for \d+ ms/);
      expect(await rolesOf(ns)).toEqual(new Set(['green']));

      await ns.given(market.rollback());
      expect(await rolesOf(ns)).toEqual(new Set(['blue']));
      for (const traffic of users) await expectUsersSaw(traffic, ['v1', 'v2', 'v1']);
    },
  );
});
