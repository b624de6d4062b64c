import { describe, expect, it } from '@jest/globals';
import { dump } from 'js-yaml';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import { render } from '../../support/rendering.js';

type Metadata = Readonly<Record<string, unknown>>;

const object = (kind: string, metadata: Metadata = {}, more: object = {}): KubeObject => ({
  apiVersion: { Deployment: 'apps/v1', DaemonSet: 'apps/v1', ReplicaSet: 'apps/v1', Job: 'batch/v1' }[kind] ?? 'v1',
  kind,
  metadata: { name: 'web', namespace: 'shop', ...metadata },
  ...more,
});

const seen = (...objects: readonly KubeObject[]) => {
  const { resources, warnings, notes } = render(objects.map(one => `---\n${dump(one)}`).join(''));
  return {
    objects: resources.map(resource => resource.object),
    warnings: warnings.map(({ message }) => message),
    // The first line says in which order several files are read.
    notes,
  };
};

/** What every object gets. */
const own = { annotations: { 'cutover/release': 'web' }, labels: { 'app.kubernetes.io/managed-by': 'cutover' } };

describe('an exported object', () => {
  it('of any kind loses status and the metadata that the cluster sets, which the log says', () => {
    for (const kind of ['ConfigMap', 'Deployment', 'Widget']) {
      const exported = object(
        kind,
        {
          uid: 'u',
          resourceVersion: '7',
          generation: 2,
          creationTimestamp: '2026-01-01T00:00:00Z',
          deletionTimestamp: '2026-01-01T00:00:00Z',
          deletionGracePeriodSeconds: 30,
          selfLink: '/x',
          managedFields: [{ manager: 'kubectl' }],
          ownerReferences: [{ apiVersion: 'example.com/v1', kind: 'Shop', name: 'gone', uid: 'u', controller: true }],
          finalizers: ['keep/me', 'foregroundDeletion'],
          annotations: { mine: 'stays', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
        },
        { status: { replicas: 3 } },
      );
      const { objects, warnings, notes } = seen(exported);
      expect(objects).toEqual([
        object(kind, { ...own, annotations: { mine: 'stays', ...own.annotations }, finalizers: ['keep/me'] }),
      ]);
      expect(warnings).toEqual([]);
      expect(notes).toEqual([
        `${kind} web: left out, since the cluster sets it: status, metadata.managedFields, metadata.resourceVersion, ` +
          'metadata.uid, metadata.generation, metadata.creationTimestamp, metadata.deletionTimestamp, ' +
          'metadata.deletionGracePeriodSeconds, metadata.selfLink, metadata.ownerReferences, ' +
          'metadata.annotations.kubectl.kubernetes.io/last-applied-configuration',
      ]);
    }
  });

  it('that a tool has only filled with empty fields is nothing to tell of', () => {
    const blank = { status: { acceptedNames: { kind: '', plural: '' }, conditions: [] } };
    const { objects, notes } = seen(object('ConfigMap', { creationTimestamp: null }, blank));
    expect(objects).toEqual([object('ConfigMap', own)]);
    expect(notes).toEqual([]);
  });

  it.each([
    ['Deployment', 'deployment.kubernetes.io/revision'],
    ['DaemonSet', 'deprecated.daemonset.template.generation'],
    ['ReplicaSet', 'deployment.kubernetes.io/desired-replicas'],
    ['PersistentVolumeClaim', 'pv.kubernetes.io/bind-completed'],
    ['Secret', 'kubernetes.io/service-account.uid'],
    ['HorizontalPodAutoscaler', 'autoscaling.alpha.kubernetes.io/conditions'],
  ])('%s loses the annotation %s of its controller', (kind, annotation) => {
    expect(seen(object(kind, { annotations: { [annotation]: '7' } })).objects).toEqual([object(kind, own)]);
  });

  it('that is a Pod loses its node, and the labels by which a controller would take it', () => {
    const spec = { containers: [{ name: 'web', image: 'site:v1' }] };
    const labels = { app: 'web', 'pod-template-hash': 'abc', 'controller-uid': 'u' };
    const { objects } = seen(object('Pod', { labels }, { spec: { ...spec, nodeName: 'node-1' } }));
    expect(objects).toEqual([object('Pod', { ...own, labels: { app: 'web', ...own.labels } }, { spec })]);
  });

  it('that is a Job loses the selector and labels of the Job that it was, unless it chose them itself', () => {
    const chosen = { 'controller-uid': 'u', 'job-name': 'web' };
    const pod = { restartPolicy: 'Never', containers: [{ name: 'task', image: 'task:v1' }] };
    const job = (more: object, labels: object) =>
      object('Job', {}, { spec: { ...more, template: { metadata: { labels }, spec: pod } } });
    const exported = job({ selector: { matchLabels: chosen } }, { ...chosen, app: 'web' });
    expect(seen(exported).objects[0]?.['spec']).toEqual(job({}, { app: 'web' })['spec']);
    const manual = job({ manualSelector: true, selector: { matchLabels: chosen } }, chosen);
    expect(seen(manual).objects[0]?.['spec']).toEqual(manual['spec']);
  });

  it('that is an aggregated ClusterRole loses the rules that a controller fills in; another one keeps its own', () => {
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { aggregate: 'yes' } }] };
    const role = (more: object) =>
      object('ClusterRole', { namespace: undefined }, { apiVersion: 'rbac.authorization.k8s.io/v1', ...more });
    for (const given of [rules, []]) {
      const { objects, notes } = seen(role({ aggregationRule, rules: given }));
      expect(objects[0]).not.toHaveProperty('rules');
      expect(objects[0]).toHaveProperty('aggregationRule', aggregationRule);
      expect(notes).toEqual(given === rules ? ['ClusterRole web: left out, since the cluster sets it: rules'] : []);
    }
    expect(seen(role({ rules })).objects[0]).toHaveProperty('rules', rules);
  });

  it('that a volume controller has bound loses the binding; one that was bound by hand keeps it', () => {
    const bound = { annotations: { 'pv.kubernetes.io/bound-by-controller': 'yes' } };
    const spec = { volumeName: 'pvc-1', accessModes: ['ReadWriteOnce'] };
    const { volumeName: _name, ...unbound } = spec;
    expect(seen(object('PersistentVolumeClaim', bound, { spec })).objects[0]?.['spec']).toEqual(unbound);
    expect(seen(object('PersistentVolumeClaim', {}, { spec })).objects[0]?.['spec']).toEqual(spec);
    const volume = { claimRef: { name: 'web', uid: 'u' }, capacity: { storage: '1Gi' } };
    const { claimRef: _ref, ...free } = volume;
    expect(seen(object('PersistentVolume', bound, { spec: volume })).objects[0]?.['spec']).toEqual(free);
  });

  it('is left out when another one of the manifests makes it, which is told', () => {
    const owner = (kind: string, name: string): Metadata => ({
      name: `${name}-x`,
      ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid: 'u', controller: true }],
    });
    const { objects, warnings } = seen(
      object('Deployment'),
      object('ReplicaSet', owner('Deployment', 'web')),
      object('Pod', owner('ReplicaSet', 'web-x')),
    );
    expect(objects.map(({ kind }) => kind)).toEqual(['Deployment']);
    expect(warnings).toEqual([
      'ReplicaSet web-x is left out: Deployment web of these manifests makes it.',
      'Pod web-x-x is left out: ReplicaSet web-x of these manifests makes it.',
    ]);
  });
});
