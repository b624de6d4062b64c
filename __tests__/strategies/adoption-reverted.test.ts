import { afterEach, describe, expect, it } from '@jest/globals';
import { fieldAt } from '../../src/kubernetes/fields.js';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import { FailedStep } from '../../src/strategies/outcome/outcome.js';
import { falseWords } from '../support/strategies/kills.js';
import { idle } from '../support/cluster/run-controllers.js';
import { liveDeployment as old, liveService as service } from '../support/strategies/live-web.js';
import {
  closeReleases,
  endOf,
  killed,
  plainManifests,
  releaseAfter,
  replicasIn,
  served,
  setReplicas,
  serviceRef,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const inShop = { namespace: 'shop' };
const labels = { app: 'web' };
const budgetKind = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' };
const budget: KubeObject = {
  ...budgetKind,
  metadata: { name: 'web', ...inShop },
  spec: { minAvailable: 1, selector: { matchLabels: labels } },
};
const autoscalerKind = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' };
const autoscaler = (finalizers: readonly string[] = []): KubeObject => ({
  ...autoscalerKind,
  metadata: { name: 'web', ...inShop, ...(finalizers.length > 0 && { finalizers }) },
  spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, minReplicas: 2, maxReplicas: 4 },
});

const given = (...objects: readonly KubeObject[]) =>
  releaseAfter(async ({ cluster }) => {
    cluster.givenBy('kubectl-client-side-apply', old, service, ...objects);
    await idle();
  });

const budgets = ({ cluster: { store } }: WebRelease) =>
  store.list({ ...budgetKind, ...inShop }).map(({ metadata }) => metadata.name);
const autoscaled = ({ cluster: { store } }: WebRelease) =>
  store.list({ ...autoscalerKind, ...inShop }).map(object => fieldAt(object, ['spec', 'scaleTargetRef', 'name']));

/** Another tool applies its own Service again. */
function revertService({ cluster: { store } }: WebRelease): void {
  const live = store.get(serviceRef('web'))!;
  store.update({ ...live, spec: { ...(live['spec'] as object), selector: labels } }, { manager: 'argocd' });
}

const restoredBy = (end: unknown): unknown => {
  const { serving } = (end as FailedStep).outcome;
  return serving.kind === 'not-adopted' ? serving.result : serving;
};
const live = given(budget, autoscaler());

describe('an adoption whose Service another tool reverts during the drain', () => {
  /** Reverts the Service right before the first of these calls. */
  function revertAt(web: WebRelease, at: string, then: () => void = () => undefined): void {
    web.cluster.before = call => {
      if (call !== at) return;
      web.cluster.before = () => undefined;
      revertService(web);
      then();
    };
  }

  it('is taken back: budget and autoscaler are those of the live Deployment again', async () => {
    const web = await live();
    revertAt(web, 'APPLY HorizontalPodAutoscaler shop/web-blue');
    const end = await endOf(web.stage(plainManifests('v2')));
    await idle();
    expect(restoredBy(end)).toMatchObject({ kind: 'restored', restored: { kind: 'complete', left: [] } });
    expect([budgets(web), autoscaled(web)]).toEqual([['web'], ['web']]);
    expect(served(web.cluster)).toEqual(['site:v1', 'site:v1']);
    expect([replicasIn(web.cluster, 'web'), replicasIn(web.cluster, 'web-blue')]).toEqual([2, undefined]);
    expect(unfinished(web.cluster)).toBe('-');
  });

  it('is taken back by the post step, too', async () => {
    const web = await live();
    revertAt(web, 'APPLY HorizontalPodAutoscaler shop/web-blue', () => {
      let seen = 0;
      web.cluster.before = call => {
        if (/^(APPLY|CREATE|EVICT|REASSIGN|REPLACE|REMOVE) /.test(call) && (seen += 1) > 1) throw killed;
      };
    });
    await endOf(web.stage(plainManifests('v2')));
    await idle();
    expect(await web.post()).toMatchObject({ kind: 'restored', left: [] });
    expect([budgets(web), autoscaled(web)]).toEqual([['web'], ['web']]);
    expect(replicasIn(web.cluster, 'web-blue')).toBeUndefined();
    expect(unfinished(web.cluster)).toBe('-');
  });

  it('keeps the pods of the role once the live Deployment has none', async () => {
    const web = await live();
    let scaled = false;
    web.cluster.before = call => {
      if (call === 'REPLACE Deployment shop/web') scaled = true;
      if (!scaled || call !== 'REPLACE Secret shop/cutover-web') return;
      revertService(web);
      throw killed;
    };
    const end = await endOf(web.stage(plainManifests('v2')));
    web.cluster.before = () => undefined;
    await idle();
    expect((end as FailedStep).outcome).toMatchObject({ activeRole: 'blue', serving: { kind: 'adoption-unfinished' } });
    expect(falseWords(web, end)).toEqual([]);
    expect(served(web.cluster)).toEqual(['site:v1', 'site:v1']);
    expect(unfinished(web.cluster)).toBe('adopt');
    expect(await web.post()).toMatchObject({ kind: 'adoption-left', operation: { role: 'blue' } });
    // The next deploy goes on, and takes the selector over once it may.
    const refused = await endOf(web.stage(plainManifests('v2')));
    expect(refused).toMatchObject({
      error: { code: 'conflict' },
      outcome: { serving: { kind: 'adoption-unfinished' } },
    });
    expect(served(web.cluster)).toEqual(['site:v1', 'site:v1']);
    expect(await endOf(web.stage(plainManifests('v2'), { forceConflicts: true }))).toMatchObject({ outcome: 'staged' });
    expect(served(web.cluster)).toEqual(['site:v1', 'site:v1']);
  });
});

describe('an adoption whose role has the only pods that users have', () => {
  const adoptAgain = { outcome: { activeRole: 'blue', serving: { kind: 'adoption-unfinished' } } };

  /** The pods of the live Deployment are not ready any more. */
  function breakLive({ cluster: { store } }: WebRelease): void {
    const pods = store.list({ apiVersion: 'v1', kind: 'Pod', ...inShop });
    for (const pod of pods.filter(({ metadata }) => metadata.labels?.['cutover/role'] === undefined)) {
      const conditions = [{ type: 'Ready', status: 'False' }];
      store.update({ ...pod, status: { ...(pod['status'] as object), conditions } }, { part: 'status' });
    }
  }
  /** Kills the adoption right after it has scaled the live Deployment to zero; then another tool reverts that and the Service. */
  async function killedAndReverted(change: (deployment: KubeObject) => KubeObject): Promise<WebRelease> {
    const web = await live();
    const { cluster } = web;
    let scaled = false;
    cluster.before = call => {
      if (call === 'REPLACE Deployment shop/web') scaled = true;
      if (scaled && call === 'REPLACE Secret shop/cutover-web') throw killed;
    };
    await endOf(web.stage(plainManifests('v2')));
    cluster.before = () => undefined;
    await idle();
    revertService(web);
    const found = change(cluster.store.get(refOf(old))!);
    const spec = { ...(found['spec'] as object), replicas: 2 };
    cluster.store.update({ ...found, spec }, { manager: 'argocd' });
    await idle();
    return web;
  }

  it('is not taken back when the live Deployment has no ready pod', async () => {
    const web = await live();
    web.cluster.before = call => {
      if (call !== 'APPLY HorizontalPodAutoscaler shop/web-blue') return;
      web.cluster.before = () => undefined;
      revertService(web);
      breakLive(web);
    };
    const end = await endOf(web.stage(plainManifests('v2')));
    await idle();
    expect(end).toMatchObject(adoptAgain);
    expect([served(web.cluster), unfinished(web.cluster)]).toEqual([['site:v1', 'site:v1'], 'adopt']);
  });

  it('is not taken back when the pods of the live Deployment fail while it is', async () => {
    const web = await live();
    web.cluster.before = call => {
      if (call === 'APPLY HorizontalPodAutoscaler shop/web-blue') {
        revertService(web);
        throw killed;
      }
      if (call === 'GET PodDisruptionBudget shop/web') breakLive(web);
    };
    const end = await endOf(web.stage(plainManifests('v2')));
    await idle();
    expect(end).toMatchObject(adoptAgain);
    expect([served(web.cluster), unfinished(web.cluster)]).toEqual([['site:v1', 'site:v1'], 'adopt']);
  });

  it('keeps the size that its autoscaler has given it when the next deploy goes on', async () => {
    const web = await killedAndReverted(deployment => deployment);
    setReplicas(web.cluster, 'web', 0);
    setReplicas(web.cluster, 'web-blue', 6);
    await idle();
    const sizes = new Set<number>();
    web.cluster.before = () => sizes.add(served(web.cluster).length);
    const end = await endOf(web.stage(plainManifests('v2'), { forceConflicts: true }));
    expect(end).toMatchObject({ outcome: 'staged' });
    expect([...sizes]).toEqual([6]);
  });

  it('is not taken back by the post step', async () => {
    const web = await killedAndReverted(deployment => deployment);
    breakLive(web);
    await idle();
    expect(await web.post()).toMatchObject({ kind: 'adoption-left' });
    await idle();
    expect([served(web.cluster), unfinished(web.cluster)]).toEqual([['site:v1', 'site:v1'], 'adopt']);
  });

  it('is not taken back when somebody else has led users to it', async () => {
    const web = await live();
    const { store } = web.cluster;
    web.cluster.before = call => {
      if (call !== 'APPLY HorizontalPodAutoscaler shop/web-blue') return;
      web.cluster.before = () => undefined;
      const found = store.get(serviceRef('web'))!;
      const spec = { ...(found['spec'] as object), selector: { 'cutover/role': 'blue' } };
      store.update({ ...found, spec }, { manager: 'kubectl' });
      throw killed;
    };
    const end = await endOf(web.stage(plainManifests('v2')));
    await idle();
    expect(end).toMatchObject(adoptAgain);
    expect([served(web.cluster), unfinished(web.cluster)]).toEqual([['site:v1', 'site:v1'], 'adopt']);
  });

  it('is not taken back by the next deploy while the version that was applied meanwhile does not start', async () => {
    const web = await killedAndReverted(
      deployment => JSON.parse(JSON.stringify(deployment).replaceAll('site:v1', 'site:broken')) as KubeObject,
    );
    const end = await endOf(web.stage(plainManifests('v3'), { timeoutMs: 20_000 }));
    await idle();
    expect(end).toMatchObject(adoptAgain);
    expect([served(web.cluster), unfinished(web.cluster)]).toEqual([['site:v1', 'site:v1'], 'adopt']);
  });
});

describe('an adoption that fails while the autoscaler waits for its finalizer', () => {
  const finalized = given(autoscaler(['keda.sh/finalizer']));

  function endFinalizer({ cluster: { store } }: WebRelease): void {
    const found = store.get(refOf(autoscaler()));
    if (found?.metadata.deletionTimestamp === undefined) return;
    store.update({ ...found, metadata: { ...found.metadata, finalizers: [] } }, { manager: 'keda' });
  }

  it('is not called restored, and the next deploy goes on', async () => {
    const web = await finalized();
    const end = await endOf(web.stage(plainManifests('v2'), { timeoutMs: 20_000 }));
    const failed = [refOf(autoscaler())];
    expect(restoredBy(end)).toMatchObject({ kind: 'restored', restored: { kind: 'incomplete', failed } });
    expect(unfinished(web.cluster)).toBe('adopt');
    endFinalizer(web);
    await idle();
    expect(await endOf(web.stage(plainManifests('v2')))).toMatchObject({ outcome: 'staged' });
    expect(autoscaled(web)).toEqual(['web-blue']);
  });

  it('creates it again once it is gone', async () => {
    const web = await finalized();
    let looks = 0;
    web.cluster.before = call => {
      if (call === 'REMOVE HorizontalPodAutoscaler shop/web') looks = 0;
      if (call !== 'GET HorizontalPodAutoscaler shop/web') return;
      looks += 1;
      // One look of the deletion, and three of the restore: the last one is that of its wait.
      if (looks === 4) endFinalizer(web);
    };
    await endOf(web.stage(plainManifests('v2'), { timeoutMs: 20_000 }));
    await idle();
    expect(autoscaled(web)).toEqual(['web']);
    expect(unfinished(web.cluster)).toBe('-');
  });
});
