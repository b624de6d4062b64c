import { afterAll, describe, expect } from '@jest/globals';
import { site } from '../support/scenario/applications.js';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { scenario } from '../support/scenario/scenario.js';
import { expectRefused, expectUsersMovedOver, expectUsersSaw, settled } from '../support/scenario/expectations.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const page = (text: string): string => `- http: /\n  contains: ${text}\n`;

describe('Rolling', () => {
  scenario('a first release creates its objects and waits for them', cluster, async ns => {
    await site.bring(ns);
    const result = await ns.step(site.deploy('v1', { verify: page('site $<VERSION>') }));
    expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed', release: 'site', revision: '1' } });
    await ns.reaches(site.service, 'v1');
    expect(field(await ns.get('Deployment', 'site'), 'status', 'readyReplicas')).toBe(3);
    expect(result.summary).toContain('site');
    expect(JSON.parse(result.outputs.changes ?? '')).toContainEqual(
      expect.objectContaining({ kind: 'Deployment', name: 'site', change: 'created' }),
    );
  });

  scenario('an update moves users over without losing a request', cluster, async ns => {
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    const service = await ns.get('Service', 'site');
    const users = await ns.users(site.service);
    const result = await ns.step(site.deploy('v2', { verify: page('site v2') }));
    expect(result.outputs).toMatchObject({ outcome: 'deployed', revision: '2', 'previous-revision': '1' });
    await expectUsersMovedOver(users, 'v1', 'v2');
    expect(await ns.get('Service', 'site')).toEqual(service);
  });

  scenario('the website example keeps node port 31000 over an update and a rollback', cluster, async ns => {
    await ns.copy('examples/rolling-website/k8s', 'k8s');
    const deploy = (run: number): Readonly<Record<string, string>> => ({
      manifests: 'k8s',
      images: `${ns.cluster.images.site}:${run}`,
      'stable-for': '200ms',
    });
    const port = async (): Promise<unknown> =>
      field(await ns.get('Service', 'website'), 'spec', 'ports', 0, 'nodePort');
    await ns.given(deploy(41));
    const users = await ns.users('website');
    expect(await port()).toBe(31000);
    await ns.given(deploy(42));
    expect(await port()).toBe(31000);
    await expectUsersMovedOver(users, '41', '42');
    const again = await ns.users('website');
    await ns.given({ action: 'rollback', release: 'website', 'stable-for': '200ms' });
    expect(await port()).toBe(31000);
    await expectUsersMovedOver(again, '42', '41');
  });

  for (const { what, tag, inputs, names } of [
    { what: 'never gets ready', tag: 'never-ready', inputs: { timeout: '3s' }, names: /readiness|not ready|of 3/i },
    { what: 'is not ready in time', tag: 'slow', inputs: { timeout: '500ms' }, names: /not ready|of 3|500 ?ms/i },
    {
      what: 'crashes at the start',
      tag: 'broken',
      inputs: {},
      names: /exit(ed|s)? (code|status|with)|CrashLoopBackOff/i,
    },
    { what: 'cannot be pulled', tag: 'missing', inputs: {}, names: /site:missing/ },
  ])
    scenario(`a version that ${what} is refused, and the old one is restored exactly`, cluster, async ns => {
      await site.bring(ns);
      await ns.given(site.deploy('v1'));
      const before = await ns.get('Deployment', 'site');
      const config = await ns.get('ConfigMap', 'site-config');
      const users = await ns.users(site.service);
      const result = await ns.step(site.deploy(tag, inputs));
      expectRefused(result, names);
      expect(result.annotations.some(({ message }) => /pod \S*site-/.test(message))).toBe(true);
      await expectUsersSaw(users, ['v1']);
      const after = await ns.get('Deployment', 'site');
      expect(field(after, 'spec')).toEqual(field(before, 'spec'));
      expect(field(await ns.get('ConfigMap', 'site-config'), 'data')).toEqual(field(config, 'data'));
    });

  scenario(
    'a version that answers 500 fails its check, and the old one is restored without a lost request',
    cluster,
    async ns => {
      await site.bring(ns);
      await ns.given(site.deploy('v1'));
      const url = await ns.cluster.publicUrl(ns.namespace, site.service);
      const result = await ns.step(site.deploy('http500', { verify: page('site') }));
      expectRefused(result, /\b500\b/);
      expect(await site.version(ns)).toBe('v1');
      await settled(ns);
      expect((await fetch(url, { headers: { connection: 'close' } })).status).toBe(200);
    },
  );

  scenario('a Service must lead to pods of the revision, and pods of others are named', cluster, async ns => {
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    const users = await ns.users(site.service);
    await ns.rewrite('site.yml', text => text.replace('  selector: {app: site}', '  selector: {app: stie}'));
    const lost = await ns.step(site.deploy('v2', { verify: page('site') }));
    expectRefused(lost, /Service \S+\/site .*app=stie.* no pod/);
    await expectUsersSaw(users, ['v1']);
    await site.bring(ns);
    await ns.rewrite('site.yml', text =>
      text.replace('Deployment\nmetadata:\n  name: site', 'Deployment\nmetadata:\n  name: renamed'),
    );
    const result = await ns.step(site.deploy('v3'));
    expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
    expect(result.summary).toMatch(/also leads to pods that are not of this revision: Deployment \S+site \(3 pods\)/);
  });

  scenario('with rollback-on-failure: false the failed version stays for inspection', cluster, async ns => {
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    const users = await ns.users(site.service);
    expectRefused(await ns.step(site.deploy('broken', { 'rollback-on-failure': 'false' })), /exit|CrashLoop/i);
    expect(await site.version(ns)).toBe('broken');
    await expectUsersSaw(users, ['v1']);
  });

  scenario('a rollback re-applies the revision before, ConfigMaps included', cluster, async ns => {
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    await ns.given(site.deploy('v2'));
    const users = await ns.users(site.service);
    const back = await ns.step(site.rollback());
    expect(back).toMatchObject({ exitCode: 0, outputs: { outcome: 'rolled-back' } });
    await expectUsersMovedOver(users, 'v2', 'v1');
    expect(field(await ns.get('ConfigMap', 'site-config'), 'data', 'greeting')).toBe('hello from v1');
  });

  scenario('a rollback goes to any revision of the history, and refuses one that is not in it', cluster, async ns => {
    await site.bring(ns);
    for (const version of ['v1', 'v2', 'v3']) await ns.given(site.deploy(version));
    const users = await ns.users(site.service);
    await ns.given(site.rollback({ revision: '1' }));
    await expectUsersMovedOver(users, 'v3', 'v1');
    const before = await ns.versions();
    expectRefused(await ns.step(site.rollback({ revision: '99' })), /revision 99/i);
    expect(await ns.versions()).toEqual(before);
  });

  scenario('a rollback with nothing before it is refused', cluster, async ns => {
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    const before = await ns.versions();
    expectRefused(await ns.step(site.rollback()), /revision/);
    expect(await ns.versions()).toEqual(before);
  });

  scenario('a cancelled update is rolled back before the step ends', cluster, async ns => {
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    const users = await ns.users(site.service);
    const result = await ns.step(site.deploy('never-ready'), { interrupt: { when: /of 3/, signal: 'SIGINT' } });
    expectRefused(result, /cancel/i);
    expect(await site.version(ns)).toBe('v1');
    await expectUsersSaw(users, ['v1']);
  });

  scenario(
    'an update whose process is killed is rolled back by the post step, and the next one succeeds',
    cluster,
    async ns => {
      await site.bring(ns);
      await ns.given(site.deploy('v1'));
      const users = await ns.users(site.service);
      const killed = await ns.step(site.deploy('never-ready'), { interrupt: { when: /of 3/, signal: 'SIGKILL' } });
      expect(killed).toMatchObject({ exitCode: 137, postExitCode: 0 });
      expect(await site.version(ns)).toBe('v1');
      await ns.given(site.deploy('v2'));
      await expectUsersMovedOver(users, 'v1', 'v2');
    },
  );

  scenario('a Job is waited for, and one that fails fails the step', cluster, async ns => {
    const job = (tag: string): string => `apiVersion: batch/v1
kind: Job
metadata: {name: migrate-${tag}}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: task, image: "${ns.cluster.images.task}:${tag}"}]
`;
    await ns.write({ 'ok.yml': job('ok'), 'fail.yml': job('fail') });
    const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
    const as = [{ apiGroups: ['batch'], resources: ['jobs'], verbs }];
    const fine = await ns.step({ manifests: 'ok.yml', release: 'tasks', 'stable-for': '100ms' }, { as });
    expect(fine).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
    const failed = await ns.step({ manifests: 'fail.yml', release: 'tasks', 'stable-for': '100ms' }, { as });
    expectRefused(failed, /migrate-fail/);
  });
});
