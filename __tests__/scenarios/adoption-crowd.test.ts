import { afterAll, describe, expect } from '@jest/globals';
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
    const before = await plain.written(ns);
    const users = await ns.users('plain', ns.cluster.pace.crowd);

    const staged = await ns.step(plain.stage('v2'), adopter);
    expect(staged).toMatchObject({
      exitCode: 0,
      outputs: { outcome: 'staged', 'staged-role': 'blue', 'active-role': 'green' },
    });
    expect(await plain.written(ns)).toEqual(before);
    expect(field(await ns.get('Service', 'plain'), 'spec', 'selector')).toEqual({
      app: 'plain',
      'pod-template-hash': expect.any(String),
    });
    expect(Object.keys((await users.counts()).byVersion)).toEqual(['v1']);

    const promoted = await ns.step(plain.promote(), adopter);
    expect(promoted).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched', 'active-role': 'blue' } });
    expect(await plain.written(ns)).toEqual(before);
    await expectUsersSaw(users, ['v1', 'v2']);
  });
});
