import type { Clock } from '../../cluster/clock.js';
import type { Cluster } from '../../cluster/cluster.js';
import { waitForObject } from '../../cluster/watch/wait-for-object.js';
import { CutoverError } from '../../errors.js';
import type { Log } from '../../log.js';
import { describeRef, refOf } from '../../kubernetes/object.js';
import type { KubeObject, ObjectRef } from '../../kubernetes/object.js';
import { formatDuration } from '../duration.js';
import type { Readiness } from '../readiness/readiness.js';
import { applyRuleOf } from '../readiness/table.js';

const hint = 'Look at its conditions with kubectl describe.';

interface WaitForPrerequisitesOptions {
  readonly cluster: Cluster;
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly objects: readonly KubeObject[];
  readonly timeoutMs: number;
}

/**
 * Waits until the objects that others need are ready, such as a CustomResourceDefinition or a Namespace, and logs the notes
 * of their rules. Objects whose kind has no such rule are ignored. Throws `rollout` when one has failed, `timeout`.
 */
export async function waitForPrerequisites(options: WaitForPrerequisitesOptions): Promise<void> {
  await Promise.all(options.objects.map(object => waitForOne(object, options)));
}

async function waitForOne(
  object: KubeObject,
  { cluster, log, clock, signal, timeoutMs }: WaitForPrerequisitesOptions,
): Promise<void> {
  const rule = applyRuleOf(object);
  if (rule === undefined) return;
  const ref = refOf(object);
  const name = describeRef(ref);
  /** Whether the wait is over. */
  const isOver = (readiness: Readiness): boolean => {
    if (!readiness.done) return false;
    if (!readiness.ok) throw new CutoverError(`${name}: ${readiness.reason}`, { code: 'rollout', object: name, hint });
    logNote(log, ref, readiness);
    return true;
  };
  let readiness = rule.judge(object);
  if (isOver(readiness)) return;
  log.info(`Waiting up to ${formatDuration(timeoutMs)} for ${name}: ${readiness.reason}`);
  const describe = (left: number): string => `${name}: still waiting, up to ${left} s more: ${readiness.reason}`;
  const ready = await waitForObject(ref, { cluster, clock, signal, timeoutMs, log, describe }, live => {
    if (live?.metadata.uid !== object.metadata.uid || live === undefined) return undefined;
    readiness = rule.judge(live);
    return isOver(readiness) || undefined;
  });
  if (ready) return;
  signal.throwIfAborted();
  throw new CutoverError(`${name} was not ready after ${formatDuration(timeoutMs)}: ${readiness.reason}`, {
    code: 'timeout',
    object: name,
    hint,
  });
}

/** Logs the note about an object that counts as ready. */
export function logNote(log: Log, ref: ObjectRef, readiness: Readiness): void {
  if (readiness.ok && readiness.note !== undefined)
    log[readiness.note.level](`${describeRef(ref)}: ${readiness.note.text}`);
}
