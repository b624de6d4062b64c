import { afterAll, describe, expect } from '@jest/globals';
import { setImage, site, tomcat } from '../support/scenario/applications.js';
import { describeEmbedded, startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { scenario } from '../support/scenario/scenario.js';
import { fewUsers, holdNext, shortLease } from '../support/scenario/locks.js';
import { race } from '../support/scenario/race.js';
import { shop } from '../support/scenario/shop.js';
import { expectRefused, expectUsersSaw, untilReady } from '../support/scenario/expectations.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

describe('After a run that was lost with its runner', () => {
  scenario('a failing update restores the version that served', cluster, async ns => {
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    await loseRunner(ns, site.deploy('never-ready'), /of 3/);
    const users = await ns.users(site.service);
    expectRefused(await ns.step(site.deploy('broken'), shortLease()), /crash/i);
    expect(await site.version(ns)).toBe('v1');
    await expectUsersSaw(users, ['v1']);
  });

  scenario('an unfinished switch stops a deploy, and a rollback reverts it', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.deploy('8'));
    await loseRunner(ns, tomcat.promote(), /Service .* switched/);
    expectRefused(await ns.step(tomcat.deploy('9'), shortLease()), /never finished/);
    const back = await ns.step(tomcat.rollback());
    expect(back).toMatchObject({ exitCode: 0, outputs: { 'active-role': 'blue' } });
    await ns.reaches(tomcat.service, '7');
  });

  scenario('a deploy that was lost while it drained is finished, and can still be rolled back', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    const release = tomcat.release('8', { 'idle-policy': 'scale-down', drain: '20s' });
    await loseRunner(ns, release, /Draining blue/);
    const again = await ns.step(tomcat.release('8', { 'idle-policy': 'scale-down', drain: '100ms' }), shortLease());
    expect(again).toMatchObject({ exitCode: 0, outputs: { outcome: 'unchanged', 'active-role': 'green' } });
    expect(field(await ns.get('Deployment', 'tomcat-deployment-blue'), 'spec', 'replicas')).toBe(0);
    await ns.given(tomcat.rollback());
    await ns.reaches(tomcat.service, '7');
  });
});

describe('A promotion', () => {
  scenario('runs as many pods as serve now, however many were staged', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.deploy('8'));
    await scale(ns, 'tomcat-deployment-blue', 5);
    const users = await ns.users(tomcat.service);
    const promoted = await ns.given(tomcat.promote());
    expect(promoted.log).toMatch(/tomcat-deployment-green: \d → 5 replicas, as many as serve on blue/);
    expect(promoted.log).toContain('tomcat-service: 5 endpoints, all of the expected pods');
    await expectUsersSaw(users, ['7', '8']);
  });
});

describeEmbedded('A staging that was killed after its first object', 'the request is held', () => {
  race('is not promoted, nor is what was staged before it', cluster, async ({ ns, start }) => {
    await shop.bring(ns);
    await ns.rewrite('roles.yml', text => text.replaceAll('{selector: {app', '{type: NodePort, selector: {app'));
    await ns.given(shop.release('v1'));
    await ns.given(shop.stage('v2'));
    const users = await ns.users('shop', fewUsers);
    const held = holdNext(ns, { verb: 'PATCH', kind: 'ConfigMap' }, { when: 'after' });
    const killed = start(2001, shop.stage('v3'), { ...shortLease(), post: 'never' });
    await held.isHeld;
    killed.kill();
    held.go();
    expect((await killed.result).exitCode).toBe(137);
    expect(field(await ns.get('ConfigMap', 'shop-green'), 'data', 'version')).toBe('v3');
    const refused = await ns.step(shop.promote(), shortLease());
    expectRefused(refused, /The staging of revision 3 on green of release shop was never finished/);
    await ns.given(shop.stage('v3'));
    await ns.given(shop.promote());
    await expectUsersSaw(users, ['v1', 'v3']);
  });
});

describe('A rollback', () => {
  scenario('returns to the version that served, not to one that was only staged', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.release('8'));
    await ns.given(tomcat.deploy('9'));
    expectRefused(await ns.step(tomcat.deploy('9-broken')), /exit|crash/i);
    const users = await ns.users(tomcat.service);
    await ns.given(tomcat.rollback());
    await ns.reaches(tomcat.service, '7');
    await expectUsersSaw(users, ['8', '7']);
  });

  scenario('happens once: running it again does not switch forward', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.release('8'));
    await ns.given(tomcat.rollback());
    const before = await ns.versions();
    const again = await ns.step(tomcat.rollback());
    expect(again).toMatchObject({ exitCode: 0, outputs: { outcome: 'unchanged' } });
    expect(await tomcat.activeRole(ns)).toBe('blue');
    expect(await ns.versions()).toEqual(before);
  });

  scenario('runs as many pods as serve now, whoever scaled them', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.release('8'));
    await scale(ns, 'tomcat-deployment-blue', 1);
    await scale(ns, 'tomcat-deployment-green', 4);
    const users = await ns.users(tomcat.service);
    await ns.given(tomcat.rollback());
    expect(field(await ns.get('Deployment', 'tomcat-deployment-blue'), 'spec', 'replicas')).toBe(4);
    await expectUsersSaw(users, ['8', '7']);
  });
});

describe('An object that does not belong to the release', () => {
  scenario('a public Service that was renamed is not taken for a first release', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    const before = await ns.versions();
    await ns.rewrite('k8s/service.yml', text => text.replace('name: tomcat-service', 'name: tomcat-public'));
    expectRefused(await ns.step(tomcat.deploy('8', { release: tomcat.service })), /tomcat-public/);
    expectRefused(await ns.step(tomcat.deploy('8')), /belongs to release tomcat-service/);
    expect(await ns.versions()).toEqual(before);
  });

  scenario('pods of another Deployment with the same labels stop the switch', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.deploy('8'));
    await ns.cluster.kube.create(stranger(ns));
    await untilReady(ns, 'stranger', 1);
    const users = await ns.users(tomcat.service);
    expectRefused(await ns.step(tomcat.promote()), /stranger/);
    expect(await tomcat.activeRole(ns)).toBe('blue');
    await expectUsersSaw(users, ['7']);
  });

  scenario('a hotfix that somebody applied during the rollout stays', cluster, async ns => {
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    const { images } = ns.cluster;
    let fixed: Promise<unknown> | undefined;
    const onLine = (line: string): void => {
      if (/of 3 ready/.test(line))
        fixed ??= setImage(ns, { deployment: 'site', container: 'site', image: `${images.site}:v3` });
    };
    expectRefused(await ns.step(site.deploy('never-ready'), { onLine }), /somebody else/);
    await fixed;
    expect(await site.version(ns)).toBe('v3');
  });
});

/** Plays a step whose runner is lost: the process is killed at a line of its log, no post step runs, and its lock stays. */
async function loseRunner(ns: TestNamespace, inputs: Readonly<Record<string, string>>, when: RegExp): Promise<void> {
  const lost = await ns.step(inputs, { ...shortLease(), post: 'never', interrupt: { when, signal: 'SIGKILL' } });
  expect(lost.exitCode).toBe(137);
}

async function scale(ns: TestNamespace, name: string, replicas: number): Promise<void> {
  await ns.cluster.kube.send({
    method: 'PATCH',
    path: `/apis/apps/v1/namespaces/${ns.namespace}/deployments/${name}/scale`,
    contentType: 'application/merge-patch+json',
    body: { spec: { replicas } },
  });
  await untilReady(ns, name, replicas);
}

function stranger(ns: TestNamespace) {
  const labels = { app: 'tomcat', role: 'green' };
  const container = { name: 'tomcat', image: `${ns.cluster.images.tomcat}:9`, ports: [{ containerPort: 8080 }] };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'stranger', namespace: ns.namespace },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } },
  };
}
