import { afterAll, describe, expect } from '@jest/globals';
import { setImage, site, tomcat } from './applications.js';
import { startCluster } from './cluster.js';
import { field } from './field.js';
import { expectRefused, expectUsersSaw, scenario, untilReady } from './place.js';
import type { Place } from './place.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

describe('After a run that was lost with its runner', () => {
  scenario('an update that fails on top of it goes back to what had served', cluster, async place => {
    await site.bring(place);
    await place.given(site.deploy('v1'));
    await lose(place, site.deploy('never-ready'), { when: /of 3/, release: 'site' });
    const users = await place.users(site.service);
    expectRefused(await place.step(site.deploy('broken')), /crash/i);
    expect(await site.version(place)).toBe('v1');
    await expectUsersSaw(users, ['v1']);
  });

  scenario('a switch that was never finished stops a deploy, and a rollback takes it back', cluster, async place => {
    await tomcat.bring(place);
    await place.given(tomcat.release('7'));
    await place.given(tomcat.deploy('8'));
    await lose(place, tomcat.promote(), { when: /Service .* switched/, release: tomcat.service });
    expectRefused(await place.step(tomcat.deploy('9')), /never finished/);
    const back = await place.step(tomcat.rollback());
    expect(back).toMatchObject({ exitCode: 0, outputs: { 'active-role': 'blue' } });
    await place.reaches(tomcat.service, '7');
  });

  scenario('a deploy that was lost while it drained finishes that, and keeps the way back', cluster, async place => {
    await tomcat.bring(place);
    await place.given(tomcat.release('7'));
    const release = tomcat.release('8', { idle: 'scale-down', drain: '20s' });
    await lose(place, release, { when: /Draining blue/, release: tomcat.service });
    const again = await place.step(tomcat.release('8', { idle: 'scale-down', drain: '100ms' }));
    expect(again).toMatchObject({ exitCode: 0, outputs: { outcome: 'unchanged', 'active-role': 'green' } });
    expect(field(await place.get('Deployment', 'tomcat-deployment-blue'), 'spec', 'replicas')).toBe(0);
    await place.given(tomcat.rollback());
    await place.reaches(tomcat.service, '7');
  });
});

describe('A way back', () => {
  scenario('leads to the version that served, not to one that was only staged', cluster, async place => {
    await tomcat.bring(place);
    await place.given(tomcat.release('7'));
    await place.given(tomcat.release('8'));
    await place.given(tomcat.deploy('9'));
    expectRefused(await place.step(tomcat.deploy('9-broken')), /exit|crash/i);
    const users = await place.users(tomcat.service);
    await place.given(tomcat.rollback());
    await place.reaches(tomcat.service, '7');
    await expectUsersSaw(users, ['8', '7']);
  });

  scenario('is gone once: a rollback that is run again sends nobody forward', cluster, async place => {
    await tomcat.bring(place);
    await place.given(tomcat.release('7'));
    await place.given(tomcat.release('8'));
    await place.given(tomcat.rollback());
    const before = await place.versions();
    const again = await place.step(tomcat.rollback());
    expect(again).toMatchObject({ exitCode: 0, outputs: { outcome: 'unchanged' } });
    expect(await tomcat.activeRole(place)).toBe('blue');
    expect(await place.versions()).toEqual(before);
  });

  scenario('has as many pods as serve now, whoever scaled them', cluster, async place => {
    await tomcat.bring(place);
    await place.given(tomcat.release('7'));
    await place.given(tomcat.release('8'));
    await scale(place, 'tomcat-deployment-blue', 1);
    await scale(place, 'tomcat-deployment-green', 4);
    const users = await place.users(tomcat.service);
    await place.given(tomcat.rollback());
    expect(field(await place.get('Deployment', 'tomcat-deployment-blue'), 'spec', 'replicas')).toBe(4);
    await expectUsersSaw(users, ['8', '7']);
  });
});

describe('What is not this release’s own', () => {
  scenario('a public Service that was renamed is not taken for a first release', cluster, async place => {
    await tomcat.bring(place);
    await place.given(tomcat.release('7'));
    const before = await place.versions();
    await place.rewrite('k8s/service.yml', text => text.replace('name: tomcat-service', 'name: tomcat-public'));
    expectRefused(await place.step(tomcat.deploy('8', { release: tomcat.service })), /tomcat-public/);
    expectRefused(await place.step(tomcat.deploy('8')), /belongs to release tomcat-service/);
    expect(await place.versions()).toEqual(before);
  });

  scenario('pods of another Deployment with the same labels stop the switch', cluster, async place => {
    await tomcat.bring(place);
    await place.given(tomcat.release('7'));
    await place.given(tomcat.deploy('8'));
    await place.cluster.kube.create(stranger(place));
    await untilReady(place, 'stranger', 1);
    const users = await place.users(tomcat.service);
    expectRefused(await place.step(tomcat.promote()), /stranger/);
    expect(await tomcat.activeRole(place)).toBe('blue');
    await expectUsersSaw(users, ['7']);
  });

  scenario('a hotfix that somebody applied while a rollout was waited for stays', cluster, async place => {
    await site.bring(place);
    await place.given(site.deploy('v1'));
    const { images } = place.cluster;
    let fixed: Promise<unknown> | undefined;
    const onLine = (line: string): void => {
      if (/of 3 ready/.test(line))
        fixed ??= setImage(place, { deployment: 'site', container: 'site', image: `${images.site}:v3` });
    };
    expectRefused(await place.step(site.deploy('never-ready'), { onLine }), /somebody else/);
    await fixed;
    expect(await site.version(place)).toBe('v3');
  });
});

/** Plays a step whose runner is lost: the process is killed at a line of its log, no post step comes, the lock runs out. */
async function lose(
  place: Place,
  inputs: Readonly<Record<string, string>>,
  at: { readonly when: RegExp; readonly release: string },
): Promise<void> {
  const lost = await place.step(inputs, { post: 'never', interrupt: { when: at.when, signal: 'SIGKILL' } });
  expect(lost.exitCode).toBe(137);
  await place.cluster.kube.send({
    method: 'PATCH',
    path: `/apis/coordination.k8s.io/v1/namespaces/${place.namespace}/leases/cutover-${at.release}`,
    contentType: 'application/merge-patch+json',
    body: { spec: { renewTime: '2020-01-01T00:00:00.000000Z' } },
  });
}

async function scale(place: Place, name: string, replicas: number): Promise<void> {
  await place.cluster.kube.send({
    method: 'PATCH',
    path: `/apis/apps/v1/namespaces/${place.namespace}/deployments/${name}/scale`,
    contentType: 'application/merge-patch+json',
    body: { spec: { replicas } },
  });
  await untilReady(place, name, replicas);
}

function stranger(place: Place) {
  const labels = { app: 'tomcat', role: 'green' };
  const container = { name: 'tomcat', image: `${place.cluster.images.tomcat}:9`, ports: [{ containerPort: 8080 }] };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'stranger', namespace: place.namespace },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } },
  };
}
