import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect } from '@jest/globals';
import { loadAll } from 'js-yaml';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { setImage, site, tomcat } from '../support/scenario/applications.js';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { scenario } from '../support/scenario/scenario.js';
import { expectRefused, expectUsersMovedOver, expectUsersSaw } from '../support/scenario/expectations.js';
import { type TestNamespace } from '../support/scenario/test-namespace.js';
import { rolesFor } from '../support/scenario/rights.js';
import { stepAs } from '../support/scenario/shop.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const collections: Readonly<Record<string, string>> = {
  ConfigMap: 'api/v1/namespaces/*/configmaps',
  Deployment: 'apis/apps/v1/namespaces/*/deployments',
  Service: 'api/v1/namespaces/*/services',
};

/** Creates the site as `kubectl apply` does: with its manager, and with the manifest in an annotation. */
async function applyWithKubectl(ns: TestNamespace, version: string): Promise<void> {
  const { namespace, workspace } = ns;
  const text = await readFile(join(workspace, 'site.yml'), 'utf8');
  for (const object of loadAll(text.replaceAll('${VERSION}', version)) as KubeObject[]) {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(object) };
    const path = `/${collections[object.kind] ?? ''}?fieldManager=kubectl-client-side-apply`.replace('*', namespace);
    const body = { ...object, metadata: { ...object.metadata, namespace, annotations } };
    const { status } = await ns.cluster.kube.send({ method: 'POST', path, body });
    expect(status).toBe(201);
  }
  await ns.reaches(site.service, version);
}

const managersOf = (object: KubeObject | undefined): readonly string[] => {
  const entries = object?.metadata.managedFields as readonly { manager: string; subresource?: string }[];
  return entries.filter(({ subresource }) => subresource === undefined).map(({ manager }) => manager);
};

const scale = async ({ cluster: { kube }, namespace }: TestNamespace, replicas: number): Promise<void> => {
  const { status } = await kube.send({
    method: 'PATCH',
    path: `/apis/apps/v1/namespaces/${namespace}/deployments/site/scale?fieldManager=autoscaler`,
    body: { spec: { replicas } },
  });
  expect(status).toBe(200);
};

/** Sends users of a Service to a port on which no pod listens, as `kubectl edit` does. */
const breakService = async (ns: TestNamespace, name: string): Promise<void> => {
  const ports = field(await ns.get('Service', name), 'spec', 'ports') as readonly object[];
  const broken = ports.map(port => ({ ...port, targetPort: 9 }));
  await ns.cluster.kube.patch({ kind: 'Service', namespace: ns.namespace, name }, { spec: { ports: broken } });
};

describe('Who owns what', () => {
  scenario('a site that kubectl applied before is taken over once, with no request lost', cluster, async ns => {
    await site.bring(ns);
    // Without this, pods lose requests whenever they terminate.
    const preStop = 'lifecycle: {preStop: {sleep: {seconds: 5}}}';
    await ns.rewrite('site.yml', text =>
      text.replace('env:', `${preStop}\n          env:\n            - {name: OLD, value: "1"}`),
    );
    await applyWithKubectl(ns, 'v1');
    await site.bring(ns);
    const users = await ns.users(site.service);
    const result = await ns.step(site.deploy('v2'));
    expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
    expect(result.log).toContain('taken over from kubectl-client-side-apply');
    await expectUsersMovedOver(users, 'v1', 'v2');
    const deployment = await ns.get('Deployment', 'site');
    expect(managersOf(deployment)).toContain('cutover');
    expect(managersOf(deployment)).not.toContain('kubectl-client-side-apply');
    expect(deployment?.metadata.annotations).not.toHaveProperty(['kubectl.kubernetes.io/last-applied-configuration']);
    // A field that kubectl had set and the manifest no longer has.
    const env = field(deployment, 'spec', 'template', 'spec', 'containers', 0, 'env') as readonly { name: string }[];
    expect(env.map(({ name }) => name)).toEqual(['GREETING']);
    const before = await ns.versions();
    expect(await ns.step(site.deploy('v2'))).toMatchObject({ outputs: { outcome: 'unchanged' } });
    expect(await ns.versions()).toEqual(before);
  });

  scenario('a takeover that fails restores the ownership of kubectl', cluster, async ns => {
    await site.bring(ns);
    await applyWithKubectl(ns, 'v1');
    const before = await ns.get('Deployment', 'site');
    const users = await ns.users(site.service);
    expectRefused(await ns.step(site.deploy('broken')), /exit code|CrashLoopBackOff/);
    await expectUsersSaw(users, ['v1']);
    const after = await ns.get('Deployment', 'site');
    expect(field(after, 'spec')).toEqual(field(before, 'spec'));
    expect(after?.metadata.annotations).toEqual(
      expect.objectContaining({
        'kubectl.kubernetes.io/last-applied-configuration': expect.stringContaining('site'),
      }),
    );
    expect(managersOf(after)).toContain('kubectl-client-side-apply');
  });

  scenario('a field of another manager stops the deploy, with its path and both values', cluster, async ns => {
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    await setImage(ns, { deployment: 'site', container: 'site', image: `${ns.cluster.images.site}:v3` });
    await ns.reaches(site.service, 'v3');
    const before = await ns.versions();
    const users = await ns.users(site.service);
    const { images } = ns.cluster;
    const result = await ns.step(site.deploy('v2'));
    expectRefused(result, /conflict with/);
    expect(result.log).toContain(`spec.template.spec.containers[name="site"].image: conflict with`);
    expect(result.log).toContain(`the live value is "${images.site}:v3", the manifest has "${images.site}:v2"`);
    expect(result.annotations).toContainEqual(expect.objectContaining({ level: 'error', file: 'site.yml' }));
    expect(await ns.versions()).toEqual(before);
    await expectUsersSaw(users, ['v3']);
  });

  scenario('replicas that an autoscaler set stay, even with forced conflicts', cluster, async ns => {
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    await scale(ns, 5);
    for (const [version, force] of [
      ['v2', 'false'],
      ['v3', 'true'],
    ] as const) {
      await ns.given(site.deploy(version, { 'force-conflicts': force }));
      expect(field(await ns.get('Deployment', 'site'), 'spec', 'replicas')).toBe(5);
    }
  });

  scenario(
    'replicas that an autoscaler sets while a version fails stay when the one before is restored',
    cluster,
    async ns => {
      await site.bring(ns);
      await ns.given(site.deploy('v1'));
      const users = await ns.users(site.service);
      let scaled: Promise<void> | undefined;
      const onLine = (line: string): void => {
        if (/of 3 ready/.test(line)) scaled ??= scale(ns, 5);
      };
      expectRefused(await ns.step(site.deploy('never-ready', { timeout: '5s' }), { onLine }), /ready/);
      await scaled;
      expect([await site.version(ns), field(await ns.get('Deployment', 'site'), 'spec', 'replicas')]).toEqual([
        'v1',
        5,
      ]);
      await expectUsersSaw(users, ['v1']);
    },
  );

  scenario('replicas that the manifest no longer names stay as many as they are', cluster, async ns => {
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    const users = await ns.users(site.service);
    await ns.rewrite('site.yml', text => text.replace('  replicas: 3\n', ''));
    await ns.given(site.deploy('v2'));
    expect(field(await ns.get('Deployment', 'site'), 'spec', 'replicas')).toBe(3);
    await expectUsersMovedOver(users, 'v1', 'v2');
    expect(await ns.step(site.deploy('v2'))).toMatchObject({ outputs: { outcome: 'unchanged' } });
  });

  scenario('a public Service that somebody else changed is never unchanged: rolling', cluster, async ns => {
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    await breakService(ns, site.service);
    expectRefused(await ns.step(site.deploy('v1')), /Service .*\/site: .*targetPort/);
    const repaired = await ns.step(site.deploy('v1', { 'force-conflicts': 'true' }));
    expect(repaired).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
    await ns.reaches(site.service, 'v1');
  });

  scenario('a public Service that somebody else changed is never unchanged: blue/green', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await breakService(ns, tomcat.service);
    expectRefused(await ns.step(tomcat.release('7')), /Service .*\/tomcat-service: .*targetPort/);
    const repaired = await ns.step(tomcat.release('7', { 'force-conflicts': 'true' }));
    expect(repaired).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched', 'active-role': 'green' } });
    await ns.reaches(tomcat.service, '7');
  });
});

describe('The changes of a deploy', () => {
  scenario('are logged field by field, and never the data of a Secret', cluster, async ns => {
    await site.bring(ns);
    const secret = (value: string): Readonly<Record<string, string>> => ({
      'secret.yml': `apiVersion: v1\nkind: Secret\nmetadata: {name: site}\nstringData: {PASSWORD: ${value}}\n`,
    });
    const inputs = { manifests: 'site.yml, secret.yml' };
    await ns.write(secret('correct-horse'));
    await ns.given(site.deploy('v1', inputs));
    await ns.write(secret('battery-staple'));
    const { log, summary, outputs } = await ns.given(site.deploy('v2', inputs));
    const { images } = ns.cluster;
    expect(log).toContain(`  spec.template.spec.containers[site].image: "${images.site}:v1" → "${images.site}:v2"\n`);
    expect(log).toContain('  data.greeting: "hello from v1" → "hello from v2"\n');
    expect(log).toContain('  data.PASSWORD: *** → ***\n');
    const said = [log, summary, JSON.stringify(outputs)].join('\n');
    for (const value of ['correct-horse', 'battery-staple'])
      for (const form of [value, Buffer.from(value).toString('base64')]) expect(said).not.toContain(form);
  });
});

describe('A missing right to watch', () => {
  scenario('is replaced by polling every two seconds, and named in a warning', cluster, async ns => {
    await site.bring(ns);
    const inputs = site.deploy('v1');
    const rights = {
      roles: rolesFor(inputs),
      without: ['watch pods', 'watch apps/replicasets', 'watch apps/deployments'],
    };
    const result = await stepAs(ns, rights, inputs);
    expect(result).toMatchObject({ exitCode: 0, outputs: { outcome: 'deployed' } });
    for (const resource of ['pods', 'replicasets', 'deployments'])
      expect(result.log).toMatch(new RegExp(`resources: \\["${resource}"\\], verbs: \\["watch"\\]`));
    expectRefused(await stepAs(ns, rights, site.deploy('broken')), /exit code|CrashLoopBackOff/);
  });
});
