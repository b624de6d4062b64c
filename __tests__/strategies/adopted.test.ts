import { afterEach, describe, expect, it } from '@jest/globals';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import type { BlueGreenState } from '../../src/release/state.js';
import { blueGreenStatus } from '../../src/strategies/blue-green/status.js';
import { stepOn } from '../support/strategies/context.js';
import { unsettled } from '../../src/strategies/blue-green/adoption/find/serving-deployment.js';
import { imageIdsOf, withPinnedImages } from '../../src/strategies/blue-green/adoption/find/images.js';
import { deployment } from '../support/objects.js';
import { idle } from '../support/cluster/run-controllers.js';
import { givenCustomKind } from '../support/strategies/custom-kind.js';
import {
  liveAutoscaler as autoscaler,
  liveDeploymentOf,
  liveService as service,
} from '../support/strategies/live-web.js';
import {
  application,
  autoscalerRef,
  closeReleases,
  deploymentRef,
  endOf,
  failureOf,
  killAtWrite,
  leaseRef,
  plainManifests,
  releaseAfter,
  replicasIn,
  served,
  setReplicas,
  serviceRef,
  stateOf,
  traceWrites,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const inShop = { namespace: 'shop' };
const labels = { app: 'web' };
const kubectl = 'kubectl-client-side-apply';
const webDeployment = (image: string): KubeObject =>
  liveDeploymentOf(image, { envFrom: [{ configMapRef: { name: 'old' } }] });
const config: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'old', ...inShop }, data: {} };
const budget = (name: string, matchLabels: object): KubeObject => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name, ...inShop },
  spec: { minAvailable: 1, selector: { matchLabels } },
});

/** An application that somebody applied with kubectl; its pods are ready and nothing is on record. */
const live = releaseAfter(async ({ cluster }) => {
  cluster.givenBy(kubectl, config, webDeployment('site:v1'), service, autoscaler);
  await idle();
});
const adopted = releaseAfter(async release => {
  release.cluster.givenBy(kubectl, config, webDeployment('site:v1'), service, autoscaler);
  await idle();
  await release.stage(plainManifests('v2'));
});

const v1 = ['site:v1', 'site:v1'];
const v2 = ['site:v2', 'site:v2'];
const selector = ({ cluster }: WebRelease) =>
  (cluster.store.get(serviceRef('web'))?.['spec'] as { selector: object }).selector;
const namesOf = ({ cluster: { store } }: WebRelease, apiVersion: string, kind: string) =>
  store.list({ apiVersion, kind, ...inShop }).map(({ metadata }) => metadata.name);
const budgets = (release: WebRelease) => namesOf(release, 'policy/v1', 'PodDisruptionBudget');

/** Gives the Deployment an autoscaler that a custom resource owns, and returns that. */
function givenScaler({ cluster }: WebRelease, kind: string, group: string): KubeObject {
  const scaler = { apiVersion: `${group}/v1alpha1`, kind };
  givenCustomKind(cluster, scaler.apiVersion, kind);
  cluster.store.remove(autoscalerRef('web'));
  cluster.given({ ...scaler, metadata: { name: 'web', ...inShop }, spec: { scaleTargetRef: { name: 'web' } } });
  const owner = cluster.store.list({ ...scaler, ...inShop })[0]!;
  const { name, uid = '' } = owner.metadata;
  const ownerReferences = [{ ...scaler, name, uid, controller: true }];
  cluster.given({ ...autoscaler, metadata: { name: 'hpa-web', ...inShop, ownerReferences } });
  return owner;
}

describe('what is being adopted', () => {
  it('keeps its pods when users are sent back to it before it is scaled down', async () => {
    const release = await live();
    const { cluster } = release;
    const sizes = new Set<number | undefined>();
    cluster.before = call => {
      sizes.add(replicasIn(cluster, 'web'));
      if (call !== 'APPLY HorizontalPodAutoscaler shop/web-blue') return;
      const found = cluster.store.get(serviceRef('web'))!;
      cluster.store.update(
        { ...found, spec: { ...(found['spec'] as object), selector: labels } },
        { manager: 'kubectl' },
      );
    };
    await expect(failureOf(release.stage(plainManifests('v2')))).resolves.toMatchObject({
      error: {
        code: 'changed',
        message:
          'Service shop/web selects Deployment shop/web again, so nothing more was taken from Deployment shop/web',
      },
    });
    expect([[...sizes], selector(release)]).toEqual([[2], labels]);
    expect(served(cluster)).toEqual(expect.arrayContaining(v1));
  });
});

describe('what was adopted', () => {
  it('is left by a rejection of the first staged revision as it is', async () => {
    const release = await adopted();
    await expect(release.reject()).resolves.toMatchObject({ outcome: 'rejected', activeRole: 'blue' });
    expect([served(release.cluster), selector(release)]).toEqual([v1, { ...labels, 'cutover/role': 'blue' }]);
    expect(stateOf(release.cluster)).toMatchObject({ current: 1, adopted: [{ ref: deploymentRef('web') }] });
    await expect(release.stage(plainManifests('v3'))).resolves.toMatchObject({ outcome: 'staged', revision: 3 });
  });

  it('is deleted when the first promotion has succeeded, and the role is what a rollback goes to', async () => {
    const release = await adopted();
    const { cluster } = release;
    await release.promote({ idlePolicy: { policy: 'scale-down', replicas: 0 } });
    expect([served(cluster), replicasIn(cluster, 'web-blue')]).toEqual([v2, 0]);
    expect(cluster.store.get(deploymentRef('web'))).toBeUndefined();
    expect(stateOf(cluster)).not.toHaveProperty('adopted');
    await expect(release.rollback()).resolves.toMatchObject({
      outcome: 'rolled-back',
      revision: 1,
      activeRole: 'blue',
    });
    expect([served(cluster), replicasIn(cluster, 'web-blue')]).toEqual([v1, 2]);
    expect(cluster.store.get(autoscalerRef('web-blue'))).toBeDefined();
    await release.stage(plainManifests('v3'));
    await release.promote();
    await release.stage(plainManifests('v4'));
    await release.promote();
    expect(served(cluster)).toEqual(['site:v4', 'site:v4']);
  });

  it('is not deleted when a promotion fails', async () => {
    const release = await adopted();
    release.answer = ({ kind }) => (kind === 'Service' ? 500 : 200);
    await failureOf(release.promote());
    expect(served(release.cluster)).toEqual(v1);
    expect(release.cluster.store.get(deploymentRef('web'))).toBeDefined();
    expect(stateOf(release.cluster)).toMatchObject({ adopted: [{ ref: deploymentRef('web') }] });
  });

  it('is not deleted when somebody has created another Deployment of its name', async () => {
    const release = await adopted();
    const { cluster } = release;
    cluster.store.remove(deploymentRef('web'));
    await idle();
    cluster.given(webDeployment('site:theirs'));
    await release.promote();
    expect(cluster.store.get(deploymentRef('web'))).toBeDefined();
    expect(served(cluster)).toEqual(v2);
  });

  it('reaches no user when it is changed or scaled up at any time after the adoption', async () => {
    const release = await adopted();
    const { cluster } = release;
    cluster.store.update(
      { ...cluster.store.get(deploymentRef('web'))!, spec: webDeployment('site:v9')['spec'] },
      { manager: kubectl },
    );
    await idle();
    expect(served(cluster)).toEqual(v1);
    await release.promote();
    await release.rollback();
    expect(served(cluster)).toEqual(v1);
  });

  it('is created anew by a rolling deploy that leaves the roles', async () => {
    const release = await adopted();
    const { cluster } = release;
    const { uid } = cluster.store.get(deploymentRef('web'))!.metadata;
    await release.reject();
    await release.deploy(plainManifests('v3'));
    expect(served(cluster)).toEqual(['site:v3', 'site:v3']);
    expect(cluster.store.get(deploymentRef('web'))?.metadata.uid).not.toBe(uid);
  });
});

describe('an adoption', () => {
  it('leaves a budget that covers other pods, too, and adds none to it', async () => {
    const release = await live();
    const { cluster } = release;
    const other = { containers: [{ name: 'other', image: 'other:1' }] };
    cluster.given(
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'other', ...inShop, labels: { tier: 'front' } }, spec: other },
      budget('all', {}),
    );
    await idle();
    await release.stage(plainManifests('v2'));
    expect([served(cluster), budgets(release)]).toEqual([v1, ['all']]);
  });

  it('gives the role one of several budgets, since two would forbid every eviction', async () => {
    const release = await live();
    release.cluster.given(budget('one', labels), budget('two', labels));
    await release.stage(plainManifests('v2'));
    expect(budgets(release)).toEqual(['one-blue']);
  });

  it('warns of configuration that was written after the pods had started', async () => {
    const release = await live();
    const { cluster } = release;
    for (const pod of cluster.store.list({ apiVersion: 'v1', kind: 'Pod', ...inShop }))
      cluster.store.update(
        { ...pod, status: { ...pod['status']!, startTime: '2026-01-01T00:00:00Z' } },
        { part: 'status' },
      );
    await release.stage(plainManifests('v2'));
    expect(release.ctx().log.lines.join('\n')).toMatch(/ConfigMap shop\/old was written at \S+, after the oldest pod/);
  });

  it('changes nothing for users when there is no room for the twin, and says so', async () => {
    const release = await live();
    const { cluster } = release;
    const before = application(cluster);
    cluster.store.remove({ apiVersion: 'v1', kind: 'Node', name: 'sandbox' });
    const failure = await failureOf(release.stage(plainManifests('v2')));
    expect(failure).toMatchObject({
      error: { code: 'timeout', hint: expect.stringContaining('needs room for 2 more pods') },
      outcome: {
        serving: {
          ...{ kind: 'not-adopted', deployments: [deploymentRef('web')] },
          result: { restored: { kind: 'complete' } },
        },
      },
    });
    expect([application(cluster), served(cluster), unfinished(cluster)]).toEqual([before, v1, '-']);
  });

  it('deletes the ScaledObject that owns an autoscaler, and gives the role its own', async () => {
    const release = await live();
    const { cluster } = release;
    const owner = givenScaler(release, 'ScaledObject', 'keda.sh');
    const trace = traceWrites(cluster);
    await release.stage(plainManifests('v2'));
    const writes = trace.map(([write]) => write).filter(write => /ScaledObject|Autoscaler/.test(write));
    expect(writes).toEqual(['REMOVE ScaledObject shop/web', 'APPLY ScaledObject shop/web-blue']);
    expect(cluster.store.get({ ...refOf(owner), name: 'web-blue' })).toMatchObject({
      spec: { scaleTargetRef: { name: 'web-blue' } },
    });
  });

  it('creates the ScaledObject again when the adoption fails', async () => {
    const release = await live();
    const owner = givenScaler(release, 'ScaledObject', 'keda.sh');
    release.cluster.store.remove({ apiVersion: 'v1', kind: 'Node', name: 'sandbox' });
    await failureOf(release.stage(plainManifests('v2')));
    expect(release.cluster.store.get(refOf(owner))).toBeDefined();
  });

  it('refuses an autoscaler of a kind that it does not know, which a failure could not create again', async () => {
    const release = await live();
    givenScaler(release, 'WatermarkPodAutoscaler', 'datadoghq.com');
    await expect(failureOf(release.stage(plainManifests('v2')))).resolves.toMatchObject({
      code: 'roles',
      message: expect.stringContaining('its pods are scaled by WatermarkPodAutoscaler shop/web'),
    });
    expect(release.cluster.writes()).toEqual([]);
  });

  it('refuses a Deployment of somebody else that has the name of the twin', async () => {
    const release = await live();
    const theirs = webDeployment('site:theirs');
    release.cluster.given({
      ...theirs,
      metadata: { name: 'web-blue', ...inShop },
      spec: {
        ...(theirs['spec'] as object),
        selector: { matchLabels: { app: 'theirs' } },
        template: { metadata: { labels: { app: 'theirs' } }, spec: { containers: [{ name: 'a', image: 'a:1' }] } },
      },
    });
    await expect(failureOf(release.stage(plainManifests('v2')))).resolves.toMatchObject({
      code: 'roles',
      message: expect.stringContaining('Deployment shop/web-blue exists already'),
    });
    expect(release.cluster.writes()).toEqual([]);
  });

  it('stops when somebody writes the Service before the write that narrows it, and leaves theirs', async () => {
    const release = await live();
    const { cluster } = release;
    let isTouched = false;
    cluster.before = call => {
      if (call !== 'APPLY Service shop/web' || isTouched) return;
      isTouched = true;
      const now = cluster.store.get(serviceRef('web'))!;
      cluster.store.update(
        { ...now, metadata: { ...now.metadata, labels: { touched: 'yes' } } },
        { manager: 'kubectl' },
      );
    };
    await expect(failureOf(release.stage(plainManifests('v2')))).resolves.toMatchObject({ error: { code: 'moved' } });
    expect(cluster.store.get(serviceRef('web'))).toMatchObject({ metadata: { labels: { touched: 'yes' } } });
    expect([selector(release), served(cluster)]).toEqual([labels, v1]);
    expect(cluster.store.get(deploymentRef('web-blue'))).toBeUndefined();
  });
});

describe('an adoption while the live Deployment is scaled up', () => {
  it('sends users to as many pods as serve', async () => {
    const release = await live();
    const { cluster } = release;
    cluster.before = call => {
      if (call !== 'APPLY Deployment shop/web-blue') return;
      cluster.before = () => undefined;
      setReplicas(cluster, 'web', 4);
    };
    await expect(release.stage(plainManifests('v2'))).resolves.toMatchObject({ outcome: 'staged' });
    expect(served(cluster)).toEqual([...v1, ...v1]);
  });
});

describe('an adoption that was restored', () => {
  const restored = releaseAfter(async release => {
    release.cluster.givenBy(kubectl, config, webDeployment('site:v1'), service, autoscaler);
    await idle();
    killAtWrite(release.cluster, 6);
    await endOf(release.stage(plainManifests('v2')));
    await release.post();
  });

  it('is told by status: the next deploy adopts what is live', async () => {
    const { cluster } = await restored();
    const outcome = await blueGreenStatus(stepOn(cluster), stateOf(cluster) as BlueGreenState);
    expect(outcome).toMatchObject({ outcome: 'status', serving: { toAdopt: [serviceRef('web')] } });
  });

  it('leaves the way to rolling updates open', async () => {
    const release = await restored();
    await expect(release.deploy(plainManifests('v2'))).resolves.toMatchObject({ outcome: 'deployed', revision: 2 });
    expect(served(release.cluster)).toEqual(v2);
    expect(stateOf(release.cluster)).toMatchObject({ strategy: 'rolling', current: 2 });
  });
});

describe('a rolling release that becomes blue/green', () => {
  const rolling = releaseAfter(async release => {
    await release.deploy(plainManifests('v1', { autoscaler: true }));
  });
  const next = plainManifests('v2', { autoscaler: true });

  it('adopts its own Deployment, and its numbers and history go on', async () => {
    const release = await rolling();
    const { cluster } = release;
    await expect(release.stage(next)).resolves.toMatchObject({ outcome: 'staged', revision: 3, activeRole: 'blue' });
    expect([served(cluster), replicasIn(cluster, 'web')]).toEqual([v1, 0]);
    expect(stateOf(cluster)).toMatchObject({ strategy: 'blue-green', current: 2, latest: 3 });
    expect(stateOf(cluster)?.history.map(({ outcome }) => outcome)).toEqual(['staged', 'adopted', 'deployed']);
    await release.promote();
    expect(served(cluster)).toEqual(v2);
    expect(namesOf(release, 'apps/v1', 'Deployment')).toEqual(['web-blue', 'web-green']);
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 2 });
    expect(served(cluster)).toEqual(v1);
  });

  it.each(Array.from({ length: 13 }, (_, index) => index + 1))('goes on after it was killed at write %i', async n => {
    const release = await rolling();
    const { cluster } = release;
    killAtWrite(cluster, n);
    await endOf(release.stage(next));
    expect(served(cluster).every(image => image === 'site:v1')).toBe(true);
    cluster.before = () => undefined;
    if (cluster.store.get(leaseRef) !== undefined) cluster.store.remove(leaseRef);
    await expect(release.stage(next)).resolves.toMatchObject({ outcome: 'staged', activeRole: 'blue' });
    expect([served(cluster), unfinished(cluster), replicasIn(cluster, 'web')]).toEqual([v1, '-', 0]);
  });

  it.each([4, 5, 6, 7])('is rolling again when it was killed at write %i and the post step restored it', async n => {
    const release = await rolling();
    const { cluster } = release;
    const [before, state] = [application(cluster), stateOf(cluster)];
    killAtWrite(cluster, n);
    await endOf(release.stage(next));
    await expect(release.post()).resolves.toMatchObject({ kind: 'restored' });
    expect([application(cluster), served(cluster), unfinished(cluster)]).toEqual([before, v1, '-']);
    expect(stateOf(cluster)).toMatchObject({ strategy: 'rolling', current: state?.current });
    await release.deploy(plainManifests('v3', { autoscaler: true }));
    expect(served(cluster)).toEqual(['site:v3', 'site:v3']);
  });
});

describe('the images of a twin', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const pod = (imageID: string) => ({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1' } },
    status: { containerStatuses: [{ name: 'web', imageID }] },
  });
  const imageOf = (image: string, id: string): unknown => {
    const template = webDeployment(image);
    const pinned = withPinnedImages(template, imageIdsOf(template, [pod(id)]).ids);
    const { template: pods } = pinned['spec'] as { template: { spec: { containers: readonly { image: string }[] } } };
    return pods.spec.containers[0]?.image;
  };

  it.each([
    ['nginx:1', `docker.io/library/nginx@${digest}`, `nginx:1@${digest}`],
    ['nginx', `docker-pullable://nginx@${digest}`, `nginx@${digest}`],
    ['ghcr.io/acme/web:v1', `ghcr.io/acme/web@${digest}`, `ghcr.io/acme/web:v1@${digest}`],
    // Loaded onto the node without a registry: nothing could be pulled by digest.
    ['acme/web:v1', `docker.io/library/import-2026@${digest}`, 'acme/web:v1'],
    ['acme/web:v1', digest, 'acme/web:v1'],
    [`acme/web@${digest}`, `docker.io/acme/web@${digest}`, `acme/web@${digest}`],
  ])('%s that runs as %s is %s', (image, id, expected) => {
    expect(imageOf(image, id)).toBe(expected);
  });

  it('are those of the serving pods, which must agree', () => {
    const pods = [pod(`a@${digest}`), pod(`a@sha256:${'b'.repeat(64)}`)];
    expect(imageIdsOf(webDeployment('a:1'), pods)).toMatchObject({ differs: 'web' });
  });

  it('stop the adoption when a tag means another image by now', async () => {
    const release = await live();
    const { cluster } = release;
    const before = application(cluster);
    const ids = new Map<string, string>();
    cluster.before = () => {
      for (const one of cluster.store.list({ apiVersion: 'v1', kind: 'Pod', ...inShop })) {
        const isTwin = one.metadata.labels?.['cutover/role'] !== undefined;
        const status = one['status'] as { containerStatuses?: readonly object[] } | undefined;
        const id = isTwin ? 'sha256:moved' : 'sha256:first';
        if (status?.containerStatuses === undefined || ids.get(one.metadata.name) === id) continue;
        ids.set(one.metadata.name, id);
        const containerStatuses = status.containerStatuses.map(container => ({ ...container, imageID: id }));
        cluster.store.update({ ...one, status: { ...status, containerStatuses } }, { part: 'status' });
      }
    };
    await expect(failureOf(release.stage(plainManifests('v2')))).resolves.toMatchObject({
      error: { code: 'changed', message: expect.stringContaining('its tag was moved') },
    });
    cluster.before = () => undefined;
    expect([application(cluster), unfinished(cluster)]).toEqual([before, '-']);
  });
});

describe('a Deployment is fit to be adopted', () => {
  it.each([
    ['when all its pods are of its last version, ready and led to', deployment(), 2, true],
    [
      'not before its controller has seen its last change',
      deployment({ generation: 2, status: { observedGeneration: 1 } }),
      2,
      false,
    ],
    ['not while pods of an earlier version run', deployment({ status: { updatedReplicas: 1 } }), 2, false],
    ['not while one of its pods is not ready', deployment({ status: { readyReplicas: 1 } }), 2, false],
    ['not when the Service selects fewer pods than it has', deployment(), 1, false],
    ['not when the Service selects more pods than it has', deployment(), 3, false],
  ])('%s', (_when, ...[object, pods, fit]) => {
    expect(unsettled(object, pods) === undefined).toBe(fit);
  });

  it('not while it is paused', () => {
    const paused = deployment();
    expect(unsettled({ ...paused, spec: { ...(paused['spec'] as object), paused: true } }, 2)).toBe('it is paused');
  });
});
