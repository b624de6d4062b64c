import { asCutoverError, type CutoverError } from '../../errors.js';
import type { Log } from '../../log.js';
import { describeRef, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import { differs, type Snapshot } from '../../plan/change.js';
import { orderWaves } from '../../plan/waves.js';
import { removeAndWait } from './apply-change.js';
import { systemClock, type Clock } from '../clock.js';
import type { Cluster, ObjectWriter } from '../cluster.js';
import { appliedBy } from './owned-fields.js';
import { fieldManager } from './field-manager.js';

/** Result of {@link restoreSnapshots}. */
export interface RestoredSnapshots {
  readonly failed: readonly { readonly ref: ObjectRef; readonly error: CutoverError }[];
  /** Secrets that the step has changed and that keep the change: their data is never recorded. */
  readonly withheld: readonly ObjectRef[];
  /** Recreated Jobs that stay: restoring the previous Job would repeat its work. */
  readonly kept: readonly ObjectRef[];
}

/** Controllers write the status frequently; a write that conflicts is retried with the latest resourceVersion. */
const maxAttempts = 10;
/** Limit of the wait for the deletion of a recreated object, before the previous one is created again. */
const deletionTimeoutMs = 60_000;

/**
 * Restores objects from snapshots. An object that Cutover had applied before is applied again, which keeps the field
 * ownership; an object of others, or one with fields taken over from others, is replaced with the snapshot; an object that
 * did not exist is deleted if it has the annotation of this release. A failure does not stop the restoration of the others.
 */
export async function restoreSnapshots(options: {
  readonly cluster: Cluster;
  readonly writer: ObjectWriter;
  readonly snapshots: readonly Snapshot[];
  readonly release: string;
  readonly log: Log;
  /** Default: the machine's. */
  readonly clock?: Clock;
}): Promise<RestoredSnapshots> {
  const { cluster, writer, snapshots, release, log, clock = systemClock } = options;
  const failed: { ref: ObjectRef; error: CutoverError }[] = [];
  const withheld = snapshots.filter(snapshot => snapshot.withheld).map(({ ref }) => ref);
  for (const ref of withheld)
    log.warning(`${describeRef(ref)} is not restored: its previous data is not in the record`);
  const kept = snapshots.filter(isKept).map(({ ref }) => ref);
  for (const ref of kept) log.warning(`${describeRef(ref)} is not restored: the previous Job would repeat its work`);
  const restorable = snapshots.filter(candidate => !candidate.withheld && !isKept(candidate));
  for (const snapshot of inRestoreOrder(restorable)) {
    try {
      const action = await restoreOne({ cluster, writer, snapshot, release, clock });
      if (action === undefined) continue;
      log.info(`${describeRef(snapshot.ref)} ${action}`);
    } catch (thrown) {
      const error = asCutoverError(thrown);
      failed.push({ ref: snapshot.ref, error });
      log.error(`${describeRef(snapshot.ref)} could not be restored: ${error.message}`);
    }
  }
  return { failed, withheld, kept };
}

function isKept({ ref, recreated }: Snapshot): boolean {
  return recreated === true && ref.kind === 'Job';
}

/**
 * Existing objects are restored in apply order: otherwise, restarted pods of the old version would read the new
 * configuration. Objects that did not exist are deleted last, in reverse order, when nothing uses them any more.
 */
function inRestoreOrder(snapshots: readonly Snapshot[]): readonly Snapshot[] {
  const existing = snapshots.flatMap(({ object, ...rest }) => (object === undefined ? [] : [{ ...rest, object }]));
  const absent = snapshots.filter(({ object }) => object === undefined);
  const removals = orderWaves(absent.map(({ ref }) => ({ ref, object: { ...ref, metadata: { name: ref.name } } })));
  return [
    ...orderWaves(existing).flatMap(({ items }) => items),
    ...removals.flatMap(({ items }) => items.map(({ ref }) => ({ ref }))).reverse(),
  ];
}

async function restoreOne(options: {
  readonly cluster: Cluster;
  readonly writer: ObjectWriter;
  readonly snapshot: Snapshot;
  readonly release: string;
  readonly clock: Clock;
}): Promise<string | undefined> {
  const { cluster, writer, snapshot, release, clock } = options;
  const { ref, object, recreated } = snapshot;
  const applied = object && appliedBy(object, fieldManager);
  for (let attempt = 1; ; attempt += 1) {
    const live = await cluster.get(ref);
    if (object === undefined) {
      if (live?.metadata.uid === undefined) return undefined;
      if (live.metadata.annotations?.['cutover/release'] !== release) return undefined;
      await writer.remove(ref, { uid: live.metadata.uid });
      return 'deleted';
    }
    if (recreated && live !== undefined && live.metadata.uid !== object.metadata.uid) {
      const { signal } = new AbortController();
      await removeAndWait(live, { cluster, writer, clock, signal, timeoutMs: deletionTimeoutMs });
      continue;
    }
    if (live !== undefined && !differs(live, withIdentity(object, live.metadata))) return undefined;
    if (applied !== undefined && (live === undefined || !hasTakenOverFields(object, live))) {
      await writer.apply(applied, { force: true });
      return live === undefined ? 'recreated' : 'restored';
    }
    if (live === undefined) {
      await writer.create(withIdentity(object, {}));
      return 'recreated';
    }
    try {
      const now = await writer.replace(withIdentity(object, live.metadata));
      // The first replace makes this manager the owner of the changed fields; the second one restores the previous owners.
      await writer.replace(withIdentity(object, now.metadata));
      return 'restored';
    } catch (thrown) {
      if (asCutoverError(thrown).code !== 'moved' || attempt >= maxAttempts) throw thrown;
    }
  }
}

/**
 * Whether the step took fields over from other managers (`force-conflicts`). Applying without such a field does not restore
 * the value of its owner: it resets or removes the field.
 */
function hasTakenOverFields(before: KubeObject, live: KubeObject): boolean {
  return !covers(appliedBy(before, fieldManager), appliedBy(before, fieldManager, live));
}

/** Whether everything in `part` is in `whole` too; the order of list items does not matter. */
function covers(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part)) return Array.isArray(whole) && part.every(item => whole.some(other => covers(other, item)));
  if (part === null || typeof part !== 'object') return whole === part;
  if (whole === null || typeof whole !== 'object') return false;
  return Object.entries(part).every(([key, value]) => covers((whole as Record<string, unknown>)[key], value));
}

/** The snapshot with the identity of the live object, or without one for a new object. */
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
