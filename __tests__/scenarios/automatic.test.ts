import { afterAll, describe, expect } from '@jest/globals';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { scenario } from '../support/scenario/scenario.js';
import { expectRefused, expectUsersSaw, settled } from '../support/scenario/expectations.js';
import { plain } from '../support/scenario/plain.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

describe('Blue/green of manifests without roles', () => {
  scenario('stages a first release on blue, and users reach it after its promotion', cluster, async ns => {
    await plain.bring(ns);
    const staged = await ns.step(plain.stage('v1'));
    expect(staged).toMatchObject({
      exitCode: 0,
      outputs: { outcome: 'staged', 'staged-role': 'blue', release: 'plain' },
    });
    expect(await ns.get('Service', 'plain')).toBeUndefined();
    await ns.given(plain.promote());
    await ns.reaches('plain', 'v1');
    expect(field(await ns.get('Service', 'plain'), 'spec', 'selector')).toEqual({
      app: 'plain',
      'cutover/role': 'blue',
    });
    expect(field(await ns.get('Service', 'plain-metrics'), 'spec', 'selector')).toEqual({ app: 'plain' });
    expect(field(await ns.get('HorizontalPodAutoscaler', 'plain-blue'), 'spec', 'scaleTargetRef', 'name')).toBe(
      'plain-blue',
    );
  });

  scenario(
    'gives an update configuration of its own, and leaves that of the live role unchanged',
    cluster,
    async ns => {
      await plain.bring(ns);
      await ns.given(plain.release('v1'));
      const live = await ns.get('ConfigMap', 'plain-config-blue');
      const users = await ns.users('plain');
      await ns.given(plain.stage('v2'));
      expect(field(await ns.get('ConfigMap', 'plain-config-green'), 'data', 'greeting')).toBe('hello from v2');
      expect(await ns.get('ConfigMap', 'plain-config-blue')).toEqual(live);
      await ns.given(plain.promote());
      await expectUsersSaw(users, ['v1', 'v2']);
    },
  );

  scenario('rolls back by a switch, and switches forward again', cluster, async ns => {
    await plain.bring(ns);
    await ns.given(plain.release('v1'));
    await ns.given(plain.release('v2'));
    const users = await ns.users('plain');
    expect(await ns.step(plain.rollback())).toMatchObject({ exitCode: 0, outputs: { 'active-role': 'blue' } });
    await ns.given(plain.release('v3'));
    await expectUsersSaw(users, ['v2', 'v1', 'v3']);
  });

  scenario('removes a rejected first version of a role with everything that belongs to it', cluster, async ns => {
    await plain.bring(ns);
    await ns.given(plain.release('v1'));
    const service = await ns.get('Service', 'plain');
    const users = await ns.users('plain');
    await ns.given(plain.stage('v2'));
    expect(await ns.step(plain.reject)).toMatchObject({ exitCode: 0, outputs: { outcome: 'rejected' } });
    await expectUsersSaw(users, ['v1']);
    for (const [kind, name] of [
      ['Deployment', 'plain-green'],
      ['ConfigMap', 'plain-config-green'],
      ['Secret', 'plain-secret-green'],
      ['Service', 'plain-test-green'],
    ] as const)
      expect([name, await ns.get(kind, name)]).toEqual([name, undefined]);
    expect(await ns.get('Service', 'plain')).toEqual(service);
  });

  scenario('reports the same manifests as unchanged, and writes nothing', cluster, async ns => {
    await plain.bring(ns);
    await ns.given(plain.release('v1'));
    await settled(ns);
    const before = await ns.versions();
    expect(await ns.step(plain.stage('v1'))).toMatchObject({ exitCode: 0, outputs: { outcome: 'unchanged' } });
    expect(await ns.versions()).toEqual(before);
  });

  scenario('removes configuration that left the manifests with the revision that used it', cluster, async ns => {
    await plain.bring(ns);
    const extra = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {key: value}\n---\n';
    const reads = '            - {name: EXTRA, valueFrom: {configMapKeyRef: {name: extra, key: key}}}\n';
    await ns.rewrite(
      'plain.yml',
      text => extra + text.replace('            - {name: PASSWORD', () => `${reads}            - {name: PASSWORD`),
    );
    await ns.given(plain.release('v1'));
    await plain.bring(ns);
    await ns.given(plain.release('v2'));
    await ns.given(plain.stage('v3'));
    // A rollback to the version on blue is still possible.
    expect(await ns.get('ConfigMap', 'extra-blue')).toBeDefined();
    await ns.given(plain.promote());
    expect(await ns.get('ConfigMap', 'extra-blue')).toBeUndefined();
  });

  scenario('refuses a version that does not start, and no user sees it', cluster, async ns => {
    await plain.bring(ns);
    await ns.given(plain.release('v1'));
    const users = await ns.users('plain');
    expectRefused(await ns.step(plain.stage('broken')), /exit|crash/i);
    await expectUsersSaw(users, ['v1']);
    expect(await ns.get('Deployment', 'plain-green')).toBeUndefined();
  });
});
