import { afterEach, describe, expect, it } from '@jest/globals';
import { withField } from '../../src/kubernetes/fields.js';
import { describeRef, type ObjectRef } from '../../src/kubernetes/object.js';
import {
  closeReleases,
  plainManifests,
  served,
  stateOf,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const ref: ObjectRef = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name: 'reader' };
const role = `apiVersion: ${ref.apiVersion}\nkind: ClusterRole\nmetadata: {name: reader}\nrules: []\n---\n`;

/** The annotation as earlier versions wrote it. */
function annotateAsBefore({ cluster: { store } }: WebRelease, object: ObjectRef = ref): void {
  const { managedFields: _none, resourceVersion: _read, uid: _uid, ...metadata } = store.get(object)!.metadata;
  store.apply(
    withField({ ...store.get(object)!, metadata }, ['metadata', 'annotations', 'cutover/release'], 'web'),
    'cutover',
  );
}

it.each([
  ['the current revision has', role],
  ['left the manifests', ''],
])(
  'a rollback leaves an object without a namespace that %s, and whose annotation has the name alone',
  async (_what, now) => {
    const release = webRelease();
    await release.deploy(role + plainManifests('v1'));
    annotateAsBefore(release);
    await release.deploy(now + plainManifests('v2'));
    annotateAsBefore(release);
    release.cluster.calls.length = 0;
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back' });
    expect(served(release.cluster)).toEqual(['site:v1', 'site:v1']);
    expect(release.ctx().log.lines.join('\n')).toContain('ClusterRole reader is left as it is');
    expect(release.cluster.writes().filter(call => call.endsWith(' reader'))).toEqual([]);
  },
);

describe('an object that left the manifests, and whose annotation has the name alone,', () => {
  const more: ObjectRef = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'tools', name: 'more' };
  const inTools = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: tools}\n---\n';
  const lines = ({ ctx }: WebRelease): readonly string[] =>
    ctx().log.lines.filter(line => line.startsWith('No longer among the manifests'));

  it.each([
    ['of another namespace', more, inTools],
    ['without a namespace', ref, role],
  ])('is named %s, with what to look for before it is deleted', async (_where, object, text) => {
    const told = describeRef(object);
    const release = webRelease();
    const { store } = release.cluster;
    store.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'tools' } });
    await release.deploy(text + plainManifests('v1'));
    annotateAsBefore(release, object);
    // No revision needs it: the objects of revisions on record may be needed until they are gone.
    for (const version of ['v2', 'v3', 'v4', 'v5'])
      await release.deploy(plainManifests(version), { historyLimit: 1, verify: [] });
    expect(lines(release)).toEqual([
      `No longer among the manifests, but still live: ${told}. Look who needs ${told} before you delete it: its annotation cutover/release is web, without a namespace, so a release web of another namespace may own it.`,
    ]);
    const left = stateOf(release.cluster)?.left ?? [];
    expect(left.map(({ kind, name }) => [kind, name])).toEqual([[object.kind, object.name]]);
  });

  it('is not named where another release owns it', async () => {
    const release = webRelease();
    const { store } = release.cluster;
    store.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'tools' } });
    await release.deploy(inTools + plainManifests('v1'));
    const live = store.get(more)!;
    store.update(withField(live, ['metadata', 'annotations', 'cutover/release'], 'pay/web'));
    for (const version of ['v2', 'v3', 'v4', 'v5'])
      await release.deploy(plainManifests(version), { historyLimit: 1, verify: [] });
    expect(lines(release)).toEqual([]);
  });
});
