import { loadAll } from 'js-yaml';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { refOf, type KubeObject, type ObjectRef } from '../../src/kubernetes/object.js';
import { describeServing } from '../../src/report/serving.js';
import { idle } from '../support/cluster/run-controllers.js';
import {
  application,
  closeReleases,
  failureOf,
  plainManifests,
  releaseAfter,
  serviceRef,
  stateOf,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Users are on revision 1. */
const deployed = releaseAfter(release => release.deploy(plainManifests('v1'), { verify: [] }));

const withoutChecks = { verify: [] };
const renamed = (version: string): string =>
  plainManifests(version).replace(
    'metadata: {name: web}\nspec:\n  replicas',
    'metadata: {name: site}\nspec:\n  replicas',
  );
const noPods = (version: string): string =>
  plainManifests(version).replace('spec: {selector: {app: web}', 'spec: {selector: {app: wbe}');

const balanced = (version: string): string =>
  plainManifests(version).replace('spec: {selector: {app: web}', 'spec: {type: LoadBalancer, selector: {app: web}');

const eventKind = { apiVersion: 'v1', kind: 'Event' };

describe('a Service of type LoadBalancer', () => {
  const pending = 'Service shop/web has no address yet: its load balancer is pending';

  it('without an address is told after the deploy, with what its controller says', async () => {
    const release = await deployed();
    const { cluster } = release;
    const [get, list] = [cluster.get.bind(cluster), cluster.list.bind(cluster)];
    // Its controller gives no address.
    const withoutAddress = async (ref: ObjectRef): Promise<KubeObject | undefined> => {
      const found = await get(ref);
      return found?.kind === 'Service' ? { ...found, status: { loadBalancer: {} } } : found;
    };
    const event = { ...eventKind, metadata: { name: 'web.1' }, reason: 'SyncLoadBalancerFailed', message: 'none left' };
    const withEvent: typeof list = (kind, options) =>
      kind.kind === 'Event' ? Promise.resolve([event]) : list(kind, options);
    Object.assign(cluster, { get: withoutAddress, list: withEvent });
    const outcome = await release.deploy(balanced('v2'), withoutChecks);
    expect(describeServing(outcome.serving)).toBe(`Revision 2 serves users (site:v2). ${pending} (none left).`);
    const again = await release.deploy(balanced('v2'), withoutChecks);
    expect(describeServing(again.serving)).toContain(pending);
  });

  it('with an address is told like every other', async () => {
    const release = await deployed();
    await release.deploy(balanced('v2'), withoutChecks);
    const service = release.cluster.store.get(serviceRef('web'))!;
    release.cluster.store.update({
      ...service,
      status: { loadBalancer: { ingress: [{ hostname: 'a.example.com' }] } },
    });
    const { serving } = await release.deploy(balanced('v3'), withoutChecks);
    expect(describeServing(serving)).toBe('Revision 3 serves users (site:v3).');
  });
});

describe('a rolling deploy', () => {
  it('is refused when the Service that serves users would select no pod any more', async () => {
    const release = await deployed();
    const failure = await failureOf(release.deploy(noPods('v2'), withoutChecks));
    expect(failure).toMatchObject({ code: 'manifest', object: 'Service shop/web' });
    expect(failure.message).toMatch(/Service shop\/web .*app=wbe.* no pod/);
    expect(release.cluster.writes()).toEqual([]);
  });

  it('may hand a Service over to pods of others, which are named', async () => {
    const release = await deployed();
    const others = plainManifests('v9')
      .split('---\n')[1]!
      .replaceAll('name: web', 'name: other')
      .replace('name: other', 'name: other, namespace: shop')
      .replaceAll('app: web', 'app: wbe');
    release.cluster.given(loadAll(others)[0] as KubeObject);
    await idle();
    const outcome = await release.deploy(noPods('v2'), withoutChecks);
    expect(describeServing(outcome.serving)).toMatch(
      /Service shop\/web also leads to .* Deployment shop\/other \(2 pods\)/,
    );
  });

  it('fails and is restored when the pods that a Service was handed over to are gone by then', async () => {
    const release = await deployed();
    const { cluster } = release;
    const before = application(cluster);
    const pod: KubeObject = {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'other', namespace: 'shop', labels: { app: 'wbe' } } },
      spec: { containers: [{ name: 'web', image: 'site:v9' }] },
    };
    cluster.given(pod);
    await idle();
    cluster.before = call => {
      if (call === 'APPLY Deployment shop/web' && cluster.store.get(refOf(pod))) cluster.store.remove(refOf(pod));
    };
    await expect(failureOf(release.deploy(noPods('v2'), withoutChecks))).resolves.toMatchObject({
      error: { code: 'switch', object: 'Service shop/web' },
    });
    expect(application(cluster)).toEqual(before);
  });

  it('is refused when the pods would lose a label that the unchanged Service selects', async () => {
    const labelled = (label: string): string =>
      plainManifests('v1')
        .replace('metadata: {labels: {app: web}}', `metadata: {labels: {app: web, tier: ${label}}}`)
        .replace('spec: {selector: {app: web}', 'spec: {selector: {app: web, tier: front}');
    const release = await deployed();
    await release.deploy(labelled('front'), withoutChecks);
    await expect(failureOf(release.deploy(labelled('back'), withoutChecks))).resolves.toMatchObject({
      code: 'manifest',
      object: 'Service shop/web',
    });
    expect(release.cluster.writes()).toEqual([]);
  });

  it('names the pods that a Service leads to and that are not of the revision', async () => {
    const release = await deployed();
    const outcome = await release.deploy(renamed('v2'), withoutChecks);
    expect(outcome).toMatchObject({ outcome: 'deployed', revision: 2 });
    const told = /Service shop\/web also leads to pods that are not of this revision: Deployment shop\/web \(2 pods\)/;
    expect(describeServing(outcome.serving)).toMatch(told);
    expect(release.ctx().log.lines.join('\n')).toMatch(told);
    const again = await release.deploy(renamed('v2'), withoutChecks);
    expect(again.outcome).toBe('unchanged');
    expect(describeServing(again.serving)).toMatch(told);
  });

  it('names nothing where all endpoints are of the revision', async () => {
    const release = await deployed();
    const { serving } = await release.deploy(plainManifests('v2'), withoutChecks);
    expect(describeServing(serving)).toBe('Revision 2 serves users (site:v2).');
  });

  it('warns of a new Service that selects no pod', async () => {
    const release = await deployed();
    const more =
      'apiVersion: v1\nkind: Service\nmetadata: {name: more}\nspec: {selector: {app: more}, ports: [{port: 80}]}\n---\n';
    await release.deploy(more + plainManifests('v2'), withoutChecks);
    expect(release.ctx().log.lines).toContainEqual(expect.stringMatching(/^Service shop\/more .*app=more.* no pod/));
  });

  it('waits for endpoints of a revision that is scaled to zero in vain: there are none', async () => {
    const release = await deployed();
    const none = plainManifests('v2').replace('replicas: 2', 'replicas: 0');
    await expect(release.deploy(none, withoutChecks)).resolves.toMatchObject({ outcome: 'deployed' });
  });

  it.each([
    ['does not wait for endpoints of an ExternalName Service that has a selector', false],
    ['may make an ExternalName Service of one that keeps its selector', true],
  ])('%s', async (_what, isChanged) => {
    const external = `apiVersion: v1
kind: Service
metadata: {name: old-name}
spec: {type: ExternalName, externalName: web.shop.svc.cluster.local, selector: {app: web}}
---
`;
    const release = await deployed();
    const inner = external.replace(/type: .*local,/, 'ports: [{port: 80}],');
    if (isChanged) await release.deploy(inner + plainManifests('v1'), withoutChecks);
    const outcome = await release.deploy(external + plainManifests('v2'), withoutChecks);
    expect(outcome).toMatchObject({ outcome: 'deployed' });
  });

  it('fails when the endpoints do not follow', async () => {
    const release = await deployed();
    const { cluster } = release;
    const before = application(cluster);
    const watch = cluster.watch.bind(cluster);
    cluster.watch = async function* (kind, options) {
      for await (const event of watch(kind, options)) {
        yield event;
        // Nothing but what was there at the start.
        if (kind.kind === 'EndpointSlice' && event.type === 'synced') {
          await new Promise(resolve => options.signal.addEventListener('abort', resolve));
          return;
        }
      }
    };
    await expect(failureOf(release.deploy(plainManifests('v2'), withoutChecks))).resolves.toMatchObject({
      error: { code: 'switch', object: 'Service shop/web' },
    });
    expect(application(cluster)).toEqual(before);
    expect(stateOf(cluster)?.current).toBe(1);
  });

  it('asks the Service, too, when it selects none of the pods that are checked', async () => {
    const release = await deployed();
    release.answer = ({ kind }) => (kind === 'Service' ? 503 : 200);
    const created = noPods('v2').replaceAll(
      'metadata: {name: web}\nspec: {selector',
      'metadata: {name: other}\nspec: {selector',
    );
    await expect(failureOf(release.deploy(created))).resolves.toMatchObject({
      error: { code: 'verify' },
      outcome: { checks: [{ verdict: 'fail', side: 'public' }] },
    });
  });
});

describe('pods behind a Service that an operator runs', () => {
  const version = {
    ...{ name: 'v1', served: true, storage: true },
    schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
  };
  const definition: KubeObject = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'databases.example.test' },
    spec: {
      ...{ group: 'example.test', scope: 'Namespaced', versions: [version] },
      names: { kind: 'Database', plural: 'databases', singular: 'database', listKind: 'DatabaseList' },
    },
  };
  const databaseRef = { apiVersion: 'example.test/v1', kind: 'Database', namespace: 'shop', name: 'db' };
  const database = 'apiVersion: example.test/v1\nkind: Database\nmetadata: {name: db}\n---\n';
  const service =
    'apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {selector: {app: db}, ports: [{port: 5432}]}\n---\n';

  /** The release has a Service for a database, whose operator runs its pods by a StatefulSet. */
  const withDatabase = releaseAfter(async release => {
    const { cluster } = release;
    cluster.given(definition);
    await idle();
    await release.deploy(database + service + plainManifests('v1'), withoutChecks);
    const { apiVersion, kind, name } = databaseRef;
    const uid = cluster.store.get(databaseRef)?.metadata.uid ?? '';
    const labels = { app: 'db' };
    cluster.given({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: {
        ...{ name: 'db', namespace: 'shop' },
        ownerReferences: [{ apiVersion, kind, name, uid, controller: true }],
      },
      spec: {
        ...{ serviceName: 'db', replicas: 1, selector: { matchLabels: labels } },
        template: { metadata: { labels }, spec: { containers: [{ name: 'db', image: 'db:1' }] } },
      },
    });
    await idle();
  });
  const healthy = 'Revision 2 serves users (site:v2).';

  it('are of the revision where the manifests have the custom resource', async () => {
    const release = await withDatabase();
    const { serving } = await release.deploy(database + service + plainManifests('v2'), withoutChecks);
    expect(describeServing(serving)).toBe(healthy);
  });

  it('are named by the custom resource where the manifests do not have it', async () => {
    const release = await withDatabase();
    const { serving } = await release.deploy(service + plainManifests('v2'), withoutChecks);
    expect(describeServing(serving)).toBe(
      `${healthy} Service shop/db also leads to pods that are not of this revision: Database shop/db (1 pod).`,
    );
  });

  it.each(['StatefulSet', 'Database'])('are not named where a %s may not be read', async kind => {
    const release = await withDatabase();
    release.cluster.before = call => {
      if (call === `GET ${kind} shop/db`) throw new CutoverError('not allowed', { code: 'forbidden' });
    };
    const { serving } = await release.deploy(service + plainManifests('v2'), withoutChecks);
    expect(describeServing(serving)).toBe(healthy);
  });
});

describe('a rolling rollback', () => {
  it('checks the Service that the revision was deployed with', async () => {
    const admin = (version: string): string =>
      'apiVersion: v1\nkind: Service\nmetadata: {name: admin}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n---\n' +
      plainManifests(version);
    const release = await deployed();
    await release.deploy(admin('v2'), { services: ['web'] });
    await release.deploy(admin('v3'), { services: ['web'] });
    const asked: string[] = [];
    release.answer = ({ kind, name }) => {
      if (kind === 'Service') asked.push(name);
      return 200;
    };
    await release.rollback();
    expect(asked).toEqual(['web']);
  });
});
