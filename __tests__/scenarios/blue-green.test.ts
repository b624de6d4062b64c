import { afterAll, describe, expect } from '@jest/globals';
import { tomcat } from '../support/scenario/applications.js';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { scenario } from '../support/scenario/scenario.js';
import { arrived, expectRefused, expectUsersSaw, settled } from '../support/scenario/expectations.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

describe('Blue/green, when all goes well', () => {
  scenario('a first release is staged on blue and goes public only when it is promoted', cluster, async ns => {
    await tomcat.bring(ns);
    const staged = await ns.step(tomcat.deploy('7', { verify: tomcat.verify('Apache Tomcat/7') }));
    expect(staged).toMatchObject({ exitCode: 0, outputs: { outcome: 'staged', 'staged-role': 'blue' } });
    expect(staged.annotations).toContainEqual(
      expect.objectContaining({
        level: 'warning',
        message: expect.stringContaining('extensions/v1beta1'),
        file: 'k8s/deployment.yml',
        line: 3,
      }),
    );
    expect(await ns.get('Service', tomcat.service)).toBeUndefined();
    await ns.reaches('tomcat-test-blue', '7');

    const promoted = await ns.step(tomcat.promote());
    expect(promoted).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched', 'active-role': 'blue' } });
    await ns.reaches(tomcat.service, '7');
  });

  scenario(
    'an update is seen by users only after its promotion, all at once, with no request lost',
    cluster,
    async ns => {
      await tomcat.bring(ns);
      await ns.given(tomcat.release('7'));
      const before = await ns.get('Service', tomcat.service);
      const users = await ns.users(tomcat.service);

      const staged = await ns.step(tomcat.deploy('8', { verify: tomcat.verify('Apache Tomcat/$<TOMCAT_VERSION>') }));
      expect(staged.outputs).toMatchObject({ outcome: 'staged', 'staged-role': 'green', 'active-role': 'blue' });
      await ns.reaches('tomcat-test-green', '8');
      expect(Object.keys((await users.counts()).byVersion)).toEqual(['7']);

      const promoted = await ns.step(tomcat.promote());
      expect(promoted.outputs).toMatchObject({
        outcome: 'switched',
        'active-role': 'green',
        'idle-role': 'blue',
        revision: staged.outputs.revision,
      });
      await expectUsersSaw(users, ['7', '8']);
      await ns.reaches('tomcat-test-blue', '7');
      const after = await ns.get('Service', tomcat.service);
      for (const kept of ['clusterIP', 'type', 'ports'])
        expect(field(after, 'spec', kept)).toEqual(field(before, 'spec', kept));
    },
  );

  scenario('three releases after the first end on green, blue and green', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    const users = await ns.users(tomcat.service);
    const roles: unknown[] = [];
    for (const version of ['8', '9', '7']) {
      const { outputs } = await ns.given(tomcat.release(version));
      roles.push(outputs['active-role']);
    }
    expect(roles).toEqual(['green', 'blue', 'green']);
    await expectUsersSaw(users, ['7', '8', '9', '7']);
  });

  scenario('a second promotion writes nothing, and the step says so', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.deploy('8'));
    await ns.given(tomcat.promote());
    const before = await ns.versions();
    const users = await ns.users(tomcat.service);
    const again = await ns.step(tomcat.promote());
    expect(again).toMatchObject({ exitCode: 0, outputs: { outcome: 'unchanged', 'active-role': 'green' } });
    await expectUsersSaw(users, ['8']);
    expect(await ns.versions()).toEqual(before);
  });

  scenario('only the revision that was asked for is promoted', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    const { outputs } = await ns.given(tomcat.deploy('8'));
    expectRefused(await ns.step(tomcat.promote({ revision: '7' })), new RegExp(`revision ${outputs.revision}`));
    expect(await tomcat.activeRole(ns)).toBe('blue');
    const promoted = await ns.step(tomcat.promote({ revision: outputs.revision ?? '' }));
    expect(promoted.outputs['active-role']).toBe('green');
  });

  scenario('rejecting the first version ever staged on a role removes it', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    const users = await ns.users(tomcat.service);
    const service = await ns.get('Service', tomcat.service);
    await ns.given(tomcat.deploy('8'));
    const rejected = await ns.step(tomcat.reject);
    expect(rejected).toMatchObject({ exitCode: 0, outputs: { outcome: 'rejected', 'active-role': 'blue' } });
    await expectUsersSaw(users, ['7']);
    expect(await ns.get('Deployment', 'tomcat-deployment-green')).toBeUndefined();
    expect(await ns.get('Service', tomcat.service)).toEqual(service);
  });

  scenario('rejecting a later version restores the template and replicas of the idle role', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.release('8', { 'idle-policy': 'scale-down', 'idle-replicas': '1' }));
    const idle = await ns.get('Deployment', 'tomcat-deployment-blue');
    expect(field(idle, 'spec', 'replicas')).toBe(1);
    const users = await ns.users(tomcat.service);

    await ns.given(tomcat.deploy('9'));
    expect(await tomcat.versionOn(ns, 'blue')).toBe('9');
    await ns.given(tomcat.reject);
    const back = await ns.get('Deployment', 'tomcat-deployment-blue');
    expect(field(back, 'spec')).toEqual(field(idle, 'spec'));
    await expectUsersSaw(users, ['8']);
    expectRefused(await ns.step(tomcat.promote()), /nothing (is )?staged/i);
  });

  scenario('a rollback switches to pods that still run', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.release('8'));
    await settled(ns);
    const pods = (await ns.list('Pod')).map(({ metadata }) => metadata.name).sort();
    const users = await ns.users(tomcat.service);
    const back = await ns.step(tomcat.rollback());
    expect(back).toMatchObject({ exitCode: 0, outputs: { outcome: 'rolled-back', 'active-role': 'blue' } });
    await expectUsersSaw(users, ['8', '7']);
    expect((await ns.list('Pod')).map(({ metadata }) => metadata.name).sort()).toEqual(pods);
  });

  scenario('an idle role that was scaled down is scaled up again before a rollback switches', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.release('8', { 'idle-policy': 'scale-down' }));
    expect(field(await ns.get('Deployment', 'tomcat-deployment-blue'), 'spec', 'replicas')).toBe(0);
    const users = await ns.users(tomcat.service);
    const back = await ns.step(tomcat.rollback());
    expect(back.outputs).toMatchObject({ outcome: 'rolled-back', 'active-role': 'blue' });
    await expectUsersSaw(users, ['8', '7']);
    expect(field(await ns.get('Deployment', 'tomcat-deployment-blue'), 'status', 'readyReplicas')).toBe(2);
  });

  scenario('an idle role that was scaled down is scaled up again for the next release', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.release('8', { 'idle-policy': 'scale-down', 'idle-replicas': '0' }));
    const users = await ns.users(tomcat.service);
    await ns.given(tomcat.release('9'));
    await expectUsersSaw(users, ['8', '9']);
  });

  scenario(
    'a promotion that is killed right after the switch leaves users on one role, and can be run again',
    cluster,
    async ns => {
      await tomcat.bring(ns);
      await ns.given(tomcat.release('7'));
      await ns.given(tomcat.deploy('8'));
      const users = await ns.users(tomcat.service);
      const killed = await ns.step(tomcat.promote(), {
        interrupt: { when: /Service .* switched/, signal: 'SIGKILL' },
      });
      expect(killed).toMatchObject({ exitCode: 137, postExitCode: 0 });
      const role = await tomcat.activeRole(ns);
      expect(['blue', 'green']).toContain(role);
      await ns.given(tomcat.promote());
      expect(await tomcat.activeRole(ns)).toBe('green');
      await arrived(users, '8');
      const { losses, timeline } = await users.stop();
      expect(losses).toEqual([]);
      expect(timeline.at(-1)?.version).toBe('8');
    },
  );

  scenario(
    'status reports the active role, the staged role and the history, and changes nothing',
    cluster,
    async ns => {
      await tomcat.bring(ns);
      await ns.given(tomcat.release('7'));
      await ns.given(tomcat.deploy('8'));
      const before = await ns.versions();
      const status = await ns.step({ action: 'status', release: tomcat.service });
      expect(status.exitCode).toBe(0);
      expect(status.outputs).toMatchObject({ 'active-role': 'blue', 'staged-role': 'green', release: tomcat.service });
      expect(status.summary).toContain('tomcat-service');
      expect(await ns.versions()).toEqual(before);
    },
  );

  scenario('a command checks the staged version through CUTOVER_URL', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.write({
      'smoke.mjs': `const page = await (await fetch(process.env.CUTOVER_URL)).text();
if (!page.includes('Apache Tomcat/7')) throw new Error(page);
console.log('smoke test of the', process.env.CUTOVER_SIDE, 'side passed');
`,
    });
    const verify = `- run: ${JSON.stringify(`"${process.execPath}" smoke.mjs`)}\n`;
    const staged = await ns.step(tomcat.deploy('7', { verify }));
    expect(staged).toMatchObject({ exitCode: 0, outputs: { outcome: 'staged' } });
    expect(staged.log).toContain('smoke test of the staged side passed');
  });
});
