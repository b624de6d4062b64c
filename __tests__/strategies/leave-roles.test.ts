import { afterEach, describe, expect, it } from '@jest/globals';
import type { ObjectRef } from '../../src/kubernetes/object.js';
import { idle } from '../support/cluster/run-controllers.js';
import {
  application,
  closeReleases,
  deploymentRef,
  endOf,
  killAtWrite,
  leaseRef,
  plainManifests,
  refuseWrites,
  releaseAfter,
  replicasIn,
  served,
  serviceRef,
  stateOf,
  traceWrites,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const withAutoscaler = (version: string) => plainManifests(version, { autoscaler: true });

/** A blue/green release: v1 on blue, kept for a rollback; users are on v2 on green. */
const release = releaseAfter(async web => {
  for (const version of ['v1', 'v2']) {
    await web.stage(withAutoscaler(version));
    await web.promote();
  }
});

/** Every write, and what the record calls unfinished when it is asked for. */
const writes = [
  ['CREATE Lease shop/cutover-web', '-'],
  ['CREATE Secret shop/cutover-web-3', '-'],
  ['REPLACE Secret shop/cutover-web', '-'],
  ['APPLY ConfigMap shop/settings', 'leave'],
  ['APPLY Deployment shop/web', 'leave'],
  // The idle role, before the Service could lead users to it.
  ['REMOVE HorizontalPodAutoscaler shop/web-blue', 'leave'],
  ['REMOVE Deployment shop/web-blue', 'leave'],
  ['REMOVE Service shop/web-test-blue', 'leave'],
  ['APPLY Service shop/web', 'leave'],
  ['REPLACE Secret shop/cutover-web', 'leave'],
  ['REMOVE HorizontalPodAutoscaler shop/web-green', 'leave'],
  ['REMOVE Deployment shop/web-green', 'leave'],
  ['REMOVE Service shop/web-test-green', 'leave'],
  ['APPLY HorizontalPodAutoscaler shop/web', 'leave'],
  ['REPLACE Secret shop/cutover-web', 'leave'],
  ['REMOVE Lease shop/cutover-web', '-'],
] as const;
const rows = writes.map(([write], index) => [index + 1, write] as const);
/** The write after which the way is forward. */
const verified = 10;

const v2 = ['site:v2', 'site:v2'];
const v3 = ['site:v3', 'site:v3'];
const namesOf = ({ cluster: { store } }: WebRelease, apiVersion: string, kind: string) =>
  store.list({ apiVersion, kind, namespace: 'shop' }).map(({ metadata }) => metadata.name);
const autoscalers = (web: WebRelease) => namesOf(web, 'autoscaling/v2', 'HorizontalPodAutoscaler');

/** No role is left, and users are on v3. */
function expectRolling(web: WebRelease, revision: number | undefined = 3): void {
  const { cluster } = web;
  expect([served(cluster), unfinished(cluster)]).toEqual([v3, '-']);
  expect(cluster.store.get(serviceRef('web'))).toMatchObject({ spec: { selector: { app: 'web' } } });
  expect([namesOf(web, 'apps/v1', 'Deployment'), namesOf(web, 'v1', 'Service')]).toEqual([['web'], ['web']]);
  expect(autoscalers(web)).toEqual(['web']);
  expect(stateOf(cluster)).toMatchObject({ strategy: 'rolling', current: revision });
  expect(stateOf(cluster)).not.toHaveProperty('roles');
}

describe('a rolling deploy of a blue/green release', () => {
  it('brings the new pods up, leads the Service to them, and deletes the roles', async () => {
    const web = await release();
    const trace = traceWrites(web.cluster);
    await expect(web.deploy(withAutoscaler('v3'))).resolves.toMatchObject({ outcome: 'deployed', revision: 3 });
    expect(trace).toEqual(writes);
    expectRolling(web);
  });

  it('leads users to the active role and the new pods alone, and has one autoscaler for each pod', async () => {
    const web = await release();
    const { cluster } = web;
    const seen = new Set<string>();
    let both = 0;
    cluster.before = () => {
      served(cluster).forEach(image => seen.add(image));
      both = Math.max(both, autoscalers(web).includes('web') ? autoscalers(web).length : 1);
    };
    await web.deploy(withAutoscaler('v3'));
    expect([...seen].sort()).toEqual(['site:v2', 'site:v3']);
    expect(both).toBe(1);
  });

  it('starts as many pods as serve', async () => {
    const web = await release();
    const { cluster } = web;
    const green = cluster.store.get(deploymentRef('web-green'))!;
    cluster.store.update({ ...green, spec: { ...(green['spec'] as object), replicas: 4 } }, { manager: 'autoscaler' });
    await web.deploy(withAutoscaler('v3'));
    expect(replicasIn(cluster, 'web')).toBe(4);
  });

  it.each(rows)('killed at write %i (%s): the same deploy again finishes it', async n => {
    const web = await release();
    const { cluster } = web;
    killAtWrite(cluster, n);
    await endOf(web.deploy(withAutoscaler('v3')));
    expect(served(cluster)).not.toContain('site:v1');
    expect(served(cluster).length).toBeGreaterThan(1);
    cluster.before = () => undefined;
    if (cluster.store.get(leaseRef) !== undefined) cluster.store.remove(leaseRef);
    await web.deploy(withAutoscaler('v3'));
    expectRolling(web, stateOf(cluster)?.latest);
  });

  it.each(rows.slice(1))('killed at write %i (%s): the post step restores the roles until it is verified', async n => {
    const web = await release();
    const { cluster } = web;
    const before = application(cluster);
    killAtWrite(cluster, n);
    await endOf(web.deploy(withAutoscaler('v3')));
    const { kind } = await web.post();
    if (n <= verified) {
      expect([application(cluster), served(cluster), unfinished(cluster)]).toEqual([before, v2, '-']);
      expect(stateOf(cluster)).toMatchObject({ strategy: 'blue-green', current: 2 });
      await expect(web.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', activeRole: 'blue' });
      return;
    }
    expect(kind).toBe(n < rows.length ? 'roles-left' : 'nothing-unfinished');
    await web.deploy(withAutoscaler('v3'));
    expectRolling(web, stateOf(cluster)?.latest);
  });

  it.each(rows.slice(1, 15))('refused at write %i (%s): restored until it is verified, finished after it', async n => {
    const web = await release();
    const { cluster } = web;
    const before = application(cluster);
    refuseWrites(cluster, n);
    await expect(web.deploy(withAutoscaler('v3'))).rejects.toMatchObject({ error: { code: 'forbidden' } });
    if (n <= verified) expect([application(cluster), served(cluster), unfinished(cluster)]).toEqual([before, v2, '-']);
    cluster.before = () => undefined;
    await web.deploy(withAutoscaler('v3'));
    expectRolling(web, stateOf(cluster)?.latest);
  });

  /** Somebody sets a field of the spec of an object. */
  const change = ({ cluster: { store } }: WebRelease, ref: ObjectRef, spec: object): void => {
    const live = store.get(ref)!;
    store.update({ ...live, spec: { ...(live['spec'] as object), ...spec } }, { manager: 'kubectl-edit' });
  };
  const scale = (web: WebRelease, replicas: number): void => change(web, deploymentRef('web'), { replicas });
  /** Somebody does something right before the first call of this kind. */
  const at = ({ cluster }: WebRelease, call: string, work: () => void): void => {
    let isDone = false;
    cluster.before = now => {
      if (isDone || now !== call) return;
      isDone = true;
      work();
    };
  };
  const selector = ({ cluster }: WebRelease) =>
    (cluster.store.get(serviceRef('web'))?.['spec'] as { readonly selector: object }).selector;

  it('restores the roles when the new pods are gone before the Service is switched', async () => {
    const web = await release();
    const before = application(web.cluster);
    at(web, 'REMOVE Deployment shop/web-blue', () => scale(web, 0));
    await expect(web.deploy(withAutoscaler('v3'))).rejects.toMatchObject({ error: { code: 'switch' } });
    expect([application(web.cluster), served(web.cluster), unfinished(web.cluster)]).toEqual([before, v2, '-']);
  });

  it('does not delete the role when the new pods are gone once the deploy is verified', async () => {
    const web = await release();
    let replaced = 0;
    web.cluster.before = call => {
      if (call === 'REPLACE Secret shop/cutover-web' && ++replaced === 2) scale(web, 0);
    };
    await expect(web.deploy(withAutoscaler('v3'))).rejects.toMatchObject({ error: { code: 'changed' } });
    expect([served(web.cluster), unfinished(web.cluster)]).toEqual([v2, 'leave']);
  });

  it('is refused when the Service leads to no Deployment of the manifests', async () => {
    const web = await release();
    const text = plainManifests('v3').replace('spec: {selector: {app: web},', 'spec: {selector: {app: wed},');
    await expect(web.deploy(text)).rejects.toMatchObject({
      code: 'manifest',
      message: 'Service shop/web of the manifests selects the pods of none of their Deployments',
    });
    expect(web.cluster.writes()).toEqual([]);
  });

  it('switches the Service only as it was in the look', async () => {
    const web = await release();
    const versions: (string | undefined)[] = [];
    const { cluster } = web;
    const apply = cluster.apply.bind(cluster);
    cluster.apply = (object, options) => {
      if (object.kind === 'Service') versions.push(options?.resourceVersion);
      return apply(object, options);
    };
    const { resourceVersion } = cluster.store.get(serviceRef('web'))!.metadata;
    await web.deploy(withAutoscaler('v3'));
    expect(versions).toEqual([resourceVersion]);
  });

  it.each([
    ['the idle role goes', 'REMOVE HorizontalPodAutoscaler shop/web-blue'],
    ['the Service is switched', 'APPLY Service shop/web'],
  ])('leaves the Service to whoever switches it before %s', async (_when, call) => {
    const web = await release();
    const theirs = { app: 'web', 'cutover/role': 'blue' };
    at(web, call, () => change(web, serviceRef('web'), { selector: theirs }));
    await expect(web.deploy(withAutoscaler('v3'))).rejects.toMatchObject({ error: { code: 'moved' } });
    expect(selector(web)).toEqual(theirs);
    expect(served(web.cluster)).toEqual(['site:v1', 'site:v1']);
  });

  it('keeps the role when the new pods are gone after a kill, and deletes it when they are back', async () => {
    const web = await release();
    const { cluster } = web;
    killAtWrite(cluster, verified + 1);
    await endOf(web.deploy(withAutoscaler('v3')));
    cluster.before = () => undefined;
    if (cluster.store.get(leaseRef) !== undefined) cluster.store.remove(leaseRef);
    scale(web, 0);
    await idle();
    await expect(web.deploy(withAutoscaler('v4'))).rejects.toMatchObject({
      error: {
        code: 'changed',
        message: 'Service shop/web does not lead to all wanted pods of revision 3: the roles were not deleted',
      },
      outcome: { serving: { kind: 'roles-left' } },
    });
    expect([served(cluster), unfinished(cluster)]).toEqual([v2, 'leave']);
    scale(web, 2);
    await web.deploy(withAutoscaler('v3'));
    expectRolling(web);
  });

  it('keeps the role when the Service is sent back to it during the deletion', async () => {
    const web = await release();
    const green = { app: 'web', 'cutover/role': 'green' };
    at(web, 'REMOVE HorizontalPodAutoscaler shop/web-green', () => change(web, serviceRef('web'), { selector: green }));
    await expect(web.deploy(withAutoscaler('v3'))).rejects.toMatchObject({ error: { code: 'moved' } });
    expect([selector(web), served(web.cluster)]).toEqual([green, v2]);
  });

  it('restores the roles when its checks fail', async () => {
    const web = await release();
    const before = application(web.cluster);
    web.answer = () => 500;
    await expect(web.deploy(withAutoscaler('v3'))).rejects.toMatchObject({ error: { code: 'verify' } });
    expect([application(web.cluster), served(web.cluster), unfinished(web.cluster)]).toEqual([before, v2, '-']);
  });

  it('is followed by rolling updates and a rollback, and by roles again', async () => {
    const web = await release();
    await web.deploy(withAutoscaler('v3'));
    await web.deploy(withAutoscaler('v4'));
    await expect(web.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 3 });
    expect(served(web.cluster)).toEqual(v3);
    await expect(web.stage(withAutoscaler('v5'))).resolves.toMatchObject({ outcome: 'staged', activeRole: 'blue' });
    expect(served(web.cluster)).toEqual(v3);
    await web.promote();
    expect(served(web.cluster)).toEqual(['site:v5', 'site:v5']);
    expect(namesOf(web, 'apps/v1', 'Deployment')).toEqual(['web-blue', 'web-green']);
  });

  it('has no earlier revision of a role to roll back to', async () => {
    const web = await release();
    await web.deploy(withAutoscaler('v3'));
    await expect(web.rollback()).rejects.toMatchObject({ code: 'no-revision' });
  });
});
