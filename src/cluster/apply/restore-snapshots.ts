import { asCutoverError, type CutoverError } from '../../errors.js';
import { describeRef, type ObjectRef } from '../../kubernetes/object.js';
import type { Log } from '../../log.js';
import type { Snapshot } from '../../plan/change.js';
import { orderWaves } from '../../plan/waves.js';
import type { Clock } from '../clock.js';
import type { ObjectWriter } from '../cluster.js';
import { cancelled } from '../http/transport.js';
import { keepsAutoscaledReplicas } from './autoscaled-replicas.js';
import { removeCreated, type CreatedObjects } from './created-objects.js';
import { restoreObject, type SnapshotReader } from './restore-object.js';

/** An object that a restore leaves as it is. */
export interface LeftObject {
  readonly ref: ObjectRef;
  /** Who wrote it, or who owns it, as the rest of a sentence: `kubectl-rollout wrote it too`. */
  readonly why: string;
}

/** Result of {@link restoreSnapshots}. */
export interface RestoredSnapshots {
  readonly failed: readonly { readonly ref: ObjectRef; readonly error: CutoverError }[];
  /** Secrets that the step has changed and that keep the change: their data is never recorded. */
  readonly withheld: readonly ObjectRef[];
  /** Recreated Jobs that stay: restoring the previous Job would repeat its work. */
  readonly kept: readonly ObjectRef[];
  /** Objects that did not exist before and stay: somebody else created or changed them, or may have. */
  readonly left: readonly LeftObject[];
}

/** What {@link restoreSnapshots} needs. */
export interface RestoreSnapshotsOptions extends CreatedObjects {
  readonly cluster: SnapshotReader;
  readonly writer: ObjectWriter;
  readonly snapshots: readonly Snapshot[];
  readonly log: Log;
  readonly clock: Clock;
  /** When it aborts, nothing more is written; what is left counts as failed. */
  readonly signal: AbortSignal;
}

/** How long a restore goes on without an answer of the API server. Each request takes a minute of it. */
const longestOutageMs = 5 * 60_000;

/**
 * Restores objects from snapshots. An object that Cutover had applied before is applied again, which keeps the field
 * ownership; an object of others, or one with fields taken over from others, is replaced with the snapshot, and its owners are
 * restored; an object that did not exist is deleted if this operation created it. Replicas that an autoscaler or a person has
 * set stay. A failure does not stop the restoration of the others, unless the API server does not answer any more. Run again
 * after it was killed, it does what is left.
 */
export async function restoreSnapshots(options: RestoreSnapshotsOptions): Promise<RestoredSnapshots> {
  const { snapshots, log, signal, clock } = options;
  const failed: { ref: ObjectRef; error: CutoverError }[] = [];
  const left: LeftObject[] = [];
  const withheld = snapshots.filter(snapshot => snapshot.withheld).map(({ ref }) => ref);
  for (const ref of withheld)
    log.warning(`${describeRef(ref)} is not restored: its previous data is not in the record`);
  const kept = snapshots.filter(isKept).map(({ ref }) => ref);
  for (const ref of kept) log.warning(`${describeRef(ref)} is not restored: the previous Job would repeat its work`);
  const restorable = snapshots.filter(candidate => !candidate.withheld && !isKept(candidate));
  const keepsReplicas = keepsAutoscaledReplicas(options);
  let outage: { readonly since: number; readonly error: CutoverError } | undefined;
  for (const { ref, object, recreated = false, unseen = false } of inRestoreOrder(restorable)) {
    const began = clock.now();
    try {
      if (signal.aborted) throw cancelled();
      if (outage !== undefined && began - outage.since >= longestOutageMs) throw outage.error;
      if (object !== undefined) {
        const done = await restoreObject({ object, recreated }, { ...options, keepsReplicas });
        outage = undefined;
        if (done !== undefined) log.info(`${describeRef(ref)} ${done}`);
        continue;
      }
      const removal = await removeCreated(ref, { ...options, unseen });
      outage = undefined;
      if (removal.kind === 'deleted') log.info(`${describeRef(ref)} deleted`);
      if (removal.kind !== 'left') continue;
      left.push({ ref, why: removal.why });
      log.warning(
        `${describeRef(ref)} is not deleted: nothing proves that this operation created it, since ${removal.why}`,
      );
    } catch (thrown) {
      const error = asCutoverError(thrown);
      if (error.code === 'unreachable') outage ??= { since: began, error };
      failed.push({ ref, error });
      log.error(`${describeRef(ref)} could not be restored: ${error.message}`);
    }
  }
  return { failed, withheld, kept, left };
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
  const removals = orderWaves(
    absent.map(snapshot => ({ snapshot, object: { ...snapshot.ref, metadata: { name: snapshot.ref.name } } })),
  );
  return [
    ...orderWaves(existing).flatMap(({ items }) => items),
    ...removals.flatMap(({ items }) => items.map(({ snapshot }) => snapshot)).reverse(),
  ];
}
