import { afterAll, describe, expect } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { startRegistry, type RegistryOptions, type RegistryServer } from '../support/registry-server.js';
import { site } from '../support/scenario/applications.js';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { scenario } from '../support/scenario/scenario.js';
import { expectRefused, settled } from '../support/scenario/expectations.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';

const starting = startCluster();
const cluster = () => starting;
const registries: RegistryServer[] = [];
afterAll(async () => {
  await (await starting).close();
  await Promise.all(registries.map(registry => registry.close()));
});

/** The site, with its image in the scenario's own registry. On a real cluster that registry forwards to the cluster's. */
async function siteFrom(
  ns: TestNamespace,
  options: RegistryOptions,
): Promise<{ registry: RegistryServer; image: string }> {
  const written = ns.cluster.images.site;
  const [host = '', ...path] = written.split('/');
  const real = host.startsWith('127.') ? { upstream: `http://${host}` } : {};
  const images = ['v1', 'v2'].map(tag => `${path.join('/')}:${tag}`);
  const registry = await startRegistry({ images, ...real, ...options });
  registries.push(registry);
  const image = [registry.host, ...path].join('/');
  await site.bring(ns);
  await ns.rewrite('site.yml', text => text.replaceAll(written, image));
  return { registry, image };
}

const contentOf = (secret: KubeObject | undefined): string =>
  Buffer.from(String(field(secret, 'data', '.dockerconfigjson')), 'base64').toString('utf8');
const pullSecret = { 'registry-secret': 'regcred', 'image-check': 'require' };

describe('The registry of the images', () => {
  scenario(
    'is asked before anything is written: an image that it does not have is refused, with its line',
    cluster,
    async ns => {
      const { registry, image } = await siteFrom(ns, {});
      const first = await ns.given(site.deploy('v1', { 'image-check': 'auto' }));
      expect(first.log).toContain('1 image is in the registry');
      await settled(ns);
      const before = await ns.versions();
      const refused = await ns.step(site.deploy('v7000', { 'image-check': 'auto' }));
      expectRefused(
        refused,
        /Deployment \S+\/site, container site: image \S+:v7000 does not exist; .* 404 MANIFEST_UNKNOWN/,
      );
      expect(refused.log).toContain(image);
      const [error] = refused.annotations.filter(({ level }) => level === 'error');
      expect(JSON.stringify(error)).toMatch(/site\.yml/);
      expect(await ns.versions()).toEqual(before);
      expect(registry.requests.filter(request => request.endsWith('/v7000'))).toContain(
        `HEAD /v2/${image.split('/').slice(1).join('/')}/manifests/v7000`,
      );
    },
  );

  scenario('causes one warning when it cannot be reached, and the deploy goes on', cluster, async ns => {
    const { registry } = await siteFrom(ns, {});
    await ns.given(site.deploy('v1', { 'image-check': 'auto' }));
    await registry.close();
    const again = await ns.step(site.deploy('v1', { 'image-check': 'auto' }));
    expect([again.exitCode, again.outputs.outcome]).toEqual([0, 'unchanged']);
    const warnings = again.annotations.filter(({ level }) => level === 'warning');
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/^Cannot tell .*ECONNREFUSED/)]);
  });
});

describe('The Secret of registry-secret', () => {
  scenario('is created, used for pulls, rotated in place, and restored by a deploy that fails', cluster, async ns => {
    const { registry } = await siteFrom(ns, { auth: 'basic', user: 'bob:first-Pa55' });
    const login = (password: string): string => `${registry.host} bob ${password}`;
    const v1 = await ns.given(site.deploy('v1', { ...pullSecret, 'registry-credentials': login('first-Pa55') }));
    const made = await ns.get('Secret', 'regcred');
    expect(made?.['type']).toBe('kubernetes.io/dockerconfigjson');
    expect(JSON.parse(contentOf(made))).toMatchObject({
      auths: { [registry.host]: { username: 'bob', password: 'first-Pa55' } },
    });
    const pods = await ns.list('Pod');
    expect(pods.map(pod => field(pod, 'spec', 'imagePullSecrets'))).toEqual(pods.map(() => [{ name: 'regcred' }]));

    registry.knows('bob:second-Pa55');
    const stale = await ns.step(site.deploy('v2', { ...pullSecret, 'registry-credentials': login('first-Pa55') }));
    expectRefused(stale, /the registry cannot tell; .* the login has no permission to read it/);
    const v2 = await ns.given(site.deploy('v2', { ...pullSecret, 'registry-credentials': login('second-Pa55') }));
    const rotated = await ns.get('Secret', 'regcred');
    expect(rotated?.metadata.uid).toBe(made?.metadata.uid);
    expect(contentOf(rotated)).toContain('second-Pa55');
    expect(await site.version(ns)).toBe('v2');

    const failing = { verify: '- http: /\n  contains: nothing of that kind\n', 'image-check': 'off' };
    const failed = await ns.step(
      site.deploy('v1', { ...pullSecret, ...failing, 'registry-credentials': login('third-Pa55') }),
    );
    expect(failed.exitCode).toBe(1);
    expect(field(await ns.get('Secret', 'regcred'), 'data')).toEqual(field(rotated, 'data'));

    const record = JSON.stringify(await ns.list('ConfigMap'));
    for (const password of ['first-Pa55', 'second-Pa55', 'third-Pa55']) {
      const encoded = Buffer.from(`bob:${password}`).toString('base64');
      const shown = [v1, stale, v2, failed].map(({ log, summary, outputs, state }) =>
        JSON.stringify([log, summary, outputs, state]),
      );
      expect([...shown, record].filter(text => text.includes(password) || text.includes(encoded))).toEqual([]);
    }
  });

  scenario('of another type is refused with the remedy, and recreated where recreate names it', cluster, async ns => {
    await site.bring(ns);
    const { kube } = ns.cluster;
    const { status } = await kube.send({
      method: 'POST',
      path: `/api/v1/namespaces/${ns.namespace}/secrets?fieldManager=kubectl-create`,
      body: {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'regcred' },
        type: 'Opaque',
        data: { token: 'eA==' },
      },
    });
    expect(status).toBe(201);
    const inputs = { 'registry-secret': 'regcred', 'registry-credentials': 'registry.test bob s3cret-Pa55' };
    const refused = await ns.step(site.deploy('v1', inputs));
    expectRefused(refused, /Secret \S+\/regcred: .*type.*immutable[^]*recreate: Secret\/regcred/);
    expect(await ns.get('Deployment', 'site')).toBeUndefined();
    await ns.given(site.deploy('v1', { ...inputs, recreate: 'secret/regcred' }));
    const secret = await ns.get('Secret', 'regcred');
    expect([secret?.['type'], Object.keys(field(secret, 'data') as object)]).toEqual([
      'kubernetes.io/dockerconfigjson',
      ['.dockerconfigjson'],
    ]);
  });

  scenario('may be rotated while both roles use it', cluster, async ns => {
    const role = (name: string): string => `${name}: "site-\${TARGET_ROLE}"`;
    await ns.write({
      'roles.yml': `apiVersion: v1
kind: Service
metadata: {name: site}
spec: {selector: {${role('app')}}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {${role('name')}}
spec:
  selector: {matchLabels: {${role('app')}}}
  template:
    metadata: {labels: {${role('app')}}}
    spec: {containers: [{name: site, image: "${ns.cluster.images.site}:\${VERSION}", ports: [{containerPort: 8080}]}]}
`,
    });
    const release = (version: string, password: string) =>
      site.deploy(version, {
        strategy: 'blue-green',
        manifests: 'roles.yml',
        switch: 'auto',
        drain: '0s',
        replicas: '1',
        'registry-secret': 'regcred',
        'registry-credentials': `registry.test bob ${password}`,
      });
    await ns.given(release('v1', 'first-Pa55'));
    await ns.given(release('v2', 'second-Pa55'));
    expect(contentOf(await ns.get('Secret', 'regcred'))).toContain('second-Pa55');
  });
});
