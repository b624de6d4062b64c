import { afterAll, describe, expect } from '@jest/globals';
import { setImage, tomcat } from './applications.js';
import { startCluster } from './cluster.js';
import { field } from './field.js';
import { recordHistory } from './history.js';
import { expectRefused, expectUsersSaw, scenario } from './place.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const page9 = tomcat.verify('Apache Tomcat/9');

const illnesses = [
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

describe('Blue/green, when the new version is ill', () => {
  for (const { what, tag, inputs, names } of illnesses)
    scenario(`a version that ${what} is refused, and users never see it`, cluster, async place => {
      await tomcat.bring(place);
      await place.given(tomcat.release('7'));
      await place.given(tomcat.release('8'));
      const service = await place.get('Service', tomcat.service);
      const idle = await place.get('Deployment', 'tomcat-deployment-blue');
      const users = await place.users(tomcat.service);

      expectRefused(await place.step(tomcat.deploy(tag, inputs)), names);
      await expectUsersSaw(users, ['8']);
      expect(await place.get('Service', tomcat.service)).toEqual(service);
      const back = await place.get('Deployment', 'tomcat-deployment-blue');
      expect(field(back, 'spec')).toEqual(field(idle, 'spec'));
      expectRefused(await place.step(tomcat.promote()), /nothing (is )?staged/i);
    });

  scenario('a first release that is ill leaves nothing of its role behind', cluster, async place => {
    await tomcat.bring(place);
    expectRefused(await place.step(tomcat.deploy('9-broken')), /exit|CrashLoopBackOff/i);
    expect(await place.list('Deployment')).toEqual([]);
    expect(await place.list('Service')).toEqual([]);
  });

  scenario('the next version is staged as if the ill one had never been', cluster, async place => {
    await tomcat.bring(place);
    await place.given(tomcat.release('7'));
    const users = await place.users(tomcat.service);
    expectRefused(await place.step(tomcat.deploy('9-broken')), /exit|CrashLoopBackOff/i);
    await place.given(tomcat.release('8'));
    await expectUsersSaw(users, ['7', '8']);
  });
});

describe('Blue/green, when the ground has moved', () => {
  scenario('a check that fails on the public side switches users back', cluster, async place => {
    await tomcat.bring(place);
    await place.given(tomcat.release('7'));
    const verify = tomcat.verify('a sentence that no page has', '  on: public\n');
    await place.given(tomcat.deploy('8', { verify }));
    const users = await place.users(tomcat.service);
    const changes = await recordHistory(place, 'Service');
    const result = await place.step(tomcat.promote());
    expectRefused(result, /a sentence that no page has/);
    expect(result.outputs['active-role']).toBe('blue');
    const switches = (await changes()).filter(({ object }) => object.metadata.name === tomcat.service);
    expect(switches.map(({ object }) => field(object, 'spec', 'selector', 'role'))).toEqual(['green', 'blue']);
    // The nodes may have followed the way there and back, or have missed it.
    const { timeline } = await users.counts();
    await expectUsersSaw(users, timeline.length === 1 ? ['7'] : ['7', '8', '7']);
  });

  scenario('a staged side that somebody changed is not promoted', cluster, async place => {
    await tomcat.bring(place);
    await place.given(tomcat.release('7'));
    await place.given(tomcat.deploy('8'));
    const image = `${place.cluster.images.tomcat}:9`;
    await setImage(place, { deployment: 'tomcat-deployment-green', container: 'tomcat-container', image });
    const users = await place.users(tomcat.service);
    expectRefused(await place.step(tomcat.promote()), /tomcat-deployment-green/);
    expect(await tomcat.activeRole(place)).toBe('blue');
    await expectUsersSaw(users, ['7']);
  });

  scenario('a staged side whose Deployment somebody deleted is not promoted', cluster, async place => {
    await tomcat.bring(place);
    await place.given(tomcat.release('7'));
    await place.given(tomcat.deploy('8'));
    await place.cluster.kube.remove({
      kind: 'Deployment',
      namespace: place.namespace,
      name: 'tomcat-deployment-green',
    });
    const users = await place.users(tomcat.service);
    expectRefused(await place.step(tomcat.promote()), /tomcat-deployment-green/);
    await expectUsersSaw(users, ['7']);
  });

  scenario('a public Service that was switched by hand after staging stops the promotion', cluster, async place => {
    await tomcat.bring(place);
    await place.given(tomcat.release('7'));
    await place.given(tomcat.deploy('8'));
    await select(place.cluster.kube, place.namespace, { app: 'tomcat', role: 'green' });
    await place.reaches(tomcat.service, '8');
    const users = await place.users(tomcat.service);
    expectRefused(await place.step(tomcat.promote()), /green/);
    expect(await tomcat.activeRole(place)).toBe('green');
    await expectUsersSaw(users, ['8']);
  });

  for (const [what, selector] of [
    ['no role', { app: 'tomcat', role: 'purple' }],
    ['both roles', { app: 'tomcat', role: null }],
  ] as const)
    scenario(
      `a public Service whose selector matches ${what} stops a deploy before it writes`,
      cluster,
      async place => {
        await tomcat.bring(place);
        await place.given(tomcat.release('7'));
        await place.given(tomcat.release('8'));
        await select(place.cluster.kube, place.namespace, selector);
        const before = await place.versions();
        expectRefused(await place.step(tomcat.deploy('9')), /tomcat-service/);
        expect(await place.versions()).toEqual(before);
      },
    );
});

type Kube = Awaited<typeof starting>['kube'];

async function select(kube: Kube, namespace: string, selector: Readonly<Record<string, string | null>>): Promise<void> {
  await kube.patch({ kind: 'Service', namespace, name: tomcat.service }, { spec: { selector } });
}
