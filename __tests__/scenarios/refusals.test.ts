import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from '@jest/globals';
import { site, tomcat } from '../support/scenario/applications.js';
import { actionUnderTest } from '../support/runner/action-under-test.js';
import { runStep } from '../support/runner/runner.js';
import { startCluster } from '../support/scenario/cluster.js';
import { scenario } from '../support/scenario/scenario.js';
import { expectRefused, expectUsersSaw, settled, untilReady } from '../support/scenario/expectations.js';
import { openTestNamespace } from '../support/scenario/test-namespace.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

const configMap = (name: string, more = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {key: value}\n${more}`;

interface Refusal {
  readonly what: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly inputs: Readonly<Record<string, string>>;
  /** Default: the Roles of docs/rbac.md, in the namespace of the scenario. */
  readonly as?: 'admin';
  /** Patterns that the message must match. */
  readonly names: readonly RegExp[];
}

const refusals: readonly Refusal[] = [
  {
    what: 'a variable that is not defined',
    files: {
      'undefined.yml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  greeting: hello $<NAMME>\n',
    },
    inputs: { manifests: 'undefined.yml', variables: 'NAME=you' },
    names: [/NAMME/, /undefined\.yml:5:/, /NAME\b/],
  },
  {
    what: 'an images entry that matches nothing',
    inputs: site.deploy('v2', { images: 'registry.test/shop/other:v2' }),
    names: [/registry\.test\/shop\/other/, /\/site\b/],
  },
  {
    what: 'wrong inputs, all of them at once',
    inputs: { ...site.deploy('v2'), strategy: 'canary', timeout: 'ten minutes', 'history-limit': '0.5', colour: 'red' },
    names: [/strategy/, /canary/, /timeout/, /ten minutes/, /history-limit/, /0\.5/, /colour/],
  },
  {
    what: 'inputs that contradict each other',
    inputs: site.deploy('v2', { switch: 'auto' }),
    names: [/switch/, /rolling/],
  },
  {
    what: 'inputs under their former names',
    inputs: site.deploy('v2', { steady: '5s', imagepullsecrets: 'registry' }),
    names: [/steady: /, /stable-for/, /imagepullsecrets: /, /image-pull-secrets/],
  },
  {
    what: 'a pattern that no file matches',
    inputs: { manifests: 'site.yml, nowhere/*.yml' },
    names: [/nowhere\/\*\.yml/],
  },
  {
    what: 'a manifest that is no YAML',
    files: { 'broken.yml': 'apiVersion: v1\nkind: [ConfigMap\nmetadata: {name: m}\n' },
    inputs: { manifests: 'broken.yml' },
    names: [/broken\.yml:\d+/],
  },
  {
    what: 'a key that is there twice',
    files: { 'twice.yml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {}\ndata: {}\n' },
    inputs: { manifests: 'twice.yml' },
    names: [/twice\.yml:5/, /duplicate/],
  },
  {
    what: 'an object that is there twice',
    files: { 'a.yml': configMap('m'), 'b.yml': configMap('m') },
    inputs: { manifests: 'a.yml, b.yml' },
    names: [/a\.yml:1/, /b\.yml:1/, /ConfigMap/],
  },
  {
    what: 'an object without a kind',
    files: { 'kindless.yml': 'apiVersion: v1\nmetadata: {name: m}\n' },
    inputs: { manifests: 'kindless.yml' },
    names: [/kindless\.yml:1/, /kind/],
  },
  {
    what: 'objects that the API server refuses, all of them',
    files: {
      'refused.yml': [
        configMap('fine'),
        configMap('odd', 'colour: red\n'),
        'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80, tragetPort: 8080}]}\n',
      ].join('---\n'),
    },
    inputs: { manifests: 'refused.yml', release: 'm' },
    names: [/colour/, /tragetPort/],
  },
  {
    what: 'a kind that the cluster does not serve',
    files: { 'gadget.yml': 'apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: g}\n' },
    inputs: { manifests: 'gadget.yml', release: 'm' },
    names: [/example\.com\/v1/, /Gadget/],
  },
  {
    what: 'a namespace that does not exist',
    inputs: site.deploy('v2', { namespace: 'nowhere' }),
    as: 'admin',
    names: [/nowhere/, /create-namespace/],
  },
  {
    what: 'a kubeconfig that is none',
    inputs: site.deploy('v2', { kubeconfig: 'clusters: nothing of the kind\n' }),
    names: [/kubeconfig/],
  },
  {
    what: 'a context that the kubeconfig does not have',
    inputs: site.deploy('v2', { context: 'production' }),
    names: [/production/],
  },
];

describe('A deploy that cannot succeed gives the reason in one message, and changes nothing', () => {
  // None of them may change anything, so they share one namespace with a live release.
  const standing = starting.then(openTestNamespace);
  const before = standing.then(async ({ ns }) => {
    await live(ns);
    await settled(ns);
    return ns.versions();
  });
  afterAll(async () => (await standing).leave());

  it.concurrent.each(refusals)('$what', async ({ files, inputs, names, as }) => {
    const expected = await before;
    const { ns } = await standing;
    await ns.write(files ?? {});
    const result = await ns.step(inputs, as && { as });
    for (const name of names) expectRefused(result, name);
    expect(await ns.versions()).toEqual(expected);
    expect(result.summary).toMatch(/failed/i);
  });

  scenario('a cluster that cannot be reached', cluster, async ns => {
    await site.bring(ns);
    const address = `127.0.0.1:${await unusedPort()}`;
    const kubeconfig = ns.cluster.kubeconfig.replaceAll(/https:\/\/[^\s,}"']+/g, `https://${address}`);
    const result = await ns.step(site.deploy('v1', { kubeconfig }));
    expectRefused(result, new RegExp(address));
    expectRefused(result, /ECONNREFUSED/);
  });

  scenario('blue/green for a release whose rolling deploy is unfinished', cluster, async ns => {
    await live(ns);
    const killed = await ns.step(site.deploy('v2'), {
      post: 'never',
      interrupt: { when: /Waiting up to .*site/, signal: 'SIGKILL' },
    });
    expect(killed.exitCode).toBe(137);
    await ns.cluster.kube.remove({ kind: 'Lease', namespace: ns.namespace, name: 'cutover-site' });
    await ns.until('its rollout is over', async () => {
      const live = await ns.get('Deployment', 'site');
      const { observedGeneration, updatedReplicas, replicas } = live?.['status'] as Record<string, number>;
      // Otherwise the status is still that of the rollout before.
      return observedGeneration === live?.metadata.generation && updatedReplicas === 3 && replicas === 3;
    });
    await untilReady(ns, 'site', 3);
    const before = await ns.versions();
    expectRefused(
      await ns.step(site.deploy('v3', { strategy: 'blue-green' })),
      /deploy of revision 2 of release site was never finished/,
    );
    expect(await ns.versions()).toEqual(before);
  });

  scenario('promote, reject and rollback of a release that does not exist', cluster, async ns => {
    const before = await ns.versions();
    for (const inputs of [tomcat.promote(), tomcat.reject, tomcat.rollback()])
      expectRefused(await ns.step(inputs), /tomcat-service/);
    expect(await ns.versions()).toEqual(before);
  });

  scenario('a release that another run works on', cluster, async ns => {
    await live(ns);
    const users = await ns.users(site.service);
    const cancel = new AbortController();
    let first: Promise<unknown> = Promise.resolve();
    await new Promise<void>(working => {
      first = ns.step(site.deploy('never-ready', { timeout: '5m' }), {
        environment: { GITHUB_RUN_ID: '77' },
        onLine: line => (line.includes('of 3') ? working() : undefined),
        interrupt: { when: cancel.signal, signal: 'SIGINT' },
      });
    });
    expectRefused(await ns.step(site.deploy('v2', { 'lock-timeout': '0s' })), /actions\/runs\/77/);
    expect(await site.version(ns)).toBe('never-ready');
    cancel.abort();
    expect(await first).toMatchObject({ exitCode: 1, outputs: { outcome: 'failed' } });
    expect(await site.version(ns)).toBe('v1');
    await expectUsersSaw(users, ['v1']);
  });

  for (const { what, secret, as } of [
    { what: 'the private key', secret: /client-key-data["']?: ?["']?(\S{40})/, as: 'admin' },
    { what: 'the token', secret: /token["']?: ?["']?(\S{20})/, as: [] },
  ] as const)
    scenario(`${what} of the kubeconfig is masked wherever it would appear`, cluster, async ns => {
      await site.bring(ns);
      const inputs = site.deploy('v1');
      const kubeconfig = await ns.kubeconfigOf(inputs, as);
      const text = secret.exec(kubeconfig)?.[1];
      expect(text).toBeDefined();
      const result = await ns.step({ ...inputs, kubeconfig }, { environment: { RUNNER_DEBUG: '1' } });
      expect(result.exitCode).toBe(0);
      const shown = [result.log, result.summary, JSON.stringify(result.outputs), JSON.stringify(result.state)].join('');
      expect(shown).not.toContain(text);
    });
});

describe('The runner that the scenarios use', () => {
  it('passes the action no variable of this process but PATH', async () => {
    const result = await runStep({ action: actionUnderTest(), workspace: process.cwd(), inputs: { action: 'status' } });
    expectRefused(result, /kubeconfig/i);
  });
});

/** Deploys a first version, so that "nothing changed" proves something. */
async function live(ns: TestNamespace): Promise<void> {
  await site.bring(ns);
  await ns.given(site.deploy('v1'));
}

async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise(done => server.close(done));
  return port;
}
