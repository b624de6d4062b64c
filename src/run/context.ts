import type { Clock } from '../cluster/clock.js';
import type { Cluster } from '../cluster/cluster.js';
import type { CiRun } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import type { PlannedChange } from '../plan/change.js';
import type { Finding } from '../plan/lint/finding.js';
import type { Records } from '../release/records.js';

/** The phases of a run. */
export type PhaseName =
  | 'Check'
  | 'Render'
  | 'Plan'
  | 'Deploy'
  | 'Verify staged'
  | 'Confirm'
  | 'Switch'
  | 'Verify public'
  | 'Clean up'
  | 'Restore';

/** What every strategy works with: the cluster, the release record, and how the run is logged and recorded. */
export interface RunContext {
  readonly cluster: Cluster;
  readonly records: Records;
  readonly log: Log;
  readonly clock: Clock;
  readonly run: CiRun;
  /** The runner's environment, for `run` checks. */
  readonly environment: Readonly<Record<string, string>>;
  /** Aborts when the run is cancelled. Waits end with it; a restore does not. */
  readonly signal: AbortSignal;
  /** Aborts when another run has taken over the lock: then nothing is written any more, not even to restore. Absent: no lock is held. */
  readonly lockLost?: AbortSignal;
  /** Runs one phase: a group in the log, a line in the summary. */
  phase<T>(name: PhaseName, work: () => Promise<T>): Promise<T>;
  /** Logs what would change. */
  logPlan(planned: readonly PlannedChange[]): void;
  /** Keeps the lint findings for the report. */
  recordFindings(findings: readonly Finding[]): void;
  /** Saves what the post step must finish if this process is killed; called before the first write. */
  savePostState(state: PostState): void;
  /** The work that was saved is done: the post step has nothing to finish. */
  clearPostState(state: PostState): void;
}

/** What the post step needs to clean up after a process that was killed. Holds nothing secret. */
export interface PostState {
  readonly release: string;
  readonly namespace: string;
  readonly lockHolder: string;
}
