import type { Clock } from '../cluster/clock.js';
import type { Cluster } from '../cluster/cluster.js';
import type { RunContext } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import { acquireLock } from '../release/lock.js';
import type { Records } from '../release/records.js';

/** The stages of a run, by the names that people know from their pipelines. */
export type StageName =
  | 'Check'
  | 'Render'
  | 'Plan'
  | 'Deploy'
  | 'Verify staged'
  | 'Confirm'
  | 'Switch'
  | 'Verify prod'
  | 'Clean up'
  | 'Put back';

/** What every recipe works with. */
export interface Step {
  readonly cluster: Cluster;
  readonly records: Records;
  readonly log: Log;
  readonly clock: Clock;
  readonly run: RunContext;
  /** The runner's environment, for `run` checks. */
  readonly environment: Readonly<Record<string, string>>;
  /** Aborts when the run is cancelled. Waits obey it; putting back what was does not. */
  readonly signal: AbortSignal;
  /** A stage of the run: a group in the log, a line in the summary. */
  stage<T>(name: StageName, work: () => Promise<T>): Promise<T>;
  /** Tells the post step what it must finish if this process is killed; called before the first write. */
  remember(facts: StepFacts): void;
}

/** What the post step needs to clean up after a process that was killed. Holds nothing secret. */
export interface StepFacts {
  readonly release: string;
  readonly namespace: string;
  readonly lockHolder: string;
}

/**
 * Runs `work` under the release's lock. The step that it gets also aborts when the lock is lost, so that two runs never
 * write at once. A lock that cannot be given back is only warned of: it expires by itself, and the work is done.
 */
export async function underLock<T>(step: Step, work: (locked: Step) => Promise<T>): Promise<T> {
  const { cluster, log, run, records } = step;
  const { release, namespace } = records;
  const lock = await acquireLock({ cluster, release, namespace, run, log });
  step.remember({ release, namespace, lockHolder: lock.holder });
  try {
    return await work({ ...step, signal: AbortSignal.any([step.signal, lock.lost]) });
  } finally {
    await lock.release().catch((error: unknown) => {
      log.warning(
        `The lock of ${release} could not be given back and expires by itself within a minute: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
  }
}
