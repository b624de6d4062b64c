import { refOf } from '../../kubernetes/object.js';
import type { RunContext } from '../../run/context.js';
import { observe, type ReadyWorkload, type RolloutWait } from '../observer.js';

/** What a wait needs of the run. */
export type WaitContext = Pick<RunContext, 'cluster' | 'log' | 'clock' | 'signal'>;

/**
 * Watches live workloads until they are ready in the version that was read. Throws `rollout`, `timeout`, `changed`, `cancelled`.
 */
export async function waitForLive(
  { cluster, log, clock, signal }: WaitContext,
  wait: Omit<RolloutWait, 'stableForMs' | 'settled'>,
): Promise<readonly ReadyWorkload[]> {
  const observer = observe({ cluster, log, clock, signal, targets: wait.targets.map(refOf) });
  try {
    await observer.synced;
    return await observer.waitForRollout({ ...wait, stableForMs: 0 });
  } finally {
    observer.close();
  }
}
