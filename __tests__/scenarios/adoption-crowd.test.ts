import { afterAll, describe, expect } from '@jest/globals';
import { setImage } from '../support/scenario/applications.js';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { scenario } from '../support/scenario/scenario.js';
import { expectUsersSaw } from '../support/scenario/expectations.js';
import { adopter, plain } from '../support/scenario/plain.js';

// In its own file: beside other scenarios, an embedded cluster cannot take this load.
const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

describe('An application that runs without roles', () => {
  scenario('is adopted under load: no request is lost, and no user sees the staged version', cluster, async ns => {
    await plain.bring(ns);
    await plain.applyWithKubectl(ns, 'v1');
    const users = await ns.users('plain', ns.cluster.pace.crowd);

    const staged = await ns.step(plain.adopt('v2'), adopter);
    expect(staged).toMatchObject({
      exitCode: 0,
      outputs: { outcome: 'staged', 'staged-role': 'green', 'active-role': 'blue' },
    });
    expect(field(await ns.get('Deployment', 'plain'), 'spec', 'replicas')).toBe(0);
    expect(field(await ns.get('Service', 'plain'), 'spec', 'selector')).toEqual({
      app: 'plain',
      'cutover/role': 'blue',
    });
    expect(Object.keys((await users.counts()).byVersion)).toEqual(['v1']);

    const promoted = await ns.step(plain.promote(), adopter);
    expect(promoted).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched', 'active-role': 'green' } });
    expect(await ns.get('Deployment', 'plain')).toBeUndefined();
    await expectUsersSaw(users, ['v1', 'v2']);
  });

  scenario('may be restarted and changed under load while it is adopted and after', cluster, async ns => {
    await plain.bring(ns);
    await plain.applyWithKubectl(ns, 'v1');
    const image = `${ns.cluster.images.site}:v3`;
    const users = await ns.users('plain', ns.cluster.pace.crowd);
    const changes: Promise<unknown>[] = [];
    const staged = await ns.step(plain.adopt('v2', { drain: '2s' }), {
      ...adopter,
      onLine: line => {
        if (/Deployment .*plain-blue created/.test(line)) changes.push(plain.restart(ns));
        if (/Draining Deployment .*plain/.test(line))
          changes.push(setImage(ns, { deployment: 'plain', container: 'site', image }));
      },
    });
    expect([staged.exitCode, changes.length]).toEqual([0, 2]);
    await Promise.all(changes);
    await plain.restart(ns);
    await ns.given(plain.promote(), adopter);
    await expectUsersSaw(users, ['v1', 'v2']);
  });
});
