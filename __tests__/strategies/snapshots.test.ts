import { describe, expect, it } from '@jest/globals';
import { refOf, type KubeObject } from '../../src/kubernetes/object.js';
import type { Resource } from '../../src/manifests/resource.js';
import type { PlannedChange } from '../../src/plan/change.js';
import { earliest, recordable, snapshotsOf } from '../../src/strategies/shared/snapshots.js';

const object = (kind: string, name: string, data?: object): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'shop' },
  ...(data && { data }),
});
const at = { file: 'app.yml', line: 1, column: 1 };
const resource = (wanted: KubeObject): Resource => ({ object: wanted, at, positionOf: () => at });
const planned = (change: PlannedChange['change'], wanted: KubeObject, live?: KubeObject): PlannedChange => ({
  resource: resource(wanted),
  change,
  ...(live && { live }),
});
const snapshot = (of: KubeObject, then?: KubeObject) => ({ ref: refOf(of), ...(then && { object: then }) });

describe('the snapshots before the first write', () => {
  it('hold the live state of every object that changes, and the absence of every object that is created', () => {
    const live = object('ConfigMap', 'changed', { KEY: 'old' });
    const plan = [
      planned('unchanged', object('ConfigMap', 'same')),
      planned('changed', object('ConfigMap', 'changed', { KEY: 'new' }), live),
      planned('created', object('ConfigMap', 'new')),
    ];
    expect(snapshotsOf(plan)).toEqual([snapshot(live, live), snapshot(object('ConfigMap', 'new'))]);
  });

  it.each(['Namespace', 'CustomResourceDefinition', 'PersistentVolumeClaim', 'PersistentVolume'])(
    'do not hold the absence of a %s: deleting it would delete what others put into it',
    kind => {
      expect(snapshotsOf([planned('created', object(kind, 'x'))])).toEqual([]);
      const live = object(kind, 'x', { KEY: 'old' });
      expect(snapshotsOf([planned('changed', object(kind, 'x'), live)])).toEqual([snapshot(live, live)]);
    },
  );

  it('say of which objects it is not known whether they existed', () => {
    const thing = object('Thing', 'x');
    const unseen = { ...planned('created', thing), unseen: true } as const;
    expect(snapshotsOf([unseen])).toEqual([{ ref: refOf(thing), unseen: true }]);
  });

  it('are recorded without the data of Secrets', () => {
    const canary = Buffer.from('correct-horse-battery-staple').toString('base64');
    const old = object('Secret', 'db', { password: canary });
    const plan = [
      planned('changed', object('Secret', 'db', { password: 'bmV3' }), old),
      planned('created', object('Secret', 'fresh', { password: canary })),
      planned('changed', object('ConfigMap', 'c', { KEY: 'new' }), object('ConfigMap', 'c', { KEY: 'old' })),
    ];
    const recorded = recordable(snapshotsOf(plan));
    expect(recorded).toEqual([
      { ...snapshot(old), withheld: true },
      snapshot(object('Secret', 'fresh')),
      snapshot(object('ConfigMap', 'c'), object('ConfigMap', 'c', { KEY: 'old' })),
    ]);
    expect(JSON.stringify(recorded)).not.toContain(canary);
  });

  it('hold the earliest known state when one revision is staged over another', () => {
    const [first, second] = [object('ConfigMap', 'c', { KEY: '1' }), object('ConfigMap', 'c', { KEY: '2' })];
    const added = object('ConfigMap', 'added');
    expect(earliest([snapshot(first, first)], [snapshot(second, second), snapshot(added)])).toEqual([
      snapshot(first, first),
      snapshot(added),
    ]);
    expect(earliest([snapshot(first)], [snapshot(second, second)])).toEqual([snapshot(first)]);
  });

  it('of two steps say that an object is recreated if either of them recreates it', () => {
    const [first, second] = [object('ConfigMap', 'c', { KEY: '1' }), object('ConfigMap', 'c', { KEY: '2' })];
    const recreated = { ...snapshot(first, first), recreated: true } as const;
    expect(earliest([snapshot(first, first)], [{ ...snapshot(second, second), recreated: true }])).toEqual([recreated]);
    expect(earliest([recreated], [snapshot(second, second)])).toEqual([recreated]);
    // What did not exist before is deleted, however often it was recreated.
    expect(earliest([snapshot(first)], [{ ...snapshot(second, second), recreated: true }])).toEqual([snapshot(first)]);
  });
});
