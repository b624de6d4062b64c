import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { appliedBy } from '../../../src/cluster/apply/owned-fields.js';
import type { Json, KubeObject } from '../../../src/kubernetes/object.js';
import { canonical } from '../../../src/kubernetes/canonical.js';
import { memoryCluster } from '../../support/cluster/memory-cluster.js';

const applied = (fieldsV1: Json, more: Readonly<Record<string, Json>> = {}): Json => ({
  manager: 'cutover',
  operation: 'Apply',
  apiVersion: 'v1',
  time: '2026-03-01T12:00:00Z',
  fieldsType: 'FieldsV1',
  fieldsV1,
  ...more,
});

const thing = (spec: Json, managedFields: readonly Json[]): KubeObject => ({
  apiVersion: 'example.org/v1',
  kind: 'Thing',
  metadata: { name: 'one', namespace: 'shop', uid: 'u1', resourceVersion: '12', managedFields },
  spec,
});

describe('the fields that a manager applied', () => {
  const cases: readonly [string, Json, Json, Json][] = [
    ['members of a map', { a: 1, b: 2, c: 3 }, { 'f:a': {}, 'f:c': {} }, { a: 1, c: 3 }],
    ['the dot, which stands for the map itself', { a: 1, b: 2 }, { '.': {}, 'f:a': {} }, { a: 1 }],
    ['members of members', { a: { x: 1, y: 2 }, b: 3 }, { 'f:a': { 'f:y': {} } }, { a: { y: 2 } }],
    [
      'an atomic map, whole',
      { selector: { app: 'web', tier: 'x' } },
      { 'f:selector': {} },
      { selector: { app: 'web', tier: 'x' } },
    ],
    ['an atomic list, whole', { args: ['a', 'b'] }, { 'f:args': {} }, { args: ['a', 'b'] }],
    [
      'values that say nothing, as they are',
      { a: null, b: '', c: 0, d: false, e: {} },
      { 'f:a': {}, 'f:b': {}, 'f:c': {}, 'f:d': {}, 'f:e': {} },
      { a: null, b: '', c: 0, d: false, e: {} },
    ],
    [
      'items of a keyed list',
      {
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '2' },
        ],
      },
      { 'f:env': { 'k:{"name":"B"}': { '.': {}, 'f:name': {}, 'f:value': {} } } },
      { env: [{ name: 'B', value: '2' }] },
    ],
    [
      'part of an item, with the keys that it needs',
      { env: [{ name: 'A', value: '1', note: 'x' }] },
      { 'f:env': { 'k:{"name":"A"}': { 'f:value': {} } } },
      { env: [{ name: 'A', value: '1' }] },
    ],
    [
      'items with several keys, one of them a number',
      {
        ports: [
          { port: 80, protocol: 'TCP', name: 'a' },
          { port: 80, protocol: 'UDP', name: 'b' },
        ],
      },
      { 'f:ports': { 'k:{"port":80,"protocol":"UDP"}': { 'f:name': {} } } },
      { ports: [{ port: 80, protocol: 'UDP', name: 'b' }] },
    ],
    [
      'members of a set',
      { finalizers: ['x', 'y', 1] },
      { 'f:finalizers': { 'v:"y"': {}, 'v:1': {} } },
      { finalizers: ['y', 1] },
    ],
    ['items by their place', { list: ['x', 'y'] }, { 'f:list': { 'i:1': {} } }, { list: ['y'] }],
    ['fields with a slash or a dot in their name', { 'a.b/c': 1, a: 2 }, { 'f:a.b/c': {} }, { 'a.b/c': 1 }],
    [
      'nothing of what has gone meanwhile',
      { env: [], a: 1 },
      { 'f:gone': {}, 'f:env': { 'k:{"name":"A"}': { 'f:value': {} }, 'v:"x"': {}, 'i:3': {} } },
      { env: [] },
    ],
  ];

  it.each(cases)('are %s', (_what, ...[spec, fields, expected]) => {
    expect(appliedBy(thing(spec, [applied({ 'f:spec': fields })]), 'cutover')?.['spec']).toEqual(expected);
  });

  it('keep the order of items in the object, which the sorted fieldsV1 does not have', () => {
    const env = [
      { name: 'Z', value: '1' },
      { name: 'A', value: '$(Z)' },
    ];
    const owned = {
      'k:{"name":"A"}': { 'f:name': {}, 'f:value': {} },
      'k:{"name":"Z"}': { 'f:name': {}, 'f:value': {} },
    };
    const object = thing({ env }, [applied({ 'f:spec': { 'f:env': owned } })]);
    expect(appliedBy(object, 'cutover')?.['spec']).toEqual({ env });
  });

  it('include the name of the object and no server-set field', () => {
    const fields = { 'f:metadata': { 'f:labels': { 'f:app': {} } } };
    const object = { ...thing({ a: 1 }, [applied(fields)]), status: { ready: true } };
    const labelled = { ...object, metadata: { ...object.metadata, labels: { app: 'web', other: 'x' } } };
    expect(appliedBy(labelled, 'cutover')).toEqual({
      apiVersion: 'example.org/v1',
      kind: 'Thing',
      metadata: { name: 'one', namespace: 'shop', labels: { app: 'web' } },
    });
  });

  it('have no namespace where the object has none', () => {
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', managedFields: [applied({})] } };
    expect(appliedBy(object, 'cutover')).toMatchObject({ metadata: { name: 'shop' } });
    expect(appliedBy(object, 'cutover')?.metadata).not.toHaveProperty('namespace');
  });

  it.each([
    ['no entries', []],
    ['only another manager', [applied({ 'f:spec': {} }, { manager: 'helm' })]],
    ['only updates by that manager', [applied({ 'f:spec': {} }, { operation: 'Update' })]],
    ['only its own part of the status', [applied({ 'f:status': {} }, { subresource: 'status' })]],
  ])('are unknown of an object with %s', (_what, entries) => {
    expect(appliedBy(thing({ a: 1 }, entries), 'cutover')).toBeUndefined();
  });
});

/** As a real API server (1.33) shows it: applied by us, scaled by kubectl, its status written by the controller. */
const deployment: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: '5c2c1f0e-0000-4000-8000-000000000001',
    resourceVersion: '4711',
    generation: 2,
    annotations: { 'deployment.kubernetes.io/revision': '1', 'cutover/release': 'web' },
    labels: { 'app.kubernetes.io/managed-by': 'cutover' },
    managedFields: [
      {
        manager: 'cutover',
        operation: 'Apply',
        apiVersion: 'apps/v1',
        time: '2026-03-01T12:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': {
            'f:annotations': { 'f:cutover/release': {} },
            'f:labels': { 'f:app.kubernetes.io/managed-by': {} },
          },
          'f:spec': {
            'f:selector': {},
            'f:template': {
              'f:metadata': { 'f:labels': { 'f:app': {} } },
              'f:spec': {
                'f:containers': {
                  'k:{"name":"web"}': {
                    '.': {},
                    'f:env': { 'k:{"name":"MODE"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
                    'f:image': {},
                    'f:name': {},
                    'f:ports': {
                      'k:{"containerPort":8080,"protocol":"TCP"}': {
                        '.': {},
                        'f:containerPort': {},
                        'f:name': {},
                        'f:protocol': {},
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
      {
        manager: 'kubectl',
        operation: 'Update',
        apiVersion: 'apps/v1',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:spec': { 'f:replicas': {} } },
        subresource: 'scale',
      },
      {
        manager: 'kubectl-set',
        operation: 'Update',
        apiVersion: 'apps/v1',
        time: '2026-03-01T12:05:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:spec': {
            'f:template': {
              'f:spec': {
                'f:containers': {
                  'k:{"name":"web"}': {
                    'f:env': { 'k:{"name":"DEBUG"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
                    'f:resources': { 'f:limits': { '.': {}, 'f:memory': {} } },
                  },
                },
              },
            },
          },
        },
      },
      {
        manager: 'kube-controller-manager',
        operation: 'Update',
        apiVersion: 'apps/v1',
        time: '2026-03-01T12:05:02Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': { 'f:annotations': { 'f:deployment.kubernetes.io/revision': {} } },
          'f:status': { 'f:readyReplicas': {} },
        },
        subresource: 'status',
      },
    ],
  },
  spec: {
    replicas: 5,
    revisionHistoryLimit: 10,
    selector: { matchLabels: { app: 'web' } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [
          {
            name: 'web',
            image: 'site:v1',
            env: [
              { name: 'DEBUG', value: '1' },
              { name: 'MODE', value: 'fast' },
            ],
            ports: [{ containerPort: 8080, name: 'http', protocol: 'TCP' }],
            resources: { limits: { memory: '64Mi' } },
            imagePullPolicy: 'IfNotPresent',
          },
        ],
        restartPolicy: 'Always',
      },
    },
  },
  status: { readyReplicas: 5 },
};

describe('a Deployment of two managers', () => {
  it('is split into exactly what each of them applied', () => {
    expect(appliedBy(deployment, 'cutover')).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: 'web',
        namespace: 'shop',
        annotations: { 'cutover/release': 'web' },
        labels: { 'app.kubernetes.io/managed-by': 'cutover' },
      },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            containers: [
              {
                name: 'web',
                image: 'site:v1',
                env: [{ name: 'MODE', value: 'fast' }],
                ports: [{ containerPort: 8080, name: 'http', protocol: 'TCP' }],
              },
            ],
          },
        },
      },
    });
    expect(appliedBy(deployment, 'kubectl-set')).toBeUndefined();
  });
});

describe('what was applied, applied again', () => {
  const name = fc.constantFrom('ALPHA', 'BETA', 'GAMMA', 'DELTA');
  const env = fc.uniqueArray(fc.record({ name, value: fc.constantFrom('1', '2') }), { selector: ({ name }) => name });
  const labels = fc.dictionary(fc.constantFrom('x', 'y', 'z'), fc.constantFrom('1', '2'));
  const ports = fc.uniqueArray(
    fc.record({ containerPort: fc.constantFrom(80, 81, 82), protocol: fc.constantFrom('TCP', 'UDP') }),
    { selector: ({ containerPort, protocol }) => `${containerPort}${protocol}` },
  );
  const wanted = fc.record({ env, labels, ports });
  const object = ({ env, labels, ports }: { env: object[]; labels: object; ports: object[] }): KubeObject => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { ...labels, app: 'web' } },
        spec: { containers: [{ name: 'web', image: 'site:v1', env, ports }] },
      },
    },
  });

  const ref = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', namespace: 'shop' };
  const cluster = memoryCluster();
  afterEach(async () => {
    await cluster.remove(ref, { uid: cluster.store.get(ref)?.metadata.uid ?? '' });
  });

  /** What would be stored if what we applied to the live object were applied once more, without force. */
  const appliedAgain = async (): Promise<readonly [string, string]> => {
    const live = cluster.store.get(ref)!;
    const again = await cluster.dryRunApply(appliedBy(live, 'cutover')!);
    cluster.store.remove(ref);
    return [canonical(again.object), canonical(live)];
  };

  it('changes nothing and causes no conflict, where Cutover applied second', async () => {
    const check = fc.asyncProperty(wanted, wanted, async (ours, theirs) => {
      cluster.given(object(theirs));
      await cluster.apply(object(ours), { force: true });
      const [again, live] = await appliedAgain();
      expect(again).toBe(live);
    });
    await fc.assert(check, { numRuns: 40, endOnFailure: true });
  });

  it('changes nothing and causes no conflict, where others applied after Cutover', async () => {
    const check = fc.asyncProperty(wanted, wanted, async (ours, theirs) => {
      await cluster.apply(object(ours));
      cluster.store.update(
        { ...object(theirs), metadata: cluster.store.get(ref)!.metadata },
        { manager: 'kubectl-edit' },
      );
      const [again, live] = await appliedAgain();
      expect(again).toBe(live);
    });
    await fc.assert(check, { numRuns: 40, endOnFailure: true });
  });
});
