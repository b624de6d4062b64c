import { applyChange } from '../../cluster/apply/apply-change.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../kubernetes/object.js';
import type { PlannedChange, Snapshot } from '../../plan/change.js';
import { orderWaves } from '../../plan/waves.js';
import { isAwaited } from '../../rollout/readiness/table.js';
import { observe, type ReadyWorkload } from '../../rollout/observer.js';
import { isUnsettled, removeStuckPods } from '../../rollout/stuck-pods.js';
import type { Paused } from '../../rollout/readiness/rule.js';
import { isSecret } from '../../release/revision.js';
import type { RunContext } from '../../run/context.js';

/** How long to wait, and what ready has to mean. */
export interface WaitOptions {
  readonly timeoutMs: number;
  /** How long ready must last, with no restart. */
  readonly stableForMs: number;
}

/** Kinds that hold what others own; putting back leaves them, since deleting one deletes more than this step made. */
const holders = new Set(['Namespace', 'CustomResourceDefinition', 'PersistentVolumeClaim', 'PersistentVolume']);

/**
 * Applies what changes, wave by wave, and waits until every workload and custom resource of the set is ready in exactly the
 * version that was written. Objects that would not change are not written, but they are waited for all the same.
 */
export async function bringUp(options: {
  readonly ctx: RunContext;
  readonly planned: readonly PlannedChange[];
  readonly waitOptions: WaitOptions;
  readonly force: boolean;
  /** Default: refused. */
  readonly paused?: Paused;
}): Promise<readonly ReadyWorkload[]> {
  const { ctx, planned, waitOptions, force, paused = 'refused' } = options;
  const { cluster, log, signal, clock } = ctx;
  const awaited = planned.filter(({ resource }) => isAwaited(resource.object));
  const observer = observe({
    cluster,
    log,
    clock,
    signal,
    targets: awaited.map(({ resource }) => refOf(resource.object)),
  });
  try {
    // Opened before the first write: a pod that fails at once must not fail unseen.
    await observer.synced;
    const unchanged = planned.flatMap(({ change, after }) => (change === 'unchanged' && after ? [after] : []));
    await observer.waitUntilReady(unchanged, waitOptions.timeoutMs);
    const written = new Map<PlannedChange, KubeObject>();
    const changing = planned
      .filter(({ change }) => change !== 'unchanged')
      .map(change => ({ change, object: change.resource.object }));
    for (const wave of orderWaves(changing)) {
      signal.throwIfAborted();
      const answers = await allEnded(
        wave.items.map(async ({ change, object }) => {
          const answer = await applyChange(change, { cluster, clock, signal, force, timeoutMs: waitOptions.timeoutMs });
          for (const warning of answer.warnings)
            log.warning(`${describeRef(refOf(object))}: ${warning}`, change.resource.at);
          log.info(`${describeRef(refOf(object))} ${change.change}`);
          if (isAwaited(object)) written.set(change, answer.object);
          return answer.object;
        }),
      );
      await observer.waitUntilReady(answers, waitOptions.timeoutMs);
    }
    // An earlier deploy may have left broken pods that the new version would wait for.
    const unsettled = snapshotsOf(planned).filter(({ object }) => object !== undefined && isUnsettled(object));
    await removeStuckPods({ cluster, snapshots: unsettled, log });
    const targets = awaited.map(change => written.get(change) ?? change.after ?? change.resource.object);
    return await observer.until({
      targets,
      timeoutMs: waitOptions.timeoutMs,
      stableForMs: waitOptions.stableForMs,
      paused,
    });
  } finally {
    observer.close();
  }
}

/** All results, or the first failure, but only once nothing is under way any more: a late write would undo a putting back. */
async function allEnded<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/** What must be remembered before the first write, so that everything can be put back. */
export function snapshotsOf(planned: readonly PlannedChange[]): readonly Snapshot[] {
  return planned
    .filter(({ change }) => change !== 'unchanged')
    .filter(({ change, resource }) => change !== 'created' || !holders.has(resource.object.kind))
    .map(({ resource, live, change }) => ({
      ref: refOf(resource.object),
      ...(live !== undefined && { object: live }),
      ...(change === 'recreated' && { recreated: true }),
    }));
}

/** The snapshots as they may be recorded: a Secret's data never leaves this process. */
export function recordable(snapshots: readonly Snapshot[]): readonly Snapshot[] {
  return snapshots.map(snapshot =>
    snapshot.object !== undefined && isSecret(snapshot.ref) ? { ref: snapshot.ref, withheld: true } : snapshot,
  );
}

/** The earliest known state of every object, of several steps in a row. */
export function merged(earlier: readonly Snapshot[], later: readonly Snapshot[]): readonly Snapshot[] {
  const known = new Set(earlier.map(({ ref }) => refKey(ref)));
  return [...earlier, ...later.filter(({ ref }) => !known.has(refKey(ref)))];
}
