import { asCutoverError, type CutoverError } from '../../errors.js';
import type { Log } from '../../log.js';
import { describeRef, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import { differs, type Snapshot } from '../../plan/change.js';
import { orderWaves } from '../../plan/waves.js';
import { removeAndWait } from './apply-change.js';
import { systemClock, type Clock } from '../clock.js';
import type { Cluster } from '../cluster.js';
import { appliedBy } from './owned-fields.js';
import { fieldManager } from './field-manager.js';

/** What putting back came to. */
export interface RestoredSnapshots {
  /** Objects that were changed by it. */
  readonly restored: readonly ObjectRef[];
  readonly failed: readonly { readonly ref: ObjectRef; readonly error: CutoverError }[];
  /** Secrets that had been changed and stay so: their data is never recorded. */
  readonly withheld: readonly ObjectRef[];
  /** Jobs that were made anew and stay so: run again, the one before would repeat its work. */
  readonly kept: readonly ObjectRef[];
}

/** Writes of controllers (status) move the version all the time; a write of ours is tried again on the newest one. */
const attempts = 10;
/** For what was made anew to be gone, so that what was before can be made again. */
const goneWithinMs = 60_000;

/**
 * Puts objects back to what they were. What Cutover had applied before is applied again, so that ownership stays as it was;
 * what others had made, or what was taken over from them, is replaced by the very snapshot; what did not exist is deleted
 * if it carries this release's annotation. One that fails does not keep the others from being put back.
 */
export async function restoreSnapshots(options: {
  readonly cluster: Cluster;
  readonly snapshots: readonly Snapshot[];
  readonly release: string;
  readonly log: Log;
  /** Default: the machine's. */
  readonly clock?: Clock;
}): Promise<RestoredSnapshots> {
  const { cluster, snapshots, release, log, clock = systemClock } = options;
  const restored: ObjectRef[] = [];
  const failed: { ref: ObjectRef; error: CutoverError }[] = [];
  const withheld = snapshots.filter(snapshot => snapshot.withheld).map(({ ref }) => ref);
  for (const ref of withheld) log.warning(`${describeRef(ref)} stays as it is: its data before this is not on record`);
  const kept = snapshots.filter(isKept).map(({ ref }) => ref);
  for (const ref of kept)
    log.warning(`${describeRef(ref)} stays as this step made it: run again, the one before would repeat its work`);
  const rest = snapshots.filter(candidate => !candidate.withheld && !isKept(candidate));
  for (const snapshot of inOrder(rest)) {
    try {
      const what = await putBackOne({ cluster, snapshot, release, clock });
      if (what === undefined) continue;
      restored.push(snapshot.ref);
      log.info(`${describeRef(snapshot.ref)} ${what}`);
    } catch (thrown) {
      const error = asCutoverError(thrown);
      failed.push({ ref: snapshot.ref, error });
      log.error(`${describeRef(snapshot.ref)} could not be put back: ${error.message}`);
    }
  }
  return { restored, failed, withheld, kept };
}

function isKept({ ref, recreated }: Snapshot): boolean {
  return recreated === true && ref.kind === 'Job';
}

/**
 * What was there goes back in the order in which it is applied: pods of the old version that start again would otherwise
 * read the new configuration. What was not there goes last, and the other way round: nothing still uses it then.
 */
function inOrder(snapshots: readonly Snapshot[]): readonly Snapshot[] {
  const known = snapshots.flatMap(({ object, ...rest }) => (object === undefined ? [] : [{ ...rest, object }]));
  const fresh = snapshots.filter(({ object }) => object === undefined);
  const removals = orderWaves(fresh.map(({ ref }) => ({ ref, object: { ...ref, metadata: { name: ref.name } } })));
  return [
    ...orderWaves(known).flatMap(({ items }) => items),
    ...removals.flatMap(({ items }) => items.map(({ ref }) => ({ ref }))).reverse(),
  ];
}

async function putBackOne(options: {
  readonly cluster: Cluster;
  readonly snapshot: Snapshot;
  readonly release: string;
  readonly clock: Clock;
}): Promise<string | undefined> {
  const { cluster, snapshot, release, clock } = options;
  const { ref, object, recreated } = snapshot;
  const applied = object && appliedBy(object, fieldManager);
  for (let attempt = 1; ; attempt += 1) {
    const live = await cluster.get(ref);
    if (object === undefined) {
      if (live?.metadata.uid === undefined) return undefined;
      if (live.metadata.annotations?.['cutover/release'] !== release) return undefined;
      await cluster.remove(ref, { uid: live.metadata.uid });
      return 'removed again';
    }
    if (recreated && live !== undefined && live.metadata.uid !== object.metadata.uid) {
      const { signal } = new AbortController();
      await removeAndWait(live, { cluster, clock, signal, timeoutMs: goneWithinMs });
      continue;
    }
    if (live !== undefined && !differs(live, withIdentity(object, live.metadata))) return undefined;
    if (applied !== undefined && (live === undefined || !tookOver(object, live))) {
      await cluster.apply(applied, { force: true });
      return live === undefined ? 'made again' : 'put back';
    }
    if (live === undefined) {
      await cluster.create(withIdentity(object, {}));
      return 'made again';
    }
    try {
      const now = await cluster.replace(withIdentity(object, live.metadata));
      // The first replace makes its own entry the owner of what it changed; the second one gives all owners back theirs.
      await cluster.replace(withIdentity(object, now.metadata));
      return 'put back';
    } catch (thrown) {
      if (asCutoverError(thrown).code !== 'moved' || attempt >= attempts) throw thrown;
    }
  }
}

/**
 * Whether the step took fields over from others (`force-conflicts`). Giving such a field up does not bring back what its
 * owner had set: it resets the field, or leaves the object without one that it must have.
 */
function tookOver(before: KubeObject, live: KubeObject): boolean {
  return !covers(appliedBy(before, fieldManager), appliedBy(before, fieldManager, live));
}

/** Whether everything in `part` is in `whole` too; items of lists may stand at other places. */
function covers(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part)) return Array.isArray(whole) && part.every(item => whole.some(other => covers(other, item)));
  if (part === null || typeof part !== 'object') return whole === part;
  if (whole === null || typeof whole !== 'object') return false;
  return Object.entries(part).every(([key, value]) => covers((whole as Record<string, unknown>)[key], value));
}

/** The snapshot, addressed to the object that is live now (or to a new one). */
function withIdentity(
  object: KubeObject,
  live: { readonly uid?: string; readonly resourceVersion?: string; readonly creationTimestamp?: string },
): KubeObject {
  const {
    uid: _uid,
    resourceVersion: _version,
    creationTimestamp: _created,
    generation: _generation,
    ...kept
  } = object.metadata;
  return {
    ...object,
    metadata: {
      ...kept,
      ...(live.uid !== undefined && { uid: live.uid }),
      ...(live.resourceVersion !== undefined && { resourceVersion: live.resourceVersion }),
      ...(live.creationTimestamp !== undefined && { creationTimestamp: live.creationTimestamp }),
    },
  };
}
