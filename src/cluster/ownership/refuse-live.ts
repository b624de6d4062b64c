import { CutoverError } from '../../errors.js';
import { fieldAt } from '../../kubernetes/fields.js';
import { isDeletedOnceFinished } from '../../kubernetes/job.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { isOfOtherRelease, releaseOf } from '../../manifests/owner.js';
import type { PlannedChange } from '../../plan/change.js';

/** Throws `conflict` for an object of another release: the next deploy of that release would revert the change. */
export function rejectOtherRelease(desired: KubeObject, live: KubeObject): void {
  if (!isOfOtherRelease(desired, live)) return;
  const [liveRelease = '', ownRelease = ''] = [live, desired].map(releaseOf);
  throw new CutoverError(`it belongs to release ${liveRelease}, not to this release ${ownRelease}`, {
    code: 'conflict',
    hint: 'Set the input `release` to the name of that release, rename the object, or take it over with `force-conflicts: true`.',
  });
}

/**
 * The API server accepts changes of an object that is being deleted, and then it is gone. What is recreated is waited for. A Job that
 * its TTL deletes has run.
 */
export function rejectDeletion({ change, live, after = live }: PlannedChange): void {
  if (change === 'created' || change === 'recreated' || after === undefined) return;
  const { deletionTimestamp, finalizers = [] } = after.metadata;
  if (deletionTimestamp === undefined || isDeletedOnceFinished(after)) return;
  const why = finalizers.length === 0 ? '' : `, which waits for its finalizers ${finalizers.join(', ')}`;
  throw new CutoverError(`it is being deleted (deletionTimestamp ${deletionTimestamp})${why}`, {
    code: 'conflict',
    hint: 'Wait until it is gone, or complete what its finalizers wait for; then run this step again, which creates it.',
  });
}

/** Throws `conflict` for a Job with running pods: interrupting its work, such as a migration, may do harm. */
export function rejectRunningJob(live: KubeObject): void {
  if (live.kind !== 'Job' || !fieldAt(live, ['status', 'ready'])) return;
  throw new CutoverError('it must be recreated, but its pods are running', {
    code: 'conflict',
    hint: 'Wait until it has finished, or delete it if its work may be interrupted; then run this step again.',
  });
}
