import { afterEach, describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { idle } from '../support/cluster/run-controllers.js';
import {
  liveAutoscaler as autoscaler,
  liveDeployment,
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
  refuseWrites,
  releaseAfter,
  replicasIn,
  revisionOf,
  served,
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
const budget: KubeObject = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'web', ...inShop },
  spec: { minAvailable: 1, selector: { matchLabels: labels } },
};

/** An application that somebody applied with kubectl; its pods are ready and nothing is on record. */
const live = releaseAfter(async ({ cluster }) => {
  cluster.givenBy(kubectl, liveDeployment, service, autoscaler, budget);
  await idle();
});

const v1 = ['site:v1', 'site:v1'];
const selector = ({ cluster }: WebRelease) =>
  (cluster.store.get(serviceRef('web'))?.['spec'] as { selector: object }).selector;
const namesOf = ({ cluster: { store } }: WebRelease, apiVersion: string, kind: string) =>
  store.list({ apiVersion, kind, ...inShop }).map(({ metadata }) => metadata.name);
const autoscalers = (release: WebRelease) => namesOf(release, 'autoscaling/v2', 'HorizontalPodAutoscaler');
const budgets = (release: WebRelease) => namesOf(release, 'policy/v1', 'PodDisruptionBudget');
const onBlue = { app: 'web', 'cutover/role': 'blue' };

/** Every write of an adoption, and what the record calls unfinished when it is asked for. */
const adoptWrites = [
  ['CREATE Lease shop/cutover-web', '-'],
  ['CREATE Secret shop/cutover-web.1', '-'],
  ['CREATE Secret shop/cutover-web', '-'],
  // Before the first pod of the twin: the autoscaler would average over it.
  ['REMOVE HorizontalPodAutoscaler shop/web', 'adopt'],
  ['APPLY Service shop/web-test-blue', 'adopt'],
  ['APPLY Deployment shop/web-blue', 'adopt'],
  ['REASSIGN Service shop/web', 'adopt'],
  ['APPLY Service shop/web', 'adopt'],
  ['REMOVE PodDisruptionBudget shop/web', 'adopt'],
  ['APPLY PodDisruptionBudget shop/web-blue', 'adopt'],
  ['APPLY HorizontalPodAutoscaler shop/web-blue', 'adopt'],
  ['REPLACE Deployment shop/web', 'adopt'],
  ['REPLACE Secret shop/cutover-web', 'adopt'],
  ['REMOVE Lease shop/cutover-web', '-'],
] as const;
const rows = adoptWrites.map(([write], index) => [index + 1, write] as const);
/** The write that sends users to the twin. */
const narrowing = 8;
/** The writes between which the Deployment is known and is not scaled to zero yet. */
const whileItServes = rows.filter(([n]) => n >= 4 && n <= 12);

/** The adoption is complete, and v2 is staged. */
function expectAdopted(release: WebRelease, staged = 2): void {
  const { cluster } = release;
  expect([served(cluster), selector(release), unfinished(cluster)]).toEqual([v1, onBlue, '-']);
  expect([autoscalers(release), budgets(release)]).toEqual([['web-blue'], ['web-blue']]);
  expect([replicasIn(cluster, 'web'), replicasIn(cluster, 'web-blue'), replicasIn(cluster, 'web-green')]).toEqual([
    0, 2, 2,
  ]);
  expect(stateOf(cluster)).toMatchObject({
    current: staged - 1,
    latest: staged,
    adopted: [{ ref: deploymentRef('web') }],
    roles: { blue: { revision: staged - 1 }, green: { revision: staged } },
    staged: { revision: staged, role: 'green' },
  });
}

/** A run that was killed at this write, and whose lock has run out since; no post step ran. */
async function lost(release: WebRelease, n: number): Promise<void> {
  killAtWrite(release.cluster, n);
  await endOf(release.stage(plainManifests('v2')));
  release.cluster.before = () => undefined;
  if (release.cluster.store.get(leaseRef) !== undefined) release.cluster.store.remove(leaseRef);
}

/** Does something to the cluster right before write `n` of a step (1 is the first). */
function atWrite({ cluster }: WebRelease, n: number, act: () => void): void {
  let writes = 0;
  cluster.before = call => {
    if (/^(APPLY|CREATE|EVICT|REASSIGN|REPLACE|REMOVE) /.test(call) && (writes += 1) === n) act();
  };
}

/** Changes the pod template of the old Deployment, as `kubectl` does. */
function change({ cluster: { store } }: WebRelease, image: string, annotations = {}): void {
  const old = store.get(deploymentRef('web'))!;
  const containers = [{ name: 'web', image, ports: [{ containerPort: 8080 }] }];
  const spec = { ...(old['spec'] as object), template: { metadata: { labels, annotations }, spec: { containers } } };
  store.update({ ...old, spec }, { manager: 'kubectl-rollout' });
}
const restarted = { 'kubectl.kubernetes.io/restartedAt': '2026-03-01T12:00:00Z' };

describe('an adoption', () => {
  it('brings the serving version up as a role, narrows the Service to it, and stages only then', async () => {
    const release = await live();
    const trace = traceWrites(release.cluster);
    const outcome = await release.stage(plainManifests('v2'));
    expect(trace.slice(0, adoptWrites.length)).toEqual(adoptWrites);
    expect(trace[adoptWrites.length]).toEqual(['CREATE Lease shop/cutover-web', '-']);
    expect(outcome).toMatchObject({
      ...{ outcome: 'staged', revision: 2, activeRole: 'blue', idleRole: 'green', stagedRole: 'green' },
      serving: { users: { kind: 'role', role: 'blue', revision: 1, adopted: [deploymentRef('web')] } },
    });
    expectAdopted(release);
    expect(stateOf(release.cluster)?.history.map(entry => entry.outcome)).toEqual(['staged', 'adopted']);
  });

  it('leads users to no other version at any of its writes, with at most one autoscaler and budget, and twice the pods', async () => {
    const release = await live();
    const { cluster } = release;
    const seen = new Set<string>();
    const most = { pods: 0, autoscalers: 0, budgets: 0 };
    cluster.before = () => {
      served(cluster).forEach(image => seen.add(image));
      const pods = cluster.store.list({ apiVersion: 'v1', kind: 'Pod', ...inShop });
      most.pods = Math.max(most.pods, pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length);
      most.autoscalers = Math.max(most.autoscalers, autoscalers(release).length);
      most.budgets = Math.max(most.budgets, budgets(release).length);
    };
    await release.stage(plainManifests('v2'));
    expect([...seen]).toEqual(['site:v1']);
    expect(most).toEqual({ pods: 4, autoscalers: 1, budgets: 1 });
  });

  it('takes the template of the pods that serve, and what they read', async () => {
    const release = await live();
    await release.stage(plainManifests('v2'));
    const [old, twin] = ['web', 'web-blue'].map(name => release.cluster.store.get(deploymentRef(name))!);
    const templateOf = (object: KubeObject | undefined) => (object?.['spec'] as { template: KubeObject }).template;
    expect(templateOf(twin)['spec']).toEqual(templateOf(old)['spec']);
    expect(templateOf(twin).metadata.labels).toEqual({ ...labels, 'cutover/role': 'blue' });
    expect(twin?.metadata.annotations).toMatchObject({ 'cutover/release': 'web' });
  });

  it('has what it finds on record before it deletes anything', async () => {
    const release = await live();
    const { cluster } = release;
    const found = [serviceRef('web'), autoscalerRef('web')].map(ref => cluster.store.get(ref));
    const seen: unknown[] = [];
    atWrite(release, 4, () => seen.push(...(revisionOf(cluster, 1)?.before ?? []).map(({ object }) => object)));
    await release.stage(plainManifests('v2'));
    expect(seen.slice(0, 2)).toEqual(found);
  });

  it('moves the ownership of the Service once more when somebody else writes its metadata at that moment', async () => {
    const release = await live();
    const { store } = release.cluster;
    atWrite(release, narrowing - 1, () => {
      const service = store.get(serviceRef('web'))!;
      const annotations = { ...service.metadata.annotations, 'balancer.example.com/address': '192.0.2.7' };
      store.update({ ...service, metadata: { ...service.metadata, annotations } }, { manager: 'balancer' });
    });
    await expect(release.stage(plainManifests('v2'))).resolves.toMatchObject({ outcome: 'staged' });
    expectAdopted(release);
    expect(store.get(serviceRef('web'))?.metadata.annotations).toMatchObject({
      'balancer.example.com/address': '192.0.2.7',
    });
  });

  it.each(rows)('killed at write %i (%s): the same deploy again finishes it', async n => {
    const release = await live();
    await lost(release, n);
    expect(served(release.cluster).every(image => image === 'site:v1')).toBe(true);
    await expect(release.stage(plainManifests('v2'))).resolves.toMatchObject({ outcome: 'staged' });
    expectAdopted(release);
  });

  it.each(rows.slice(1))('killed at write %i (%s): the post step restores it until users are on the role', async n => {
    const release = await live();
    const { cluster } = release;
    const before = application(cluster);
    killAtWrite(cluster, n);
    await endOf(release.stage(plainManifests('v2')));
    const recovered = await release.post();
    expect(served(cluster)).toEqual(v1);
    if (n <= 3) expect(recovered.kind).toBe('nothing-unfinished');
    else if (n <= narrowing) expect(recovered.kind).toBe('restored');
    else if (n < rows.length) expect(recovered.kind).toBe('adoption-left');
    if (n <= narrowing) {
      expect([application(cluster), selector(release), unfinished(cluster)]).toEqual([before, labels, '-']);
      const managers = cluster.store.get(serviceRef('web'))?.metadata.managedFields as { manager: string }[];
      expect(managers.map(({ manager }) => manager)).toEqual([kubectl]);
    }
    await expect(release.stage(plainManifests('v2'))).resolves.toMatchObject({ outcome: 'staged' });
    expectAdopted(release, stateOf(cluster)?.latest);
  });

  it.each(rows.slice(1, 13))('refused at write %i (%s): restored before the narrowing, finished after it', async n => {
    const release = await live();
    const { cluster } = release;
    const before = application(cluster);
    refuseWrites(cluster, n);
    const failure = await failureOf(release.stage(plainManifests('v2')));
    expect(failure).toMatchObject({ error: { code: 'forbidden' } });
    expect(served(cluster)).toEqual(v1);
    if (n <= narrowing) {
      expect([application(cluster), unfinished(cluster)]).toEqual([before, '-']);
      expect(failure).toMatchObject({
        outcome: { serving: { kind: 'not-adopted', deployments: [deploymentRef('web')] } },
      });
    } else {
      expect([selector(release), unfinished(cluster)]).toEqual([onBlue, 'adopt']);
      expect(failure).toMatchObject({
        outcome: { serving: { kind: 'adoption-unfinished', role: 'blue', revision: 1 } },
      });
    }
    cluster.before = () => undefined;
    await expect(release.stage(plainManifests('v2'))).resolves.toMatchObject({ outcome: 'staged' });
    expectAdopted(release, stateOf(cluster)?.latest);
  });

  it.each(whileItServes)('goes on when the old Deployment is restarted before write %i (%s)', async n => {
    const release = await live();
    atWrite(release, n, () => change(release, 'site:v1', restarted));
    await release.stage(plainManifests('v2'));
    expectAdopted(release);
  });

  it.each(whileItServes)(
    'narrows the Service to no other version, when the old Deployment gets one at write %i (%s)',
    async n => {
      const release = await live();
      const { cluster } = release;
      atWrite(release, n, () => change(release, 'site:v9'));
      const end = await endOf(release.stage(plainManifests('v2')));
      if (n > narrowing) {
        expectAdopted(release);
        return;
      }
      // Users got it from whoever changed the Deployment, as without an adoption.
      if (n < narrowing - 1) {
        expect(end).toMatchObject({ error: { code: 'changed', message: expect.stringContaining('was changed') } });
        expect([selector(release), autoscalers(release), unfinished(cluster)]).toEqual([labels, ['web'], '-']);
        expect(served(cluster)).toEqual(['site:v9', 'site:v9']);
        await expect(release.stage(plainManifests('v2'))).resolves.toMatchObject({ outcome: 'staged' });
        expect(served(cluster)).toEqual(['site:v9', 'site:v9']);
      } else expectAdopted(release);
    },
  );
});
