import { asCutoverError, CutoverError, type ErrorCode } from '../../errors.js';
import { describeRef, refOf, type KubeObject } from '../../kubernetes/object.js';
import type { Log } from '../../log.js';
import type { PlannedChange } from '../../plan/change.js';
import type { Clock } from '../clock.js';
import type { Applied, Cluster, ObjectWriter } from '../cluster.js';
import { fieldManager } from './field-manager.js';
import { planOwnershipMigration } from './ownership-migration.js';
import { waitForObject } from '../watch/wait-for-object.js';
import { cancelled } from '../http/transport.js';

/** What {@link applyChange} needs beside the planned change. */
export interface ApplyChangeOptions {
  readonly cluster: Cluster;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: Pick<Log, 'info'>;
  /** Whether fields of other managers are taken over. */
  readonly force: boolean;
  /** Limit of the wait for the deletion of an object that is recreated. */
  readonly timeoutMs: number;
}

/** What {@link waitUntilGone} needs. */
export interface WaitUntilGoneOptions extends Pick<ApplyChangeOptions, 'clock' | 'signal' | 'timeoutMs' | 'log'> {
  readonly cluster: Pick<Cluster, 'get' | 'watch'>;
}

/** What {@link removeAndWait} needs. */
export interface RemoveAndWaitOptions extends WaitUntilGoneOptions {
  readonly writer: Pick<ObjectWriter, 'remove'>;
}

/** With several API servers, a new kind or schema is served by some of them seconds later than by others. */
const kindRetry = { everyMs: 500, forMs: 30_000 };
/** Controllers write the status frequently, and each write changes the resourceVersion. */
const maxMigrationAttempts = 5;

/** Applies one planned change, after migrating its field ownership or deleting an object that is recreated. */
export async function applyChange(planned: PlannedChange, options: ApplyChangeOptions): Promise<Applied> {
  const { writer, force } = options;
  const { object } = planned.resource;
  if (planned.change === 'recreated' && planned.live !== undefined) await removeAndWait(planned.live, options);
  const { from, claims, live } = planned;
  if ((from !== undefined || claims) && live !== undefined)
    await migrateFieldOwnership(live, object, { ...options, claims });
  const apply = (): Promise<Applied> => writer.apply(object, { force: planned.force ?? force });
  if (planned.after !== undefined) return apply();
  return retryUntilServed(apply, planned.newSchema ? ['unknown-kind', 'invalid'] : ['unknown-kind'], options);
}

/** What reads and writes an object, and which fields it takes. */
interface Access extends Pick<ApplyChangeOptions, 'cluster' | 'writer'> {
  /** As in `MigrationRequest`. */
  readonly claims?: boolean | undefined;
}

/**
 * Moves the ownership of the fields that Cutover applies from the tools that own them. Returns the object as it is then;
 * `undefined`: it is gone. Somebody else may write it at the same time; so may an attempt of our own that had no answer.
 */
export async function migrateFieldOwnership(
  planned: KubeObject,
  desired: KubeObject,
  { cluster, writer, claims }: Access,
): Promise<KubeObject | undefined> {
  let live: KubeObject | undefined = planned;
  for (let attempt = 1; live !== undefined; attempt += 1) {
    const migration = planOwnershipMigration({ live, desired, manager: fieldManager, claims });
    if (migration === undefined) return live;
    try {
      return await writer.setManagedFields(live, migration.managedFields);
    } catch (thrown) {
      if (asCutoverError(thrown).code !== 'moved' || attempt >= maxMigrationAttempts) throw thrown;
    }
    live = await cluster.get(refOf(live));
  }
  return undefined;
}

/** Retries while the kind is not served as defined, with these errors: this run has applied its definition, and it is established. */
async function retryUntilServed<T>(
  request: () => Promise<T>,
  codes: readonly ErrorCode[],
  { clock, signal }: ApplyChangeOptions,
): Promise<T> {
  const deadline = clock.now() + kindRetry.forMs;
  for (;;) {
    try {
      return await request();
    } catch (thrown) {
      if (!codes.includes(asCutoverError(thrown).code) || clock.now() + kindRetry.everyMs > deadline) throw thrown;
    }
    await clock.wait(kindRetry.everyMs, signal);
    if (signal.aborted) throw cancelled();
  }
}

/** Deletes the object with this uid, and waits until its name is free. Throws `timeout` or `cancelled`. */
export async function removeAndWait(live: KubeObject, options: RemoveAndWaitOptions): Promise<void> {
  await options.writer.remove(refOf(live), { uid: live.metadata.uid ?? '' });
  await waitUntilGone(live, options);
}

/** Waits until the object with this uid, which is being deleted, is gone. Throws `timeout` or `cancelled`. */
export async function waitUntilGone(
  live: KubeObject,
  { cluster, clock, signal, timeoutMs, log }: WaitUntilGoneOptions,
): Promise<void> {
  const ref = refOf(live);
  const { uid } = live.metadata;
  let last = live;
  const isGone = (now: KubeObject | undefined): true | undefined => {
    if (now?.metadata.uid !== uid || now === undefined) return true;
    last = now;
    return undefined;
  };
  const describe = (left: number): string =>
    `${describeRef(ref)} is still being deleted, up to ${left} s more: ${whyDeletionTakes(last)}`;
  const options = { cluster, clock, signal, timeoutMs, log, describe };
  if (isGone(await cluster.get(ref)) ?? (await waitForObject(ref, options, isGone))) return;
  if (signal.aborted) throw cancelled();
  throw new CutoverError(`${describeRef(ref)} was deleted, but still exists after ${timeoutMs / 1000} s`, {
    code: 'timeout',
    object: describeRef(ref),
    hint: `What delays it: ${whyDeletionTakes(last)}.`,
  });
}

/** What keeps an object that is being deleted. */
function whyDeletionTakes({ kind, metadata }: KubeObject): string {
  const { finalizers = [], deletionGracePeriodSeconds: grace } = metadata;
  if (finalizers.length > 0) return `its finalizers are ${finalizers.join(', ')}`;
  return kind === 'Pod' && typeof grace === 'number' ? `its grace is ${grace} s` : 'it has no finalizers any more';
}
