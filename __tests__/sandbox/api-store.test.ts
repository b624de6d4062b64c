import { describe, expect, it } from '@jest/globals';
import { createStore } from '../../sandbox/api/store/memory-store.js';
import type { StoreEvent } from '../../sandbox/api/store/store.js';
import type { KubeObject } from '../../src/kubernetes/object.js';

const deployment: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'site' }] } },
  },
};
const pod: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default' },
  spec: { containers: [{ name: 'web', image: 'site:v1' }] },
};
const map = (name: string, metadata: Partial<KubeObject['metadata']> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', ...metadata },
});
const podRef = { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'web' };
const mapRef = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name });

describe('the store', () => {
  it('fills in defaults, identity and generation on creation', () => {
    const made = createStore().create(deployment);
    expect(made.metadata).toMatchObject({ generation: 1, uid: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(made.spec).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      template: { spec: { terminationGracePeriodSeconds: 30, containers: [{ imagePullPolicy: 'Always' }] } },
    });
  });

  it('increments the generation with the spec, not with the status or metadata', () => {
    const store = createStore();
    const made = store.create(deployment);
    const spec = made.spec as object;
    const scaled = store.update({ ...made, spec: { ...spec, replicas: 3 } });
    const labelled = store.update({ ...scaled, metadata: { ...scaled.metadata, labels: { a: 'b' } } });
    const reported = store.update({ ...labelled, spec: {}, status: { replicas: 3 } }, { part: 'status' });
    expect([scaled, labelled, reported].map(object => object.metadata.generation)).toEqual([2, 2, 2]);
    expect(reported).toMatchObject({
      spec: { replicas: 3 },
      status: { replicas: 3 },
      metadata: { labels: { a: 'b' } },
    });
    expect(store.update({ ...reported, status: {} }).status).toEqual({ replicas: 3 });
  });

  it('writes nothing when nothing changes', () => {
    const store = createStore();
    const made = store.create(deployment);
    expect(store.update(made).metadata.resourceVersion).toBe(made.metadata.resourceVersion);
  });

  it('refuses an update of an older version with the Status of a real server', () => {
    const store = createStore();
    const made = store.create(deployment);
    store.update({ ...made, status: { replicas: 1 } }, { part: 'status' });
    expect(() => store.update(made)).toThrow(
      'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the latest version and try again',
    );
  });

  it('generates a name from generateName', () => {
    const { metadata } = createStore().create({
      ...pod,
      metadata: { generateName: 'web-', namespace: 'default' } as unknown as KubeObject['metadata'],
    });
    expect(metadata.name).toMatch(/^web-[b-z0-9]{5}$/);
  });

  it('returns frozen objects', () => {
    const store = createStore();
    store.create(map('a'));
    const object = store.get(mapRef('a'));
    expect(Object.isFrozen(object) && Object.isFrozen(object?.metadata)).toBe(true);
  });

  it('lists by namespace and labels', () => {
    const store = createStore();
    store.create(map('a', { labels: { app: 'web' } }));
    store.create(map('b'));
    store.create(map('c', { namespace: 'kube-system', labels: { app: 'web' } }));
    const names = (namespace?: string, labels?: Record<string, string>): string[] =>
      store
        .list(
          { apiVersion: 'v1', kind: 'ConfigMap', ...(namespace === undefined ? {} : { namespace }) },
          labels === undefined ? {} : { labels },
        )
        .map(object => object.metadata.name);
    expect([names(), names('default'), names(undefined, { app: 'web' }), names('default', { app: 'web' })]).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b'],
      ['a', 'c'],
      ['a'],
    ]);
  });

  it('notifies every listener of changes in order, those by a listener last', () => {
    const store = createStore();
    const seen: string[] = [];
    store.watch({ apiVersion: 'v1', kind: 'ConfigMap' }, event => {
      if (event.type === 'ADDED' && event.object.metadata.name === 'a') store.create(map('b'));
    });
    const end = store.watch({ apiVersion: 'v1', kind: 'ConfigMap' }, ({ type, object }: StoreEvent) =>
      seen.push(`${type} ${object.metadata.name}`),
    );
    store.create(map('a'));
    store.remove(mapRef('a'));
    end();
    store.create(map('c'));
    expect(seen).toEqual(['ADDED a', 'ADDED b', 'DELETED a']);
  });
});

describe('a deletion', () => {
  it('removes an unscheduled pod at once, and one on a node after its grace period', () => {
    const store = createStore();
    store.create(pod);
    store.remove(podRef);
    expect(store.get(podRef)).toBeUndefined();
    const made = store.create(pod);
    store.update({ ...made, spec: { ...(made.spec as object), nodeName: 'node' } });
    store.remove(podRef);
    expect(store.get(podRef)?.metadata).toMatchObject({ deletionGracePeriodSeconds: 30 });
    store.remove(podRef, { gracePeriodSeconds: 0 });
    expect(store.get(podRef)).toBeUndefined();
  });

  it('waits for finalizers', () => {
    const store = createStore();
    store.create(map('a', { finalizers: ['example.com/hold'] }));
    store.remove(mapRef('a'));
    const marked = store.get(mapRef('a'));
    expect(marked?.metadata.deletionTimestamp).toEqual(expect.any(String));
    store.update({ ...map('a'), metadata: { ...marked?.metadata, name: 'a', finalizers: [] } });
    expect(store.get(mapRef('a'))).toBeUndefined();
  });

  it('with another uid is refused', () => {
    const store = createStore();
    store.create(map('a'));
    expect(() => store.remove(mapRef('a'), { uid: 'other' })).toThrow(
      /the UID in the precondition \(other\) does not match/,
    );
  });

  it('marks a Namespace as terminating until its own finalizer is removed, and refuses new objects', () => {
    const store = createStore();
    const ref = { apiVersion: 'v1', kind: 'Namespace', name: 'team' };
    store.create({ ...ref, metadata: { name: 'team' } });
    store.remove(ref);
    const marked = store.get(ref);
    expect(marked?.status).toEqual({ phase: 'Terminating' });
    expect(() => store.create(map('a', { namespace: 'team' }))).toThrow(/because it is being terminated/);
    store.update({ ...ref, metadata: marked?.metadata ?? { name: 'team' }, spec: { finalizers: [] } });
    expect(store.get(ref)).toBeUndefined();
  });

  it('of a definition stops serving its kind', () => {
    const store = createStore();
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'widgets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { kind: 'Widget', plural: 'widgets' },
        versions: [{ name: 'v1', served: true, storage: true }],
      },
    };
    store.create(definition);
    const widget = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w', namespace: 'default' } };
    expect(store.create({ ...widget, spec: { size: 3 } }).spec).toEqual({ size: 3 });
    store.remove({ ...definition, name: 'widgets.example.com' });
    expect(() => store.get({ ...widget, name: 'w' })).toThrow(
      'no matches for kind "Widget" in version "example.com/v1"',
    );
  });
});
