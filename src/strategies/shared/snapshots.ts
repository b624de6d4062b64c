import { isSecret } from '../../kubernetes/kinds.js';
import { refKey, refOf } from '../../kubernetes/object.js';
import type { PlannedChange, Snapshot } from '../../plan/change.js';

/** Kinds that hold what others own. A restore leaves them: deleting one deletes more than this step created. */
const containerKinds = new Set(['Namespace', 'CustomResourceDefinition', 'PersistentVolumeClaim', 'PersistentVolume']);

/** What must be on record before the first write, so that everything can be restored. */
export function snapshotsOf(planned: readonly PlannedChange[]): readonly Snapshot[] {
  return planned
    .filter(({ change }) => change !== 'unchanged')
    .filter(({ change, resource }) => change !== 'created' || !containerKinds.has(resource.object.kind))
    .map(({ resource, live, change, unseen }) => ({
      ref: refOf(resource.object),
      ...(live !== undefined && { object: live }),
      ...(unseen && { unseen }),
      ...(change === 'recreated' && { recreated: true }),
    }));
}

/** The snapshots as they may be recorded: a Secret's data never leaves this process. */
export function recordable(snapshots: readonly Snapshot[]): readonly Snapshot[] {
  return snapshots.map(snapshot =>
    snapshot.object !== undefined && isSecret(snapshot.ref) ? { ref: snapshot.ref, withheld: true } : snapshot,
  );
}

/**
 * For each object, the snapshot of the earlier of two steps, else that of the later one. An object that either of them recreates
 * is another one afterwards.
 */
export function earliest(earlier: readonly Snapshot[], later: readonly Snapshot[]): readonly Snapshot[] {
  const keys = new Set(earlier.map(({ ref }) => refKey(ref)));
  const recreated = new Set(later.filter(one => one.recreated).map(({ ref }) => refKey(ref)));
  return [
    ...earlier.map((one): Snapshot => {
      const existed = one.object !== undefined || one.withheld === true;
      return existed && recreated.has(refKey(one.ref)) ? { ...one, recreated: true } : one;
    }),
    ...later.filter(({ ref }) => !keys.has(refKey(ref))),
  ];
}
