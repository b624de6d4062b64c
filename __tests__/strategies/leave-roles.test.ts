import { afterEach, describe, expect, it } from '@jest/globals';
import { isReady } from '../../src/kubernetes/pods/pod.js';
import type { ObjectRef } from '../../src/kubernetes/object.js';
import { describeServing } from '../../src/report/serving.js';
import { idle } from '../support/cluster/run-controllers.js';
import {
  application,
  closeReleases,
  deploymentRef,
  endOf,
  failureOf,
  killAtWrite,
  leaseRef,
  plainManifests,
  refuseWrites,
  releaseAfter,
  replicasIn,
  roleManifests,
  served,
  serviceRef,
  stateOf,
  traceWrites,
  unfinished,
  webRelease,
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

/** The same of manifests that mention the role. */
const templated = releaseAfter(async web => {
  for (const version of ['v1', 'v2']) {
    await web.stage(roleManifests(version));
    await web.promote();
  }
});

/** Every write, and what the record calls unfinished when it is asked for. */
const writes = [
  ['CREATE Lease shop/cutover-web', '-'],
  ['CREATE Secret shop/cutover-web.3', '-'],
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

/** A Deployment that no Service selects, which has no roles. */
const worker = `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker, annotations: {cutover/shared: "true"}}
spec:
  selector: {matchLabels: {app: worker}}
  template:
    metadata: {labels: {app: worker}}
    spec: {containers: [{name: worker, image: "work:v1"}]}
`;

/** The pods that take the place of the roles. */
const newPods = ({ cluster: { store } }: WebRelease) =>
  store
    .list({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop' }, { labels: { app: 'web' } })
    .filter(({ metadata }) => metadata.labels?.['cutover/role'] === undefined);

/** One of the new pods is not ready any more. */
function breakPod(web: WebRelease): void {
  const pod = newPods(web).find(isReady)!;
  const status = { ...(pod['status'] as object), conditions: [{ type: 'Ready', status: 'False' }] };
  web.cluster.store.update({ ...pod, status }, { part: 'status' });
}

function scale({ cluster: { store } }: WebRelease, name: string, replicas: number): void {
  const live = store.get(deploymentRef(name))!;
  store.update({ ...live, spec: { ...(live['spec'] as object), replicas } }, { manager: 'autoscaler' });
}

/** A write, and which one of those with its name it is, from 1; by default the first. */
type NthWrite = readonly [write: string, nth?: number];

/** Does something once, when the write arrives. */
function beforeWrite({ cluster }: WebRelease, [write, nth = 1]: NthWrite, work: () => void): void {
  let seen = 0;
  cluster.before = call => {
    if (call === write && (seen += 1) === nth) work();
  };
}

/** The write of the record that says that the new pods are verified. */
const recordVerified = ['REPLACE Secret shop/cutover-web', 2] as const;

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

  it.each([
    ['the switch', 'REMOVE Service shop/web-test-blue', 1],
    ['the deletion of the active role', ...recordVerified],
  ])('waits for a pod that is not ready before %s, and keeps the active role meanwhile', async (_what, write, nth) => {
    const web = await release();
    const { cluster } = web;
    beforeWrite(web, [write, nth], () => breakPod(web));
    await expect(failureOf(web.deploy(withAutoscaler('v3')))).resolves.toMatchObject({
      error: { message: expect.stringContaining('1 of 2 ready') as unknown },
    });
    expect(cluster.writes()).not.toContain('REMOVE Deployment shop/web-green');
    expect(served(cluster)).toEqual(expect.arrayContaining(v2));
  });

  it('waits for all new pods before it deletes the roles after a run that was killed', async () => {
    const web = await release();
    const { cluster } = web;
    killAtWrite(cluster, verified + 1);
    await endOf(web.deploy(withAutoscaler('v3')));
    cluster.before = () => undefined;
    cluster.store.remove(leaseRef);
    breakPod(web);
    await expect(failureOf(web.deploy(withAutoscaler('v3')))).resolves.toMatchObject({
      error: { message: expect.stringContaining('1 of 2 ready') as unknown },
    });
    expect([cluster.store.get(deploymentRef('web-green')), unfinished(cluster)]).toMatchObject([{}, 'leave']);
    expect(served(cluster)).toEqual(expect.arrayContaining(v2));
  });

  it('starts as many pods as serve', async () => {
    const web = await release();
    scale(web, 'web-green', 4);
    await web.deploy(withAutoscaler('v3'));
    expect(replicasIn(web.cluster, 'web')).toBe(4);
  });

  it.each([
    ['the lock is had', 'CREATE Lease shop/cutover-web'],
    ['users are sent there', 'REMOVE Service shop/web-test-blue'],
    ['the active role is deleted', 'APPLY Service shop/web'],
  ])('has as many ready pods as serve when the size changes before %s', async (_when, write) => {
    const web = await release();
    const { cluster } = web;
    const ready: number[] = [];
    beforeWrite(web, [write], () => scale(web, 'web-green', 4));
    const { before } = cluster;
    cluster.before = call => {
      before(call);
      if (call === 'REMOVE Deployment shop/web-green') ready.push(newPods(web).filter(isReady).length);
    };
    await web.deploy(withAutoscaler('v3'));
    expect([ready, replicasIn(cluster, 'web')]).toEqual([[4], 4]);
  });

  it('leaves the size of a Deployment alone that no user reaches', async () => {
    const web = webRelease();
    await web.stage(plainManifests('v1') + worker);
    await web.promote();
    scale(web, 'web-blue', 4);
    await web.deploy(plainManifests('v2') + worker);
    expect([replicasIn(web.cluster, 'web'), replicasIn(web.cluster, 'worker')]).toEqual([4, 1]);
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
  const selector = ({ cluster }: WebRelease) =>
    (cluster.store.get(serviceRef('web'))?.['spec'] as { readonly selector: object }).selector;

  const removeNew = ({ cluster: { store } }: WebRelease): void => store.remove(deploymentRef('web'));

  it('restores the roles when the new Deployment is gone before the Service is switched', async () => {
    const web = await release();
    const before = application(web.cluster);
    beforeWrite(web, ['REMOVE Deployment shop/web-blue'], () => removeNew(web));
    await expect(web.deploy(withAutoscaler('v3'))).rejects.toMatchObject({ error: { code: 'switch' } });
    expect([application(web.cluster), served(web.cluster), unfinished(web.cluster)]).toEqual([before, v2, '-']);
  });

  it('does not delete the role when the new Deployment is gone once the deploy is verified', async () => {
    const web = await release();
    const [write, nth] = recordVerified;
    beforeWrite(web, [write, nth], () => removeNew(web));
    await expect(web.deploy(withAutoscaler('v3'))).rejects.toMatchObject({ error: { code: 'switch' } });
    expect([served(web.cluster), unfinished(web.cluster)]).toEqual([v2, 'leave']);
  });

  it.each([
    ['the Service is switched', 'REMOVE Deployment shop/web-blue', 1],
    ['the role is deleted', ...recordVerified],
  ])('starts the new pods again that somebody took away before %s', async (_when, write, nth) => {
    const web = await release();
    beforeWrite(web, [write, nth], () => scale(web, 'web', 0));
    await web.deploy(withAutoscaler('v3'));
    expectRolling(web);
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

  it.each([
    ['blue', 'green'],
    ['green', 'blue'],
  ])('with users on %s leaves a template that names it, and refuses one that names %s', async (active, idleRole) => {
    const web = await templated();
    if (active === 'blue') await web.rollback();
    const naming = (role: string): string => roleManifests('v3').replaceAll('$<TARGET_ROLE>', role);
    await expect(web.deploy(naming(idleRole))).rejects.toMatchObject({
      code: 'manifest',
      message: `Deployment shop/web-${idleRole} of the manifests is of role ${idleRole}, which is deleted before users reach the new pods`,
      hint: `Name role ${active}, which serves, or none.`,
    });
    expect(web.cluster.writes()).toEqual([]);
    await web.deploy(naming(active));
    expect(served(web.cluster)).toEqual(v3);
    expect(namesOf(web, 'apps/v1', 'Deployment')).toEqual([`web-${active}`]);
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
    ['the new pods are there', 'APPLY Deployment shop/web'],
    ['the idle role goes', 'REMOVE HorizontalPodAutoscaler shop/web-blue'],
    ['the Service is switched', 'APPLY Service shop/web'],
  ])('leaves the Service to whoever switches it before %s', async (_when, call) => {
    const web = await release();
    const theirs = { app: 'web', 'cutover/role': 'blue' };
    beforeWrite(web, [call], () => change(web, serviceRef('web'), { selector: theirs }));
    await expect(web.deploy(withAutoscaler('v3'))).rejects.toMatchObject({ error: { code: 'moved' } });
    expect(selector(web)).toEqual(theirs);
    // The rest is restored, so the next deploy starts from what is live.
    expect([served(web.cluster), unfinished(web.cluster)]).toEqual([['site:v1', 'site:v1'], '-']);
    expect(namesOf(web, 'apps/v1', 'Deployment')).toEqual(['web-blue', 'web-green']);
    expect(autoscalers(web)).toContain('web-blue');
  });

  it('keeps the configuration of a role that the new pods read', async () => {
    const reading = (version: string, name: string): string =>
      plainManifests(version).replace(
        'ports: [{containerPort: 8080}]}]',
        `ports: [{containerPort: 8080}], envFrom: [{configMapRef: {name: ${name}}}]}]`,
      );
    const web = webRelease();
    await web.stage(reading('v1', 'settings'));
    await web.promote();
    const [, ...withoutConfig] = reading('v2', 'settings-blue').split('---\n');
    await web.deploy(withoutConfig.join('---\n'));
    expect(served(web.cluster)).toEqual(['site:v2', 'site:v2']);
    expect(namesOf(web, 'v1', 'ConfigMap')).toContain('settings-blue');
  });

  it('keeps the role when the new Deployment is gone after a kill', async () => {
    const web = await release();
    const { cluster } = web;
    killAtWrite(cluster, verified + 1);
    await endOf(web.deploy(withAutoscaler('v3')));
    cluster.before = () => undefined;
    if (cluster.store.get(leaseRef) !== undefined) cluster.store.remove(leaseRef);
    removeNew(web);
    await idle();
    await expect(web.deploy(withAutoscaler('v4'))).rejects.toMatchObject({
      error: {
        code: 'switch',
        message: 'Service shop/web does not lead to all wanted pods of revision 3: the roles were not deleted',
      },
      outcome: { serving: { kind: 'roles-left' } },
    });
    expect([served(cluster), unfinished(cluster)]).toEqual([v2, 'leave']);
  });

  it('keeps the role when the Service is sent back to it during the deletion', async () => {
    const web = await release();
    const green = { app: 'web', 'cutover/role': 'green' };
    beforeWrite(web, ['REMOVE HorizontalPodAutoscaler shop/web-green'], () =>
      change(web, serviceRef('web'), { selector: green }),
    );
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

  it('refuses a rollback that names a revision of a role, which would serve beside the new pods', async () => {
    const web = await release();
    await web.deploy(withAutoscaler('v3'));
    await expect(web.rollback({ revision: 2 })).rejects.toMatchObject({
      code: 'no-revision',
      message: expect.stringContaining('revision 2: it ran on role green') as unknown,
      hint: 'Deploy that version again.',
    });
    expect([web.cluster.writes().filter(call => !call.includes('Lease')), served(web.cluster)]).toEqual([[], v3]);
    await web.deploy(withAutoscaler('v4'));
    expect(served(web.cluster)).toEqual(['site:v4', 'site:v4']);
  });

  it('says how to go back, and refuses a rollback that would go further than to the role that users left', async () => {
    const web = webRelease();
    await web.deploy(plainManifests('v1'));
    await web.stage(plainManifests('v2'));
    await web.promote();
    const left = await web.deploy(plainManifests('v3'));
    expect(describeServing(left.serving)).toContain(
      'To go back to revision 3, which ran on role green, deploy that version again.',
    );
    await expect(web.rollback()).rejects.toMatchObject({
      code: 'no-revision',
      message: expect.stringContaining('revision 3, which ran on role green') as unknown,
      hint: 'Deploy that version again. To go back further, to revision 1, set the input `revision`.',
    });
    expect([web.cluster.writes(), served(web.cluster)]).toEqual([[], v3]);
    await expect(web.rollback({ revision: 1 })).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1 });
    expect(served(web.cluster)).toEqual(['site:v1', 'site:v1']);
  });

  it('has no earlier revision of a role to roll back to', async () => {
    const web = await release();
    await web.deploy(withAutoscaler('v3'));
    await expect(web.rollback()).rejects.toMatchObject({ code: 'no-revision', hint: 'Deploy that version again.' });
  });
});
