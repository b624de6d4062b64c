import { afterAll, describe, expect } from '@jest/globals';
import { setImage, tomcat } from '../support/scenario/applications.js';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { recordHistory } from '../support/scenario/history.js';
import { scenario } from '../support/scenario/scenario.js';
import { expectRefused, expectUsersSaw } from '../support/scenario/expectations.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const page9 = tomcat.verify('Apache Tomcat/9');

const failures = [
  { what: 'never gets ready', tag: '9-never-ready', inputs: { timeout: '3s' }, names: /readiness|not ready|0 of 2/i },
  { what: 'is not ready in time', tag: '9-slow', inputs: { timeout: '500ms' }, names: /0 of 2|not ready|500 ?ms/i },
  {
    what: 'crashes at the start',
    tag: '9-broken',
    inputs: {},
    names: /exit(ed|s)? (code|status|with)|CrashLoopBackOff/i,
  },
  { what: 'has an image that cannot be pulled', tag: 'nosuchtag', inputs: {}, names: /tomcat:nosuchtag/ },
  { what: 'is ready but answers 500', tag: '9-http500', inputs: { verify: page9 }, names: /\b500\b/ },
  { what: 'is another version than was meant', tag: '9-wrong', inputs: { verify: page9 }, names: /Apache Tomcat\/9/ },
  {
    what: 'does not pass a command',
    tag: '9',
    inputs: { verify: '- run: exit 3\n' },
    names: /exit status 0; got 3/,
  },
];

describe('Blue/green, when the new version fails', () => {
  for (const { what, tag, inputs, names } of failures)
    scenario(`a version that ${what} is refused, and users never see it`, cluster, async ns => {
      await tomcat.bring(ns);
      await ns.given(tomcat.release('7'));
      await ns.given(tomcat.release('8'));
      const service = await ns.get('Service', tomcat.service);
      const idle = await ns.get('Deployment', 'tomcat-deployment-blue');
      const users = await ns.users(tomcat.service);

      expectRefused(await ns.step(tomcat.deploy(tag, inputs)), names);
      await expectUsersSaw(users, ['8']);
      expect(await ns.get('Service', tomcat.service)).toEqual(service);
      const back = await ns.get('Deployment', 'tomcat-deployment-blue');
      expect(field(back, 'spec')).toEqual(field(idle, 'spec'));
      expectRefused(await ns.step(tomcat.promote()), /nothing (is )?staged/i);
    });

  scenario('a first release that fails leaves nothing of its role behind', cluster, async ns => {
    await tomcat.bring(ns);
    expectRefused(await ns.step(tomcat.deploy('9-broken')), /exit|CrashLoopBackOff/i);
    expect(await ns.list('Deployment')).toEqual([]);
    expect(await ns.list('Service')).toEqual([]);
  });

  scenario('the version after a failed one is staged as usual', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    const users = await ns.users(tomcat.service);
    expectRefused(await ns.step(tomcat.deploy('9-broken')), /exit|CrashLoopBackOff/i);
    await ns.given(tomcat.release('8'));
    await expectUsersSaw(users, ['7', '8']);
  });
});

describe('Blue/green, when the cluster changed after staging', () => {
  scenario('a check that fails on the public side switches users back', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    const verify = tomcat.verify('a sentence that no page has', '  when: public\n');
    await ns.given(tomcat.deploy('8', { verify }));
    const users = await ns.users(tomcat.service);
    const changes = await recordHistory(ns, 'Service');
    const result = await ns.step(tomcat.promote());
    expectRefused(result, /a sentence that no page has/);
    expect(result.outputs['active-role']).toBe('blue');
    const switches = (await changes()).filter(({ object }) => object.metadata.name === tomcat.service);
    expect(switches.map(({ object }) => field(object, 'spec', 'selector', 'role'))).toEqual(['green', 'blue']);
    // The nodes may have followed both switches or neither.
    const { timeline } = await users.counts();
    await expectUsersSaw(users, timeline.length === 1 ? ['7'] : ['7', '8', '7']);
  });

  scenario('a staged role that somebody changed is not promoted', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.deploy('8'));
    const image = `${ns.cluster.images.tomcat}:9`;
    await setImage(ns, { deployment: 'tomcat-deployment-green', container: 'tomcat-container', image });
    const users = await ns.users(tomcat.service);
    expectRefused(await ns.step(tomcat.promote()), /tomcat-deployment-green/);
    expect(await tomcat.activeRole(ns)).toBe('blue');
    await expectUsersSaw(users, ['7']);
  });

  scenario('a staged role whose Deployment somebody deleted is not promoted', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.deploy('8'));
    await ns.cluster.kube.remove({
      kind: 'Deployment',
      namespace: ns.namespace,
      name: 'tomcat-deployment-green',
    });
    const users = await ns.users(tomcat.service);
    expectRefused(await ns.step(tomcat.promote()), /tomcat-deployment-green/);
    await expectUsersSaw(users, ['7']);
  });

  scenario('a public Service that was switched by hand after staging stops the promotion', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.deploy('8'));
    await select(ns.cluster.kube, ns.namespace, { app: 'tomcat', role: 'green' });
    await ns.reaches(tomcat.service, '8');
    const users = await ns.users(tomcat.service);
    expectRefused(await ns.step(tomcat.promote()), /green/);
    expect(await tomcat.activeRole(ns)).toBe('green');
    await expectUsersSaw(users, ['8']);
  });

  for (const [what, selector] of [
    ['no role', { app: 'tomcat', role: 'purple' }],
    ['both roles', { app: 'tomcat', role: null }],
  ] as const)
    scenario(`a public Service whose selector matches ${what} stops a deploy before it writes`, cluster, async ns => {
      await tomcat.bring(ns);
      await ns.given(tomcat.release('7'));
      await ns.given(tomcat.release('8'));
      await select(ns.cluster.kube, ns.namespace, selector);
      const before = await ns.versions();
      expectRefused(await ns.step(tomcat.deploy('9')), /tomcat-service/);
      expect(await ns.versions()).toEqual(before);
    });
});

type Kube = Awaited<typeof starting>['kube'];

async function select(kube: Kube, namespace: string, selector: Readonly<Record<string, string | null>>): Promise<void> {
  await kube.patch({ kind: 'Service', namespace, name: tomcat.service }, { spec: { selector } });
}
