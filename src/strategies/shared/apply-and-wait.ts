import { applyChange } from '../../cluster/apply/apply-change.js';
import { describeRef, refOf, type KubeObject } from '../../kubernetes/object.js';
import type { PlannedChange } from '../../plan/change.js';
import { orderWaves } from '../../plan/waves.js';
import { isAwaited } from '../../rollout/readiness/table.js';
import { observe, type ReadyWorkload } from '../../rollout/observer.js';
import type { Paused } from '../../rollout/readiness/rule.js';
import { isUnsettled, removeStuckPods } from '../../rollout/stuck-pods.js';
import type { RunContext } from '../../run/context.js';
import { snapshotsOf } from './snapshots.js';

/** How long to wait, and what ready has to mean. */
export interface WaitOptions {
  readonly timeoutMs: number;
  /** How long ready must last, with no restart. */
  readonly stableForMs: number;
}

/** What is applied, and how. */
export interface ApplyRequest {
  readonly planned: readonly PlannedChange[];
  readonly waitOptions: WaitOptions;
  /** Whether to take fields over from other field managers. */
  readonly force: boolean;
  /** What to do about a paused workload. Default: refused. */
  readonly paused?: Paused;
}

/**
 * Applies what changes, wave by wave, and waits until every workload and custom resource of the set is ready in exactly the
 * version that was written. Objects that would not change are not written, but their readiness is awaited as well.
 */
export async function applyAndWait(ctx: RunContext, request: ApplyRequest): Promise<readonly ReadyWorkload[]> {
  const { planned, waitOptions, force, paused = 'refused' } = request;
  const { timeoutMs, stableForMs } = waitOptions;
  const { cluster, log, signal, clock } = ctx;
  const awaited = planned.filter(({ resource }) => isAwaited(resource.object));
  const targetRefs = awaited.map(({ resource }) => refOf(resource.object));
  const observer = observe({ cluster, log, clock, signal, targets: targetRefs });
  try {
    // Opened before the first write: otherwise the failure of a pod right after the write would be missed.
    await observer.synced;
    const unchanged = planned.flatMap(({ change, after }) => (change === 'unchanged' && after ? [after] : []));
    await observer.waitForPrerequisites(unchanged, timeoutMs);
    const written = new Map<PlannedChange, KubeObject>();
    const changing = planned
      .filter(({ change }) => change !== 'unchanged')
      .map(change => ({ change, object: change.resource.object }));
    for (const wave of orderWaves(changing)) {
      signal.throwIfAborted();
      const answers = await allEnded(
        wave.items.map(async ({ change, object }) => {
          const answer = await applyChange(change, { cluster, clock, signal, force, timeoutMs });
          for (const warning of answer.warnings)
            log.warning(`${describeRef(refOf(object))}: ${warning}`, change.resource.at);
          log.info(`${describeRef(refOf(object))} ${change.change}`);
          if (isAwaited(object)) written.set(change, answer.object);
          return answer.object;
        }),
      );
      await observer.waitForPrerequisites(answers, timeoutMs);
    }
    // An earlier deploy may have left broken pods that the new version would wait for.
    const unsettled = snapshotsOf(planned).filter(({ object }) => object !== undefined && isUnsettled(object));
    await removeStuckPods({ cluster, writer: cluster, snapshots: unsettled, log, clock, signal });
    const targets = awaited.map(change => written.get(change) ?? change.after ?? change.resource.object);
    return await observer.waitForRollout({ targets, timeoutMs, stableForMs, paused });
  } finally {
    observer.close();
  }
}

/** All results, or the first failure, but only once no request is pending: a late write would overwrite what was restored. */
async function allEnded<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
