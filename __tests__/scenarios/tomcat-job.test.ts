import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect } from '@jest/globals';
import { tomcat } from '../support/scenario/applications.js';
import { startCluster } from '../support/scenario/cluster.js';
import { field } from '../support/field.js';
import { recordHistory } from '../support/scenario/history.js';
import { scenario } from '../support/scenario/scenario.js';
import { expectRefused, expectUsersSaw, untilReady } from '../support/scenario/expectations.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

describe('A job that releases Tomcat blue/green', () => {
  scenario(
    'finds its files by globs, renders both roles from one template under any names, and changes no file',
    cluster,
    async ns => {
      await tomcat.bring(ns);
      const paths = ['apps/tomcat/resource-config-deployment.yml', 'net/public/resource-config-service.yml'] as const;
      const read = (paths: readonly string[]): Promise<readonly string[]> =>
        Promise.all(paths.map(path => readFile(join(ns.workspace, path), 'utf8')));
      const [deployment = '', service = ''] = await read(['k8s/deployment.yml', 'k8s/service.yml']);
      await ns.write({ [paths[0]]: deployment, [paths[1]]: service });
      const inputs = { manifests: 'apps/*/resource-config-*.yml, net/**/*-service.yml', roles: 'a,b' };
      await ns.given(tomcat.release('7', inputs));
      const users = await ns.users(tomcat.service);
      const verify = tomcat.verify('Apache Tomcat/$<TOMCAT_VERSION>');
      const { outputs } = await ns.given(tomcat.release('8', { ...inputs, verify }));
      expect(outputs).toMatchObject({ 'active-role': 'b', 'idle-role': 'a' });
      const roles = (await ns.list('Deployment')).map(found => [
        found.metadata.name,
        field(found, 'spec', 'template', 'metadata', 'labels', 'role'),
      ]);
      expect(roles.sort()).toEqual([
        ['tomcat-deployment-a', 'a'],
        ['tomcat-deployment-b', 'b'],
      ]);
      expect(await Promise.all(['a', 'b'].map(role => tomcat.versionOn(ns, role)))).toEqual(['7', '8']);
      expect(await read(paths)).toEqual([deployment, service]);
      await expectUsersSaw(users, ['7', '8']);
    },
  );

  scenario('completes a cluster that was half set up by hand and serves users', cluster, async ns => {
    await tomcat.bring(ns);
    await setUpByHand(ns);
    const users = await ns.users(tomcat.service);
    // Its creator owns the fields; this makes the release their owner.
    const takeOver = { 'force-conflicts': 'true' };
    const staged = await ns.given(tomcat.deploy('8', takeOver));
    expect(staged.outputs).toMatchObject({ 'active-role': 'blue', 'staged-role': 'green' });
    await ns.reaches('tomcat-test-green', '8');
    await ns.given(tomcat.promote());
    await ns.given(tomcat.release('9', takeOver));
    await ns.reaches('tomcat-test-blue', '9');
    await expectUsersSaw(users, ['7', '8', '9']);
  });

  scenario(
    'writes no object that serves users while it stages, and switches with one update of their Service',
    cluster,
    async ns => {
      await tomcat.bring(ns);
      await ns.given(tomcat.release('7'));
      const users = await ns.users(tomcat.service);
      const before = await ns.versions();
      await ns.given(tomcat.deploy('8'));
      const after = await ns.versions();
      const live = Object.keys(before).filter(name => !name.startsWith('Secret/cutover-'));
      expect(live).toEqual(expect.arrayContaining(['Deployment/tomcat-deployment-blue', 'Service/tomcat-service']));
      expect(live.filter(name => after[name] !== before[name])).toEqual([]);

      const service = await ns.get('Service', tomcat.service);
      const history = await recordHistory(ns, 'Service');
      await ns.given(tomcat.promote());
      const updates = (await history()).filter(({ object }) => object.metadata.name === tomcat.service);
      expect(updates).toHaveLength(1);
      const switched = updates[0]?.object;
      const selector = { app: 'tomcat', role: 'green' };
      expect(field(switched, 'spec')).toEqual({ ...(field(service, 'spec') as object), selector });
      expect(field(switched, 'status')).toEqual(field(service, 'status'));
      await expectUsersSaw(users, ['7', '8']);
    },
  );

  scenario('refuses a change of an object that both roles share, since one of them serves users', cluster, async ns => {
    await tomcat.bring(ns);
    const shared = (greeting: string): Record<string, string> => ({
      'k8s/config.yml': `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: tomcat-config}\ndata: {GREETING: ${greeting}}\n`,
    });
    await ns.rewrite('k8s/deployment.yml', text =>
      text.replace('          ports:', '          envFrom: [{configMapRef: {name: tomcat-config}}]\n          ports:'),
    );
    await ns.write(shared('hello'));
    await ns.given(tomcat.release('7'));
    await ns.write(shared('welcome'));
    const before = await ns.versions();
    expectRefused(await ns.step(tomcat.deploy('8')), /tomcat-config/);
    expect(await ns.versions()).toEqual(before);
  });

  scenario('can be promoted by a job of its own that has no files and no programs', cluster, async ns => {
    await tomcat.bring(ns);
    const { outputs } = await ns.given(tomcat.deploy('7'));
    await rm(join(ns.workspace, 'k8s'), { recursive: true });
    const promoted = await ns.step(tomcat.promote({ revision: outputs.revision ?? '' }), {
      environment: { PATH: ns.workspace },
    });
    expect(promoted).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched', 'active-role': 'blue' } });
    await ns.reaches(tomcat.service, '7');
  });

  scenario('may recreate the pods of the idle role, which serves nobody', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.rewrite('k8s/deployment.yml', text =>
      text.replace('  replicas: 2\n', '  replicas: 2\n  strategy: {type: Recreate}\n'),
    );
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.release('8'));
    const users = await ns.users(tomcat.service);
    await ns.given(tomcat.release('9'));
    expect(field(await ns.get('Deployment', 'tomcat-deployment-blue'), 'spec', 'strategy', 'type')).toBe('Recreate');
    await expectUsersSaw(users, ['8', '9']);
  });

  scenario('leaves no file behind, whether it succeeds, fails or is cancelled', cluster, async ns => {
    await tomcat.bring(ns);
    const temp = join(ns.workspace, 'temp');
    await mkdir(temp);
    const environment = { RUNNER_TEMP: temp, TMPDIR: temp, HOME: temp };
    const left = async (): Promise<readonly string[]> =>
      (await readdir(ns.workspace, { recursive: true })).filter(name => !name.startsWith('k8s')).sort();
    const run = `- run: ${JSON.stringify(`"${process.execPath}" --version`)}\n`;
    const ends = [
      await ns.step(tomcat.deploy('7', { verify: run }), { environment, post: 'always' }),
      await ns.step(tomcat.deploy('9-broken'), { environment, post: 'always' }),
      await ns.step(tomcat.deploy('9-never-ready'), {
        environment,
        post: 'always',
        interrupt: { when: /of 2 ready/, signal: 'SIGINT' },
      }),
    ];
    expect(ends.map(({ outputs }) => outputs.outcome)).toEqual(['staged', 'failed', 'failed']);
    expect(ends.map(({ log }) => /cancel/i.test(log))).toEqual([false, false, true]);
    expect(await left()).toEqual(['temp']);
  });
});

/** Blue runs 7 and serves users; green and the test Services are missing. The action has never deployed here. */
async function setUpByHand(ns: TestNamespace): Promise<void> {
  const { kube, images } = ns.cluster;
  const labels = { app: 'tomcat', role: 'blue' };
  const container = {
    name: 'tomcat-container',
    image: `${images.tomcat}:7`,
    ports: [{ containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/', port: 8080 }, timeoutSeconds: 10 },
  };
  await kube.create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'tomcat-deployment-blue', namespace: ns.namespace },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  });
  await kube.create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: tomcat.service, namespace: ns.namespace, labels: { ...labels, env: 'prod' } },
    spec: { type: 'LoadBalancer', selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
  });
  await untilReady(ns, 'tomcat-deployment-blue', 2);
}
