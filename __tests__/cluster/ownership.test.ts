import { describe, expect, it } from '@jest/globals';
import { ownershipOf } from '../../src/cluster/ownership/ownership.js';
import { rejectOtherRelease } from '../../src/cluster/ownership/refuse-live.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { memoryCluster } from '../support/cluster/memory-cluster.js';

const object = (apiVersion: string, kind: string, more: object = { namespace: 'shop' }): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: 'thing', ...more },
});
const owned = (release: string, given: KubeObject): KubeObject => ({
  ...given,
  metadata: { ...given.metadata, annotations: { 'cutover/release': release } },
});
const configMap = object('v1', 'ConfigMap');
const rbac = 'rbac.authorization.k8s.io/v1';
const clusterRole = { ...object(rbac, 'ClusterRole', {}), rules: [] };

/** What release `web` in namespace `shop` may do with the object of its record. */
async function judge(recorded: KubeObject, ...live: readonly KubeObject[]) {
  const cluster = memoryCluster();
  cluster.store.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } });
  cluster.given(...live);
  return ownershipOf(recorded, { cluster, release: 'web', namespace: 'shop' });
}

describe('an object of the record that is live', () => {
  it.each([
    ['of a namespace', configMap],
    ['of another namespace', object('v1', 'ConfigMap', { namespace: 'other' })],
    ['of no namespace', clusterRole],
    ['that gives rights', { ...object(rbac, 'Role'), rules: [] }],
    ['that is a namespace', object('v1', 'Namespace', {})],
  ])('%s is owned if it has the annotation of the release', async (_what, recorded) => {
    const live = owned(recorded.metadata.namespace === 'shop' ? 'web' : 'shop/web', recorded);
    expect(await judge(recorded, live)).toMatchObject({ kind: 'owned', live: { metadata: live.metadata } });
    expect(await judge(live, owned('api', recorded))).toMatchObject({
      kind: 'foreign',
      why: 'it belongs to release api',
    });
    // What the record says of the owner proves nothing.
    expect(await judge(live, recorded)).toMatchObject({ kind: 'foreign', why: 'it has no annotation cutover/release' });
  });
});

describe('an object outside of the namespace of the release', () => {
  it.each([
    ['of another namespace', object('v1', 'ConfigMap', { namespace: 'other' })],
    ['of no namespace', clusterRole],
  ])('%s belongs to it by name and namespace, not by its name alone', async (_what, recorded) => {
    expect(await judge(recorded, owned('web', recorded))).toMatchObject({
      kind: 'foreign',
      why: 'its annotation cutover/release is web, not shop/web, so that a release web of another namespace may own it',
    });
    expect(await judge(recorded, owned('other/web', recorded))).toMatchObject({
      kind: 'foreign',
      why: 'it belongs to release other/web',
    });
  });
});

describe('the refusal of an object of another release', () => {
  const elsewhere = object('v1', 'ConfigMap', { namespace: 'other' });
  const refusal = (desired: KubeObject, live: KubeObject) => () => rejectOtherRelease(desired, live);

  it.each([
    ['that has the annotation', owned('web', configMap), owned('web', configMap)],
    ['that an earlier version applied in another namespace', owned('shop/web', elsewhere), owned('web', elsewhere)],
    ['that an earlier version applied without a namespace', owned('shop/web', clusterRole), owned('web', clusterRole)],
    ['of a custom kind that proves to have no namespaces', owned('web', configMap), owned('shop/web', clusterRole)],
    ['that no release applied', owned('web', configMap), configMap],
  ])('does not concern one %s', (_what, desired, live) => {
    expect(refusal(desired, live)).not.toThrow();
  });

  it.each([
    ['of another name', owned('web', configMap), owned('api', configMap)],
    ['of another name, elsewhere', owned('shop/web', elsewhere), owned('api', elsewhere)],
    ['of a part of its name', owned('shop/my-web', elsewhere), owned('web', elsewhere)],
    ['of another namespace', owned('shop/web', elsewhere), owned('prod/web', elsewhere)],
    ['of another namespace, in this one', owned('web', configMap), owned('prod/web', configMap)],
  ])('concerns one of a release %s', (_what, desired, live) => {
    expect(refusal(desired, live)).toThrow(/^it belongs to release \S+, not to this release \S+$/);
  });
});

describe('an object of the record that is gone', () => {
  it.each([
    ['a ConfigMap', configMap],
    ['an autoscaler', object('autoscaling/v2', 'HorizontalPodAutoscaler')],
    ['a Deployment', object('apps/v1', 'Deployment')],
  ])('may be created again: %s', async (_what, recorded) => {
    expect(await judge(recorded)).toEqual({ kind: 'absent' });
  });

  it.each([
    ['a ClusterRoleBinding', object(rbac, 'ClusterRoleBinding', {}), 'a ClusterRoleBinding is never'],
    ['a RoleBinding', object(rbac, 'RoleBinding'), 'a RoleBinding is never'],
    ['an object whose kind is gone too', object('example.org/v1', 'Thing'), 'does not serve its kind any more'],
    ['a Secret', { ...object('v1', 'Secret'), type: 'kubernetes.io/service-account-token' }, 'a Secret is never'],
    [
      'an object of another namespace',
      object('v1', 'ConfigMap', { namespace: 'other' }),
      'of another namespace than shop',
    ],
    ['a Namespace', object('v1', 'Namespace', {}), 'a cluster-scoped object'],
    ['a Namespace that claims to be in one', object('v1', 'Namespace'), 'a cluster-scoped object'],
    [
      'a webhook that claims to be in a namespace',
      object('admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration'),
      'a cluster-scoped object',
    ],
    [
      'a CustomResourceDefinition',
      object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {}),
      'a cluster-scoped object',
    ],
  ])('stays gone: %s', async (_what, recorded, why) => {
    const ownership = await judge(recorded);
    expect(ownership).toMatchObject({ kind: 'not-recreated', why: expect.stringContaining(why) as unknown });
  });

  it.each([
    ['may be created again if its kind has namespaces', 'shop', { kind: 'absent' }],
    ['stays gone if its kind has none', undefined, { kind: 'not-recreated' }],
  ])('of a custom kind %s, which the API server tells', async (_what, namespace, expected) => {
    const recorded = object('example.org/v1', 'Thing');
    const { namespace: _claimed, ...metadata } = recorded.metadata;
    const after = { ...recorded, metadata: { ...metadata, ...(namespace !== undefined && { namespace }) } };
    const cluster = {
      get: () => Promise.resolve(undefined),
      dryRunApply: () => Promise.resolve({ object: after, created: true, warnings: [] }),
    };
    expect(await ownershipOf(recorded, { cluster, release: 'web', namespace: 'shop' })).toMatchObject(expected);
  });

  it('stays gone if another API group gives rights by it', async () => {
    const recorded = object('authorization.openshift.io/v1', 'RoleBinding');
    const cluster = {
      get: () => Promise.resolve(undefined),
      dryRunApply: () => Promise.resolve({ object: recorded, created: true, warnings: [] }),
    };
    const ownership = await ownershipOf(recorded, { cluster, release: 'web', namespace: 'shop' });
    expect(ownership).toMatchObject({ kind: 'not-recreated' });
  });
});
