import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { isActive, isReady } from '../../src/kubernetes/pods/pod.js';
import { site, tomcat } from '../support/scenario/applications.js';
import { describeEmbedded, startCluster } from '../support/scenario/cluster.js';
import { expectRefused, expectUsersMovedOver, expectUsersSaw, met } from '../support/scenario/expectations.js';
import { scenario } from '../support/scenario/scenario.js';
import { shop } from '../support/scenario/shop.js';
import type { TestNamespace } from '../support/scenario/test-namespace.js';

const starting = startCluster();
const cluster = () => starting;
afterAll(async () => (await starting).close());

describe('An evicted pod, which stays until somebody deletes it', () => {
  scenario('blocks neither staging nor promotion nor rollback', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    const users = await ns.users(tomcat.service);
    await leaveEvicted(ns, 'tomcat-deployment-blue');
    await ns.given(tomcat.deploy('8'));
    await leaveEvicted(ns, 'tomcat-deployment-green');
    await ns.given(tomcat.promote());
    await met(users, '8');
    const back = await ns.step(tomcat.rollback());
    expect(back).toMatchObject({ exitCode: 0, outputs: { outcome: 'rolled-back', 'active-role': 'blue' } });
    await expectUsersSaw(users, ['7', '8', '7']);
    expect((await ns.list('Pod')).filter(isEvicted)).toHaveLength(2);
  });

  scenario('blocks neither an unchanged deploy nor an update', cluster, async ns => {
    await site.bring(ns);
    await ns.given(site.deploy('v1'));
    await leaveEvicted(ns, 'site');
    const users = await ns.users(site.service);
    expect((await ns.step(site.deploy('v1'))).outputs.outcome).toBe('unchanged');
    expect((await ns.step(site.deploy('v2'))).outputs.outcome).toBe('deployed');
    await expectUsersMovedOver(users, 'v1', 'v2');
  });
});

describe('Pods that are gone after the checks of the staged side', () => {
  scenario('are waited for: users are switched to all of them', cluster, async ns => {
    await bringFour(ns);
    const users = await ns.users('shop');
    const missing = await goOn(ns, async () => {
      await ns.cluster.kube.create(settings(ns, { READY_AFTER: 'never' }));
      await deleteReady(ns, 'green', 3);
    });
    let replaced: Promise<void> | undefined;
    const onLine = (line: string): void => {
      missing.onLine(line);
      if (line.includes('Not switched yet: Deployment')) replaced ??= letThemStart(ns);
    };
    const promoted = await ns.step(shop.promote({ verify: pausing }), { onLine });
    expect(promoted).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched', 'active-role': 'green' } });
    expect(promoted.log).toMatch(/Not switched yet: Deployment \S+shop-green: 1 of 4 ready/);
    expect(promoted.log).toContain('shop: 4 endpoints, all of the expected pods');
    await replaced;
    await expectUsersSaw(users, ['v1', 'v2']);
  });

  scenario('leave users where they are when they do not get ready again', cluster, async ns => {
    await bringFour(ns);
    const users = await ns.users('shop');
    const missing = await goOn(ns, async () => {
      await ns.cluster.kube.create(settings(ns, { CRASH_AFTER: '0s' }));
      await deleteReady(ns, 'green', 3);
    });
    const refused = await ns.step(shop.promote({ verify: pausing }), missing);
    expectRefused(refused, /keeps crashing|1 of 4 ready/);
    expect(refused.summary).toContain('This step did not switch anything: users are where they were (blue).');
    await expectUsersSaw(users, ['v1']);
  });
});

describeEmbedded('At the moment of the switch', 'only the embedded cluster can act between two requests', () => {
  scenario('a pod that is replaced does not matter', cluster, async ns => {
    await tomcat.bring(ns);
    await ns.given(tomcat.release('7'));
    await ns.given(tomcat.deploy('8'));
    const users = await ns.users(tomcat.service);
    const deleted = atSwitch(ns, () => deleteReady(ns, 'green', 1));
    const promoted = await ns.step(tomcat.promote());
    expect(promoted).toMatchObject({ exitCode: 0, outputs: { outcome: 'switched', 'active-role': 'green' } });
    expect(deleted.count).toBe(1);
    await expectUsersSaw(users, ['7', '8']);
  });
});

/** Users are on blue, version v1; green is staged with four pods. */
async function bringFour(ns: TestNamespace): Promise<void> {
  await shop.bring(ns);
  const change = (text: string): string =>
    text.replace('replicas: 1', 'replicas: 4').replaceAll('{selector: {app', '{type: NodePort, selector: {app');
  await ns.rewrite('roles.yml', change);
  await ns.given(shop.release('v1'));
  await ns.given(shop.stage('v2', { verify: pausing }), await goOn(ns));
}

/** What new pods of the shop take their environment from. */
function settings({ namespace }: TestNamespace, data: Readonly<Record<string, string>>): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'pod-settings', namespace }, data };
}

/** Deletes the settings, and the pods that took them. */
async function letThemStart(ns: TestNamespace): Promise<void> {
  const { kube } = ns.cluster;
  const { namespace } = ns;
  await kube.remove({ kind: 'ConfigMap', namespace, name: 'pod-settings' });
  const pods = (await ns.list('Pod')).filter(pod => isActive(pod) && !isReady(pod));
  for (const { metadata } of pods) await kube.remove({ kind: 'Pod', namespace, name: metadata.name });
}

/** A check that passes as soon as the file `go` is there. */
const pausing = `- run: |
    echo the check has begun
    until [ -f go ]; do sleep 0.1; done
  when: staged
`;

/** Lets {@link pausing} pass once `work` is done. */
async function goOn(ns: TestNamespace, work: () => Promise<unknown> = () => Promise.resolve()) {
  const file = join(ns.workspace, 'go');
  await rm(file, { force: true });
  let begun = false;
  return {
    onLine: (line: string): void => {
      if (begun || !line.includes('| the check has begun')) return;
      begun = true;
      void work().then(() => writeFile(file, ''));
    },
  };
}

/** Does something when the write of the public Service arrives, before it is done. */
function atSwitch(ns: TestNamespace, work: () => Promise<unknown>): { readonly count: number } {
  const done = { count: 0 };
  const match = {
    verb: 'PATCH',
    kind: 'Service',
    namespace: ns.namespace,
    name: tomcat.service,
    dryRun: false,
  } as const;
  const by = async (): Promise<void> => {
    done.count += 1;
    await work();
  };
  ns.cluster.sandbox?.fault(match, { do: 'overtake', by }, 1);
  return done;
}

async function deleteReady(ns: TestNamespace, role: string, count: number): Promise<void> {
  const pods = (await ns.list('Pod')).filter(pod => pod.metadata.labels?.role === role && isReady(pod));
  expect(pods).toHaveLength(count + 1);
  for (const { metadata } of pods.slice(0, count))
    await ns.cluster.kube.remove({ kind: 'Pod', namespace: ns.namespace, name: metadata.name });
}

const isEvicted = (pod: KubeObject): boolean =>
  (pod['status'] as { reason?: string } | undefined)?.reason === 'Evicted';

/**
 * Leaves a pod behind as an eviction does: failed, of the Deployment's own template, and owned by its ReplicaSet. It gets its
 * owner last, so that no controller counts it before it has failed.
 */
async function leaveEvicted(ns: TestNamespace, deployment: string): Promise<void> {
  const { kube } = ns.cluster;
  const sets = await ns.list('ReplicaSet');
  const set = sets.find(({ metadata, spec }) => {
    const isLive = ((spec as { replicas?: number }).replicas ?? 0) > 0;
    return isLive && metadata.ownerReferences?.[0]?.name === deployment;
  });
  if (set === undefined) throw new Error(`${deployment} has no ReplicaSet with pods`);
  const { template } = set['spec'] as { template: { metadata: { labels: object }; spec: object } };
  const name = `${set.metadata.name}-evicted`;
  const named = { kind: 'Pod', namespace: ns.namespace, name } as const;
  await kube.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: ns.namespace },
    spec: { ...template.spec, schedulerName: 'none' },
  });
  const status = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' };
  const path = `/api/v1/namespaces/${ns.namespace}/pods/${name}/status`;
  const contentType = 'application/merge-patch+json';
  const answer = await kube.send({ method: 'PATCH', path, contentType, body: { status } });
  if (answer.status !== 200) throw new Error(`${name} was not evicted: ${JSON.stringify(answer.body)}`);
  const { name: owner, uid } = set.metadata;
  const reference = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid, controller: true };
  await kube.patch(named, { metadata: { labels: template.metadata.labels, ownerReferences: [reference] } });
}
