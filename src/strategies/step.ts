import type { Clock } from '../cluster/clock.js';
import type { Cluster } from '../cluster/cluster.js';
import type { RunContext } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import { asCutoverError, CutoverError } from '../errors.js';
import { canonical } from '../plan/change.js';
import type { Finding } from '../plan/findings/finding.js';
import { acquireLock } from '../release/lock.js';
import type { Records } from '../release/records.js';
import { newState, type ReleaseState } from '../release/state.js';

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
  /** Aborts when another run has taken the lock over: then nothing is written any more, not even to put back. */
  readonly lost?: AbortSignal;
  /** A stage of the run: a group in the log, a line in the summary. */
  stage<T>(name: StageName, work: () => Promise<T>): Promise<T>;
  /** What in the manifests would drop requests, for the report. */
  finds(findings: readonly Finding[]): void;
  /** Tells the post step what it must finish if this process is killed; called before the first write. */
  remember(facts: StepFacts): void;
  /** What was remembered is done: the post step has nothing to finish. */
  forget(facts: StepFacts): void;
}

/** What the post step needs to clean up after a process that was killed. Holds nothing secret. */
export interface StepFacts {
  readonly release: string;
  readonly namespace: string;
  readonly lockHolder: string;
}

/**
 * Runs `work` under the release's lock, on the state that the plan was made from: when another run wrote it meanwhile, this
 * one stops (`changed`) before its first write. The step that `work` gets also aborts when the lock is lost, so that two
 * runs never write at once. A lock that cannot be given back is only warned of: the work is done, the post step tries again, and
 * the lock expires by itself within a minute.
 */
export async function underLock<T>(step: Step, seen: ReleaseState, work: (locked: Step) => Promise<T>): Promise<T> {
  const { cluster, log, run, records } = step;
  const { release, namespace } = records;
  const lock = await acquireLock({ cluster, release, namespace, run, log });
  const facts: StepFacts = { release, namespace, lockHolder: lock.holder };
  step.remember(facts);
  try {
    refuseOtherState(seen, (await records.readState()) ?? newState(release, seen.strategy));
    return await work({ ...step, lost: lock.lost, signal: AbortSignal.any([step.signal, lock.lost]) });
  } finally {
    try {
      await lock.release();
      step.forget(facts);
    } catch (error) {
      log.warning(`The lock of ${release} could not be given back yet: ${asCutoverError(error).message}`);
    }
  }
}

function refuseOtherState(seen: ReleaseState, now: ReleaseState): void {
  if (canonical(seen) === canonical(now)) return;
  throw new CutoverError(`Another run changed release ${seen.release} while this one was planning`, {
    code: 'changed',
    hint: 'Run this step again: it plans anew from what is there now. `concurrency` in the workflow makes runs wait for each other.',
  });
}
