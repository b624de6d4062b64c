import { afterAll, describe, expect } from '@jest/globals';
import { tomcat } from '../support/scenario/applications.js';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { scenario } from '../support/scenario/scenario.js';
import { arrived, expectUsersSaw } from '../support/scenario/expectations.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const hot = { 'idle-policy': 'hot-backup' } as const;
const promote = tomcat.promote({ ...hot, 'stable-for': '200ms' });

const readyOn = async (ns: TestNamespace, role: string): Promise<unknown> =>
  field(await ns.get('Deployment', `tomcat-deployment-${role}`), 'status', 'readyReplicas');
const versionsOf = (ns: TestNamespace): Promise<readonly unknown[]> =>
  Promise.all(['blue', 'green'].map(role => tomcat.versionOn(ns, role)));

describe('A hot backup', () => {
  scenario(
    'runs the new version on both roles, and a rollback brings up the one before, with no request lost',
    cluster,
    async ns => {
      await tomcat.bring(ns);
      await ns.given(tomcat.release('7'));
      const users = await ns.users(tomcat.service);
      await ns.given(tomcat.deploy('8', hot));
      const promoted = await ns.step(promote);
      expect(promoted).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched', 'active-role': 'green' } });
      expect(promoted.summary).toContain('blue runs revision 2, too, as the hot backup.');
      expect([await versionsOf(ns), await readyOn(ns, 'blue'), await readyOn(ns, 'green')]).toEqual([['8', '8'], 2, 2]);
      const status = await ns.step({ action: 'status', release: tomcat.service });
      expect(status.log).toContain('hot backup (a rollback brings up revision 1 there)');
      const back = await ns.step(tomcat.rollback());
      expect(back.outputs).toMatchObject({ outcome: 'rolled-back', 'active-role': 'blue', revision: '1' });
      expect(back.log).toContain('revision 1 is brought up there');
      await expectUsersSaw(users, ['7', '8', '7']);
      expect(await versionsOf(ns)).toEqual(['7', '8']);
    },
  );

  scenario('takes all users at once when somebody points the public Service at it', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.release('8', hot));
    const users = await ns.users(tomcat.service);
    await arrived(users, '8');
    const service = { kind: 'Service', namespace: ns.namespace, name: tomcat.service } as const;
    await ns.cluster.kube.patch(service, { spec: { selector: { role: 'blue' } } });
    const status = await ns.step({ action: 'status', release: tomcat.service });
    expect(status.outputs).toMatchObject({ 'active-role': 'blue', revision: '2' });
    expect(status.log).not.toContain('somebody or something else has moved them');
    const next = await ns.step(tomcat.release('9', { ...hot, 'force-conflicts': 'true' }));
    expect(next).toMatchObject({ exitCode: 0, outputs: { 'active-role': 'green' } });
    await expectUsersSaw(users, ['8', '9']);
    expect(await versionsOf(ns)).toEqual(['9', '9']);
  });

  scenario('is finished by the next run when a run is killed while it makes it', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    const users = await ns.users(tomcat.service);
    await ns.given(tomcat.deploy('8', hot));
    const killed = await ns.step(promote, {
      interrupt: { when: /Deployment .*tomcat-deployment-blue changed/, signal: 'SIGKILL' },
    });
    expect(killed).toMatchObject({ exitCode: 137, postExitCode: 0 });
    const status = await ns.step({ action: 'status', release: tomcat.service });
    expect(status.log).toContain('changed in part by what is unfinished');
    const again = await ns.step(promote);
    expect(again).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched', 'active-role': 'green' } });
    expect([await versionsOf(ns), await readyOn(ns, 'blue')]).toEqual([['8', '8'], 2]);
    await ns.given(tomcat.rollback());
    await expectUsersSaw(users, ['7', '8', '7']);
  });

  scenario('ends with the next staging, and a rejection brings it back', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.release('8', hot));
    const users = await ns.users(tomcat.service);
    const staged = await ns.step(tomcat.deploy('9', hot));
    expect(staged.log).toContain('and is their hot backup no longer');
    expect(await versionsOf(ns)).toEqual(['9', '8']);
    await ns.given(tomcat.reject);
    expect(await versionsOf(ns)).toEqual(['8', '8']);
    await ns.given(tomcat.rollback());
    await expectUsersSaw(users, ['8', '7']);
  });
});
