import { afterEach, describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { refOf } from '../../src/kubernetes/object.js';
import { isReady } from '../../src/kubernetes/pods/pod.js';
import { breakPods } from '../support/cluster/run-controllers.js';
import {
  closeReleases,
  deploymentRef,
  failureOf,
  releaseAfter,
  roleManifests,
  served,
  stateOf,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const worker = `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker-$<TARGET_ROLE>}
spec:
  replicas: 2
  selector: {matchLabels: {app: worker, role: $<TARGET_ROLE>}}
  template:
    metadata: {labels: {app: worker, role: $<TARGET_ROLE>}}
    spec: {containers: [{name: worker, image: "work:v1"}]}
`;

/** Users are on blue, revision 1; revision 2 is staged on green. */
const staged = releaseAfter(async release => {
  await release.stage(roleManifests('v1') + worker);
  await release.promote();
  await release.stage(roleManifests('v2') + worker);
});

const podsOf = ({ cluster }: WebRelease, app: string, role: string): readonly KubeObject[] =>
  cluster.store.list({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop' }, { labels: { app, role } });

function evictOne(release: WebRelease, role: string): void {
  const [pod] = podsOf(release, 'web', role);
  const status = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' };
  release.cluster.store.update({ ...pod!, status }, { part: 'status' });
}

function deleteOne(release: WebRelease, app: string, role: string): void {
  release.cluster.store.remove(refOf(podsOf(release, app, role).find(isReady)!), { gracePeriodSeconds: 0 });
}

/** Does something once, during the last check before the switch. */
function duringCheck(release: WebRelease, work: () => void): void {
  let done = false;
  release.answer = () => {
    if (!done) work();
    done = true;
    return 200;
  };
}

function duringSwitch({ cluster }: WebRelease, work: () => void): void {
  cluster.before = call => {
    if (call !== 'APPLY Service shop/web') return;
    cluster.before = () => undefined;
    work();
  };
}

const v1 = ['site:v1', 'site:v1'];
const v2 = ['site:v2', 'site:v2'];

describe('an evicted pod, which the API server keeps', () => {
  it.each(['blue', 'green'])('of %s blocks neither a promotion, nor a rollback, nor the next staging', async role => {
    const release = await staged();
    evictOne(release, role);
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched' });
    expect(served(release.cluster)).toEqual(v2);
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back' });
    expect(served(release.cluster)).toEqual(v1);
    await expect(release.stage(roleManifests('v3') + worker)).resolves.toMatchObject({ outcome: 'staged' });
    expect(podsOf(release, 'web', role).some(pod => !isReady(pod))).toBe(true);
  });
});

describe('a pod that is replaced at the moment of the switch', () => {
  it.each([
    ['deleted', (release: WebRelease) => deleteOne(release, 'web', 'green')],
    ['evicted', (release: WebRelease) => evictOne(release, 'green')],
  ])('does not matter when it was %s', async (_how, replace) => {
    const release = await staged();
    duringSwitch(release, () => replace(release));
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched', checks: [{}, { verdict: 'pass' }] });
    expect(served(release.cluster)).toEqual(v2);
    expect(release.cluster.writes().filter(write => write === 'APPLY Service shop/web')).toHaveLength(1);
  });

  it('does not matter in a rollback', async () => {
    const release = await staged();
    await release.promote();
    duringSwitch(release, () => deleteOne(release, 'web', 'blue'));
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back' });
    expect(served(release.cluster)).toEqual(v1);
  });

  it('does not matter when users are sent back', async () => {
    const release = await staged();
    release.answer = ({ kind, name }) => {
      if (kind !== 'Service' || name !== 'web') return 200;
      deleteOne(release, 'web', 'blue');
      return 500;
    };
    await expect(failureOf(release.promote())).resolves.toMatchObject({
      error: { code: 'verify' },
      outcome: { activeRole: 'blue', serving: { kind: 'switched-back' } },
    });
    expect(served(release.cluster)).toEqual(v1);
  });
});

describe('pods that are missing after the checks', () => {
  it.each(['web', 'worker'])('of %s are waited for before the switch', async app => {
    const release = await staged();
    const readyAtSwitch: number[] = [];
    duringCheck(release, () => deleteOne(release, app, 'green'));
    duringSwitch(release, () => readyAtSwitch.push(podsOf(release, app, 'green').filter(isReady).length));
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched' });
    expect(readyAtSwitch).toEqual([2]);
    expect(release.ctx().log.lines).toContain(`Not switched yet: Deployment shop/${app}-green: 1 of 2 ready`);
    expect(served(release.cluster)).toEqual(v2);
  });

  it('leave users where they are when they do not come back', async () => {
    const release = await staged();
    duringCheck(release, () => breakPods(release.cluster, { app: 'web', role: 'green' }));
    await expect(failureOf(release.promote())).resolves.toMatchObject({
      error: { code: 'timeout', message: expect.stringContaining('0 of 2 ready') as unknown },
      outcome: { activeRole: 'blue', serving: { kind: 'switch-failed', active: 'blue' } },
    });
    expect(release.cluster.writes()).not.toContain('APPLY Service shop/web');
    expect([served(release.cluster), stateOf(release.cluster)]).toMatchObject([v1, { staged: { revision: 2 } }]);
  });

  it.each([
    [
      'another template',
      (green: KubeObject) => ({ ...green, spec: withImage(green, 'site:v9') }),
      'got another pod template',
    ],
    [
      'no replicas',
      (green: KubeObject) => ({ ...green, spec: { ...(green['spec'] as object), replicas: 0 } }),
      'would select no pod',
    ],
  ])('because of %s stop the switch', async (...[, change, reason]) => {
    const release = await staged();
    const { store } = release.cluster;
    duringCheck(release, () => store.update(change(store.get(deploymentRef('web-green'))!)));
    const failure = await failureOf(release.promote());
    expect(failure).toMatchObject({ error: { message: expect.stringContaining(reason) as unknown } });
    expect(served(release.cluster)).toEqual(v1);
  });

  it('because the Deployment was recreated stop the switch', async () => {
    const release = await staged();
    const { store } = release.cluster;
    duringCheck(release, () => {
      const { apiVersion, kind, metadata, spec } = store.get(deploymentRef('web-green'))!;
      store.remove(deploymentRef('web-green'));
      const { name, namespace } = metadata;
      store.create({ apiVersion, kind, metadata: { name, namespace: namespace! }, spec });
    });
    await expect(failureOf(release.promote())).resolves.toMatchObject({ error: { code: 'changed' } });
    expect(served(release.cluster)).toEqual(v1);
  });
});

function withImage(deployment: KubeObject, image: string): unknown {
  const spec = deployment['spec'] as { template: { spec: { containers: readonly object[] } } };
  const containers = spec.template.spec.containers.map(container => ({ ...container, image }));
  return { ...spec, template: { ...spec.template, spec: { ...spec.template.spec, containers } } };
}
