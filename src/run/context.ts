import type { Clock } from '../cluster/clock.js';
import type { Cluster } from '../cluster/cluster.js';
import type { CiRun } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import { asCutoverError, CutoverError } from '../errors.js';
import { canonical } from '../plan/change.js';
import type { Finding } from '../plan/lint/finding.js';
import { acquireLock } from '../release/lock.js';
import type { Records } from '../release/records.js';
import { newState, type ReleaseState } from '../release/state.js';

/** The stages of a run, by the names that people know from their pipelines. */
export type PhaseName =
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
export interface RunContext {
  readonly cluster: Cluster;
  readonly records: Records;
  readonly log: Log;
  readonly clock: Clock;
  readonly run: CiRun;
  /** The runner's environment, for `run` checks. */
  readonly environment: Readonly<Record<string, string>>;
  /** Aborts when the run is cancelled. Waits obey it; putting back what was does not. */
  readonly signal: AbortSignal;
  /** Aborts when another run has taken the lock over: then nothing is written any more, not even to put back. */
  readonly lost?: AbortSignal;
  /** A stage of the run: a group in the log, a line in the summary. */
  phase<T>(name: PhaseName, work: () => Promise<T>): Promise<T>;
  /** What in the manifests would drop requests, for the report. */
  recordFindings(findings: readonly Finding[]): void;
  /** Tells the post step what it must finish if this process is killed; called before the first write. */
  savePostState(facts: PostState): void;
  /** What was remembered is done: the post step has nothing to finish. */
  clearPostState(facts: PostState): void;
}

/** What the post step needs to clean up after a process that was killed. Holds nothing secret. */
export interface PostState {
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
export async function underLock<T>(
  ctx: RunContext,
  seen: ReleaseState,
  work: (locked: RunContext) => Promise<T>,
): Promise<T> {
  const { cluster, log, run, records } = ctx;
  const { release, namespace } = records;
  const lock = await acquireLock({ cluster, release, namespace, run, log });
  const facts: PostState = { release, namespace, lockHolder: lock.holder };
  ctx.savePostState(facts);
  try {
    refuseOtherState(seen, (await records.readState()) ?? newState(release, seen.strategy));
    return await work({ ...ctx, lost: lock.lost, signal: AbortSignal.any([ctx.signal, lock.lost]) });
  } finally {
    try {
      await lock.release();
      ctx.clearPostState(facts);
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
