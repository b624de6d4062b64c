import type { Clock } from '../cluster/clock.js';
import { connect } from '../cluster/connect.js';
import { RecentApplies } from '../cluster/apply/applied-identity.js';
import type { Connection } from '../cluster/live-cluster.js';
import type { Inputs } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import type { PlannedChange } from '../plan/change.js';
import { onlyRelease } from '../release/only-release.js';
import { openRecords } from '../release/records.js';
import type { RunContext } from './context.js';
import { newHolder } from './holder.js';
import { stepLock } from './step-lock.js';
import { savePostState } from './post-state.js';
import type { RunRecorder } from './recorder.js';

/** What the process itself gives to a run. */
export interface Run {
  /** Cutover's own version, for the User-Agent. */
  readonly version: string;
  /** The runner's environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly clock: Clock;
  /** Aborts when the run is cancelled. */
  readonly cancelled: AbortSignal;
  readonly recorder: RunRecorder;
  /** Logs what would change. */
  readonly logPlan: (planned: readonly PlannedChange[]) => void;
}

/** Connects to the cluster that the inputs name. Its requests outlive a cancel: a restore needs them most just then. */
export function openCluster(inputs: Inputs, { log, version }: Pick<Run, 'log' | 'version'>): Promise<Connection> {
  const { kubeconfig, context, namespace, environment, run } = inputs;
  const signal = new AbortController().signal;
  return connect({ kubeconfig, context, namespace, environment, workspace: run.workspace, log, version, signal });
}

/** What a context is opened for. */
export interface ContextTarget {
  readonly cluster: Connection;
  readonly inputs: Inputs;
  /** Absent: the only release on record in the cluster's namespace. */
  readonly release: string | undefined;
  /** Holder whose process is dead and whose lock is taken over at once. Absent: none is known. */
  readonly after?: string;
}

/** What every strategy works with, for one release of the cluster's namespace. */
export async function openContext(run: Run, target: ContextTarget): Promise<RunContext> {
  const { log, clock, cancelled, recorder, logPlan } = run;
  const { cluster, inputs, after } = target;
  const { namespace } = cluster;
  const release = target.release ?? (await onlyRelease(cluster, namespace));
  log.info(`Release ${release} in namespace ${namespace}`);
  const records = openRecords({ cluster, release, namespace, log, onWrite: () => recorder.recordWrite() });
  return {
    cluster,
    records,
    log,
    clock,
    run: inputs.run,
    ...(cluster.credentialExpiry !== undefined && { credentialExpiry: cluster.credentialExpiry }),
    environment: { ...inputs.environment, ...inputs.commandVariables },
    syntheticTraffic: 'syntheticTraffic' in inputs ? inputs.syntheticTraffic : { kind: 'off' },
    signal: cancelled,
    namespaces: cluster.namespaces,
    lock: stepLock({
      cluster,
      records,
      holder: newHolder(inputs.run),
      run: inputs.run,
      log,
      clock,
      ...(after !== undefined && { after }),
      beforeAcquire: state => {
        recorder.unfinished.add(state);
        savePostState(state);
      },
      onWriting: savePostState,
      afterRelease: state => void recorder.unfinished.delete(state),
    }),
    recentApplies: new RecentApplies(clock),
    phase: (name, work) => recorder.phase(name, work),
    logPlan,
    recordFindings: findings => recorder.recordFindings(findings),
    recordTraffic: counts => recorder.recordTraffic(counts),
  };
}
