import { afterEach, describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { unsettled } from '../../src/strategies/blue-green/adoption/find-adoption.js';
import { deployment } from '../support/objects.js';
import { idle } from '../support/cluster/run-controllers.js';
import { runOf } from '../support/strategies/context.js';
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
  slowEndpoints,
  stateOf,
  traceWrites,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const inShop = { namespace: 'shop' };
const labels = { app: 'web' };
const kubectl = 'kubectl-client-side-apply';
const webDeployment = (image: string): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', ...inShop },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: { containers: [{ name: 'web', image, ports: [{ containerPort: 8080 }] }] },
    },
  },
});
const service: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', ...inShop },
  spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
};
const autoscaler: KubeObject = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web', ...inShop },
  spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, minReplicas: 2, maxReplicas: 4 },
};

/** An application that somebody applied with kubectl; its pods are ready and nothing is on record. */
const live = releaseAfter(async ({ cluster }) => {
  cluster.givenBy(kubectl, webDeployment('site:v1'), service, autoscaler);
  await idle();
});

const old = ['site:v1', 'site:v1'];
const selector = ({ cluster }: WebRelease) =>
  (cluster.store.get(serviceRef('web'))?.['spec'] as { selector: object }).selector;
/** A run that was killed at this write, and whose lock has run out since; no post step ran. */
async function lost(release: WebRelease, n: number): Promise<void> {
  killAtWrite(release.cluster, n);
  await failureOf(release.stage(plainManifests('v2')));
  release.cluster.before = () => undefined;
  release.cluster.store.remove(leaseRef);
}

/** Every write of a staging that adopts, and what the record calls unfinished when it is asked for. */
const adoptWrites = [
  ['CREATE Lease shop/cutover-web', '-'],
  ['APPLY ConfigMap shop/cutover-web-0', '-'],
  ['APPLY ConfigMap shop/cutover-web-1', '-'],
  ['CREATE ConfigMap shop/cutover-web', '-'],
  ['REASSIGN Service shop/web', 'stage'],
  // Before the Deployment: its pods carry the labels that the Service selects, and users would reach them unverified.
  ['APPLY Service shop/web', 'stage'],
  ['APPLY ConfigMap shop/settings', 'stage'],
  ['APPLY Service shop/web-test-blue', 'stage'],
  ['APPLY Deployment shop/web-blue', 'stage'],
  ['REPLACE ConfigMap shop/cutover-web', 'stage'],
  ['REPLACE Lease shop/cutover-web', '-'],
] as const;
const rows = adoptWrites.map(([write, operation], index) => [index + 1, write, operation] as const);

describe('staging beside an application without roles', () => {
  it('narrows the Service to the pods that serve before it writes any pod, and touches nothing else that is live', async () => {
    const release = await live();
    const { cluster } = release;
    const before = cluster.store.get(deploymentRef('web'));
    const trace = traceWrites(cluster);
    const outcome = await release.stage(plainManifests('v2'));
    expect(trace).toEqual(adoptWrites);
    expect(outcome).toMatchObject({
      outcome: 'staged',
      revision: 1,
      activeRole: 'green',
      idleRole: 'blue',
      stagedRole: 'blue',
    });
    expect(served(cluster)).toEqual(old);
    expect(selector(release)).toEqual({ app: 'web', 'pod-template-hash': expect.any(String) as unknown });
    expect(cluster.store.get(deploymentRef('web'))).toEqual(before);
    expect(stateOf(cluster)).toMatchObject({
      ...{ current: 0, latest: 1, roleNames: ['blue', 'green'], publicService: serviceRef('web') },
      roles: { green: { revision: 0, deployments: [deploymentRef('web')] }, blue: { revision: 1 } },
      staged: { revision: 1, role: 'blue' },
    });
  });

  it('writes no pod until the endpoints have followed the narrowed selector', async () => {
    const release = await live();
    const written = slowEndpoints(release.cluster);
    await release.stage(plainManifests('v2'));
    expect(written).toEqual([0]);
  });

  it('leads users to no staged pod at any of its writes', async () => {
    const release = await live();
    const { cluster } = release;
    const seen = new Set<string>();
    cluster.before = () => served(cluster).forEach(image => seen.add(image));
    await release.stage(plainManifests('v2'));
    expect([...seen]).toEqual(['site:v1']);
  });

  it('has the Service as it was on record before it is narrowed', async () => {
    const release = await live();
    const { cluster } = release;
    const before = { ref: serviceRef('web'), object: cluster.store.get(serviceRef('web')) };
    const seen: unknown[] = [];
    cluster.before = call => {
      if (call.startsWith('REASSIGN')) seen.push(stateOf(cluster)?.operation, revisionOf(cluster, 0)?.before);
    };
    await release.stage(plainManifests('v2'));
    expect(seen).toEqual([
      { kind: 'stage', revision: 1, role: 'blue', run: runOf(1).url, previousService: before },
      [before],
    ]);
  });

  it.each(rows)(
    'leaves users with the pods that they had when it is killed at write %i (%s); unfinished on record: %s',
    async (n, ...[, operation]) => {
      const release = await live();
      const { cluster } = release;
      const before = application(cluster);
      killAtWrite(cluster, n);
      const end = await endOf(release.stage(plainManifests('v2')));
      // A lock that cannot be released is only warned of.
      expect(end instanceof Error).toBe(n !== 11);
      expect([served(cluster), unfinished(cluster)]).toEqual([old, operation]);
      if (operation === '-' && n !== 11) expect([application(cluster), stateOf(cluster)]).toEqual([before, undefined]);
      if (n === 1) return;

      await release.post();
      expect([served(cluster), unfinished(cluster)]).toEqual([old, '-']);
      if (n === 11) return;
      expect(application(cluster)).toEqual(before);
      for (const member of ['current', 'roles', 'staged', 'publicService'])
        expect(stateOf(cluster) ?? {}).not.toHaveProperty(member);
    },
  );

  it.each(rows.slice(1, 10))(
    'restores everything, the selector last, when write %i (%s) is refused',
    async (n, ...[, operation]) => {
      const release = await live();
      const { cluster } = release;
      const before = application(cluster);
      refuseWrites(cluster, n);
      const failure = await failureOf(release.stage(plainManifests('v2')));
      expect(failure).toMatchObject({ error: { code: 'forbidden' } });
      expect([application(cluster), served(cluster), unfinished(cluster)]).toEqual([before, old, '-']);
      expect(stateOf(cluster)?.current).toBeUndefined();
      if (n > 7)
        expect(
          cluster
            .writes()
            .filter(write => write.includes(' Service '))
            .at(-1),
        ).toBe('REASSIGN Service shop/web');
      expect(stateOf(cluster)?.history[0]?.outcome).toBe(operation === '-' ? undefined : 'failed');
    },
  );

  it.each([5, 7, 8, 9, 10])(
    'is repeated by the next run when it was killed at write %i and no post step ran',
    async n => {
      const release = await live();
      const { cluster } = release;
      const before = application(cluster);
      await lost(release, n);
      await expect(release.stage(plainManifests('v3'))).resolves.toMatchObject({ outcome: 'staged', revision: 2 });
      expect([served(cluster), unfinished(cluster), stateOf(cluster)?.current]).toEqual([old, '-', 0]);
      await release.reject();
      expect([application(cluster), served(cluster)]).toEqual([before, old]);
    },
  );

  it.each(['killed', 'refused'])(
    'rules out every later adoption when it is %s between the two writes of the Service',
    async how => {
      const release = await live();
      const { cluster } = release;
      if (how === 'killed') await lost(release, 6);
      else {
        refuseWrites(cluster, 6);
        await failureOf(release.stage(plainManifests('v2')));
        cluster.before = () => undefined;
      }
      // Wrong today: the first write has made the fields of the Service Cutover's own, and neither the restore nor the post step
      // gives them back. The next adoption takes no fields over, so what it applies lacks the ports: the API server refuses it.
      await expect(failureOf(release.stage(plainManifests('v2')))).resolves.toMatchObject({
        error: { code: 'invalid' },
      });
      expect([selector(release), served(cluster)]).toEqual([labels, old]);
    },
  );

  it.each(['REASSIGN Service', 'APPLY Service'])(
    'stops when somebody writes the Service before its %s, and leaves theirs',
    async write => {
      const release = await live();
      const { cluster } = release;
      let written = false;
      cluster.before = call => {
        if (written || !call.startsWith(write)) return;
        written = true;
        const now = cluster.store.get(serviceRef('web'))!;
        const metadata = { ...now.metadata, labels: { touched: 'yes' } };
        cluster.store.update({ ...now, metadata }, { manager: 'kubectl' });
      };
      await expect(failureOf(release.stage(plainManifests('v2')))).resolves.toMatchObject({ error: { code: 'moved' } });
      expect(cluster.store.get(serviceRef('web'))).toMatchObject({ metadata: { labels: { touched: 'yes' } } });
      expect([selector(release), served(cluster)]).toEqual([labels, old]);
      expect(cluster.store.get(deploymentRef('web-blue'))).toBeUndefined();
    },
  );
});

describe('a rejection of what is staged beside it', () => {
  const staged = releaseAfter(async release => {
    release.cluster.givenBy(kubectl, webDeployment('site:v1'), service, autoscaler);
    await idle();
    await release.stage(plainManifests('v2'));
  });

  it('widens the selector only when no staged pod is left: users would reach it', async () => {
    const release = await staged();
    const { cluster } = release;
    const left: number[] = [];
    cluster.before = call => {
      if (!/^(APPLY|REPLACE) Service/.test(call)) return;
      const pods = cluster.store.list({ apiVersion: 'v1', kind: 'Pod', ...inShop });
      left.push(pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).length);
    };
    await expect(release.reject()).resolves.toMatchObject({ outcome: 'rejected' });
    expect(left[0]).toBe(2);
    expect([selector(release), served(cluster)]).toEqual([labels, old]);
    expect(stateOf(cluster)).not.toHaveProperty('current');
    expect(stateOf(cluster)).not.toHaveProperty('roles');
  });

  it('keeps the selector narrowed, and the adoption on record, while a pod that was not staged has the labels', async () => {
    const release = await staged();
    const { cluster } = release;
    const spec = { containers: [{ name: 'web', image: 'site:theirs' }] };
    cluster.given({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'theirs', ...inShop, labels }, spec });
    await idle();
    await expect(release.reject({ timeoutMs: 30 })).resolves.toMatchObject({ outcome: 'rejected' });
    expect(selector(release)).toHaveProperty('pod-template-hash');
    expect([served(cluster), stateOf(cluster)?.current]).toEqual([old, 0]);
    expect(stateOf(cluster)).not.toHaveProperty('staged');
  });

  it('leaves a Service alone that somebody has pointed elsewhere', async () => {
    const release = await staged();
    const { cluster } = release;
    cluster.before = call => {
      const now = cluster.store.get(serviceRef('web'))!;
      const moved = { ...(now['spec'] as object), selector: { app: 'other', 'pod-template-hash': 'theirs' } };
      if (call.startsWith('REMOVE Deployment')) cluster.store.update({ ...now, spec: moved });
    };
    await release.reject();
    expect(selector(release)).toEqual({ app: 'other', 'pod-template-hash': 'theirs' });
  });
});

describe('the application that was adopted', () => {
  const down = { idlePolicy: { policy: 'scale-down', replicas: 0 } } as const;
  const promoted = releaseAfter(async release => {
    release.cluster.givenBy(kubectl, webDeployment('site:v1'), service, autoscaler);
    await idle();
    await release.stage(plainManifests('v2'));
    await release.promote(down);
  });

  it('is scaled down without its autoscaler, and a rollback restores both', async () => {
    const release = await promoted();
    const { cluster } = release;
    expect([served(cluster), replicasIn(cluster, 'web')]).toEqual([['site:v2', 'site:v2'], 0]);
    expect(cluster.store.get(autoscalerRef('web'))).toBeUndefined();
    await expect(release.rollback()).resolves.toMatchObject({
      outcome: 'rolled-back',
      revision: 0,
      activeRole: 'green',
    });
    expect([served(cluster), replicasIn(cluster, 'web'), stateOf(cluster)?.current]).toEqual([old, 2, 0]);
    expect(cluster.store.get(autoscalerRef('web'))).toBeDefined();
  });

  it('loses its autoscaler before the new role gets one, even if it is kept: its selector matches the pods of both', async () => {
    const release = await live();
    const { cluster } = release;
    await release.stage(plainManifests('v2', { autoscaler: true }));
    expect(cluster.store.get(autoscalerRef('web'))).toBeDefined();
    await release.promote();
    expect(cluster.writes().filter(write => !write.includes('cutover-web'))).toEqual([
      'APPLY Service shop/web',
      'REMOVE HorizontalPodAutoscaler shop/web',
      'APPLY HorizontalPodAutoscaler shop/web-blue',
    ]);
    expect(replicasIn(cluster, 'web')).toBe(2);
  });

  it('is deleted once a second release has taken its place, and no sooner', async () => {
    const release = await promoted();
    const { cluster } = release;
    await release.stage(plainManifests('v3'));
    expect(cluster.store.get(deploymentRef('web'))).toBeDefined();
    await release.promote();
    expect(cluster.store.get(deploymentRef('web'))).toBeUndefined();
    expect(served(cluster)).toEqual(['site:v3', 'site:v3']);
  });

  it('is not deleted when somebody has created another one of its name', async () => {
    const release = await promoted();
    const { cluster } = release;
    await release.stage(plainManifests('v3'));
    cluster.store.remove(deploymentRef('web'));
    await idle();
    cluster.given(webDeployment('site:theirs'));
    await release.promote();
    expect(cluster.store.get(deploymentRef('web'))).toMatchObject({
      spec: { template: { spec: { containers: [{ image: 'site:theirs' }] } } },
    });
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
  ])('%s', (_when, ...[live, pods, fit]) => {
    expect(unsettled(live, pods) === undefined).toBe(fit);
  });
});
