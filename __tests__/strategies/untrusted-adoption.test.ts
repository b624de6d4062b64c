import { afterEach, describe, expect, it } from '@jest/globals';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import type { Adopting } from '../../src/release/transitions.js';
import { templateIdentity } from '../../src/strategies/blue-green/adoption/find/twin.js';
import { idle } from '../support/cluster/run-controllers.js';
import { forgeRevision, forgeState } from '../support/strategies/forgery.js';
import {
  autoscalerRef,
  closeReleases,
  deploymentRef,
  endOf,
  failureOf,
  killAtWrite,
  leaseRef,
  plainManifests,
  releaseAfter,
  serviceRef,
  stateOf,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const labels = (app: string) => ({ matchLabels: { app } });

/** The objects of an application in the namespace; `annotations`: of the release that owns it. */
function application(app: string, annotations: Readonly<Record<string, string>> = {}): readonly KubeObject[] {
  const metadata = { name: app, namespace: 'shop', annotations };
  const template = {
    metadata: { labels: { app } },
    spec: { containers: [{ name: 'web', image: 'site:v1', ports: [{ containerPort: 8080 }] }] },
  };
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: app };
  return [
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 2, selector: labels(app), template } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: { app }, ports: [{ port: 80, targetPort: 8080 }] },
    },
    {
      ...{ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata },
      spec: { scaleTargetRef, minReplicas: 2, maxReplicas: 4 },
    },
  ];
}

/** Application `web` is live without roles, and `neighbour` is of another release. */
const live = releaseAfter(async ({ cluster }) => {
  cluster.givenBy('kubectl-client-side-apply', ...application('web'));
  for (const object of application('neighbour', { 'cutover/release': 'neighbour' })) await cluster.apply(object);
  await idle();
});

const neighbours = ({ cluster: { store } }: WebRelease) =>
  [serviceRef('neighbour'), autoscalerRef('neighbour'), deploymentRef('neighbour')].map(ref => {
    const { metadata, spec } = store.get(ref)!;
    const { resourceVersion: _version, ...kept } = metadata;
    return { metadata: kept, spec };
  });

/** An adoption that was killed at a write, and whose lock has run out since. */
async function killedAt(n: number): Promise<WebRelease> {
  const release = await live();
  killAtWrite(release.cluster, n);
  await endOf(release.stage(plainManifests('v2')));
  release.cluster.before = () => undefined;
  if (release.cluster.store.get(leaseRef) !== undefined) release.cluster.store.remove(leaseRef);
  return release;
}

/** The record says that the adoption found the Service of the neighbour. */
function nameService(release: WebRelease, change: (service: KubeObject) => KubeObject = same => same): void {
  const found = release.cluster.store.get(serviceRef('neighbour'))!;
  forgeRevision(release, 1, ({ before, publicServices: [publicService] }) => ({
    publicServices: [{ ...publicService!, metadata: { ...publicService!.metadata, name: 'neighbour' } }],
    before: [
      { ref: refOf(found), object: change(found) },
      ...before.filter(({ ref }) => ref.kind !== 'Service' || ref.name !== 'web'),
    ],
  }));
}

describe('a record that was forged while an adoption was interrupted', () => {
  const narrowing = 7;

  it('narrows no Service of another release', async () => {
    const release = await killedAt(narrowing);
    nameService(release);
    forgeState(release, state => ({ ...state, publicServices: [serviceRef('neighbour')] }));
    const before = neighbours(release);
    expect(await failureOf(release.stage(plainManifests('v2')))).toMatchObject({ error: { code: 'record' } });
    expect(neighbours(release)).toEqual(before);
  });

  it('sends no request to a Service of another release', async () => {
    const release = await killedAt(narrowing);
    nameService(release);
    forgeState(release, state => ({ ...state, publicServices: [serviceRef('neighbour')] }));
    release.syntheticTraffic = { kind: 'auto' };
    const asked: string[] = [];
    release.answer = ({ kind, name }) => {
      asked.push(`${kind} ${name}`);
      return 200;
    };
    expect(await failureOf(release.stage(plainManifests('v2')))).toMatchObject({ error: { code: 'record' } });
    expect(asked.filter(call => call.includes('neighbour'))).toEqual([]);
  });

  it('narrows no Service but that of the state', async () => {
    const release = await killedAt(narrowing);
    release.cluster.store.update({
      ...release.cluster.store.get(serviceRef('neighbour'))!,
      metadata: { ...release.cluster.store.get(serviceRef('neighbour'))!.metadata, annotations: {} },
    });
    nameService(release);
    const before = neighbours(release);
    expect(await failureOf(release.stage(plainManifests('v2')))).toMatchObject({ error: { code: 'record' } });
    expect(neighbours(release)).toEqual(before);
  });

  it('changes no field owners of a Service of another release', async () => {
    const release = await live();
    killAtWrite(release.cluster, narrowing);
    await endOf(release.stage(plainManifests('v2')));
    nameService(release, service => {
      const managedFields = service.metadata.managedFields as readonly object[];
      const forged = managedFields.map(entry => ({ ...entry, manager: 'helm' }));
      return { ...service, metadata: { ...service.metadata, managedFields: forged } };
    });
    const before = neighbours(release);
    await release.post();
    expect(neighbours(release)).toEqual(before);
  });

  it('deletes no autoscaler of another release', async () => {
    const release = await killedAt(4);
    const { store } = release.cluster;
    const [deployment, autoscaler] = [deploymentRef('neighbour'), autoscalerRef('neighbour')].map(ref =>
      store.get(ref)!,
    );
    forgeRevision(release, 1, ({ before }) => ({
      before: [...before, { ref: refOf(autoscaler!), object: autoscaler! }],
    }));
    forgeState(release, state => ({
      ...state,
      operation: {
        ...(state as Adopting).operation,
        deployments: [
          {
            ...{ ref: refOf(deployment!), uid: deployment!.metadata.uid! },
            ...{ template: templateIdentity(deployment!), imageIds: {} },
          },
        ],
      },
    }));
    const before = neighbours(release);
    expect(await failureOf(release.stage(plainManifests('v2')))).toMatchObject({ error: { code: 'record' } });
    expect(neighbours(release)).toEqual(before);
    expect(stateOf(release.cluster)?.strategy).toBe('blue-green');
  });

  it('creates only what scales again', async () => {
    const release = await live();
    killAtWrite(release.cluster, narrowing);
    await endOf(release.stage(plainManifests('v2')));
    const metadata = { name: 'forged', namespace: 'shop' };
    const elsewhere = application('elsewhere').map(object => ({
      ...object,
      metadata: { ...object.metadata, namespace: 'default' },
    }));
    const config: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: {} };
    forgeRevision(release, 1, ({ before }) => ({
      before: [...before, ...[config, ...elsewhere].map(object => ({ ref: refOf(object), object }))],
    }));
    await release.post();
    const { store } = release.cluster;
    expect(store.get(refOf(config))).toBeUndefined();
    expect(elsewhere.map(object => store.get(refOf(object)))).toEqual([undefined, undefined, undefined]);
  });
});
