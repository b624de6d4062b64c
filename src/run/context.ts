import type { CredentialExpiry } from '../cluster/access/credential-expiry.js';
import type { Clock } from '../cluster/clock.js';
import type { Cluster, NamespacePort, ObjectWriter } from '../cluster/cluster.js';
import type { RecentApplies } from '../cluster/apply/applied-identity.js';
import type { CiRun, SyntheticTraffic } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import type { PlannedChange } from '../plan/change.js';
import type { Finding } from '../plan/lint/finding.js';
import type { Records, RecordWriter } from '../release/records.js';
import type { Revision } from '../release/revision.js';
import type { InProgress } from '../release/transitions.js';
import type { StepLock } from './step-lock.js';
import type { TrafficCounts } from './traffic-counts.js';

/** The phases of a run. */
export type PhaseName =
  | 'Check'
  | 'Render'
  | 'Plan'
  | 'Adopt'
  | 'Deploy'
  | 'Verify staged'
  | 'Confirm'
  | 'Switch'
  | 'Verify public'
  | 'Bake'
  | 'Clean up'
  | 'Restore';

/** What every strategy works with: the cluster, the release record, and how the run is logged and recorded. It only reads. */
export interface RunContext {
  readonly cluster: Cluster;
  readonly records: Omit<Records, 'writable'>;
  readonly log: Log;
  readonly clock: Clock;
  readonly run: CiRun;
  /** When the credentials for the cluster end. Absent: it is not known, or they can be refreshed. */
  readonly credentialExpiry?: CredentialExpiry;
  /** The runner's environment, for `run` checks. */
  readonly environment: Readonly<Record<string, string>>;
  /** Which requests are sent while users are moved. */
  readonly syntheticTraffic: SyntheticTraffic;
  /** Aborts when the run is cancelled. Waits end with it; a restore does not. */
  readonly signal: AbortSignal;
  /** Creates the namespace of the release, in which its lock and its record are. */
  readonly namespaces: NamespacePort;
  /** Gives the lock of the release; see `under-lock.ts`. */
  readonly lock: StepLock;
  /** The objects that this process has applied a moment ago, whose record proves nothing yet. */
  readonly recentApplies: RecentApplies;
  /** Runs one phase: a group in the log, a line in the summary. */
  phase<T>(name: PhaseName, work: () => Promise<T>): Promise<T>;
  /** Logs what would change. */
  logPlan(planned: readonly PlannedChange[]): void;
  /** Keeps the lint findings for the report. */
  recordFindings(findings: readonly Finding[]): void;
  /** Keeps the counts of requests that were sent while users were moved, for the report. */
  recordTraffic(counts: TrafficCounts): void;
}

/** A run that holds the lock of the release: it can write the record, but no object of the application. */
export interface LockedContext extends RunContext {
  readonly records: RecordWriter;
  /** Aborts when the lock is lost, or may not be renewed any more: then nothing is written any more, not even to restore. */
  readonly lockLost: AbortSignal;
  /** Whether another run held the lock when it was asked for: what was read before may be out of date. */
  readonly waited: boolean;
  /**
   * Puts an operation on record. Only the context that this returns can write objects of the application. `revisions`: those
   * that a restore needs, recorded first; absent: they are on record already.
   */
  recordOperation(state: InProgress, revisions?: readonly Revision[]): Promise<OperationContext>;
}

/** A run whose operation is on record. */
export interface OperationContext extends LockedContext {
  /** Writes the objects of the application, while this run holds the lock. */
  readonly writer: ObjectWriter;
  /** Uids of the objects that the operation has created in this process. */
  readonly created: Set<string>;
}
