import type { CredentialExpiry } from '../../../src/cluster/access/credential-expiry.js';
import { RecentApplies } from '../../../src/cluster/apply/applied-identity.js';
import { systemClock, type Clock } from '../../../src/cluster/clock.js';
import type { CiRun, SyntheticTraffic } from '../../../src/inputs/inputs.js';
import { openRecords } from '../../../src/release/records.js';
import { logPlan } from '../../../src/report/log-plan.js';
import type { OperationContext, RunContext } from '../../../src/run/context.js';
import { stepLock } from '../../../src/run/step-lock.js';
import type { PostState } from '../../../src/run/post-state.js';
import type { TrafficCounts } from '../../../src/run/traffic-counts.js';
import { fakeClock } from '../clock.js';
import { listLog, type ListLog } from '../log.js';
import type { MemoryCluster } from '../cluster/memory-cluster.js';

/** Run number `id` of the workflow. */
export function runOf(id: number): CiRun {
  return {
    repository: 'acme/shop',
    sha: '0123456789abcdef0123456789abcdef01234567',
    refName: 'main',
    runId: String(id),
    runNumber: String(id),
    runAttempt: '1',
    job: 'deploy',
    actor: 'alice',
    eventName: 'push',
    url: `https://github.com/acme/shop/actions/runs/${id}`,
    apiUrl: 'https://api.github.com',
    workspace: '/nowhere',
  };
}

/** A clock that lists its waits, in milliseconds. */
export type WaitedClock = Clock & { readonly waited: number[] };

/** What a {@link stepOn} takes. */
export interface StepOptions {
  readonly signal?: AbortSignal;
  readonly run?: CiRun;
  readonly clock?: WaitedClock;
  /** Identity of the process; default: that of the run. */
  readonly holder?: string;
  readonly after?: string;
  /** Default: off. */
  readonly syntheticTraffic?: SyntheticTraffic;
  readonly credentialExpiry?: CredentialExpiry | undefined;
}

/** A context that a test can look into. */
export type StepContext = RunContext & {
  readonly log: ListLog;
  readonly clock: WaitedClock;
  readonly phases: string[];
  /** What the post step must finish, and what it no longer has to. */
  readonly savedPostStates: PostState[];
  readonly clearedPostStates: PostState[];
  readonly recordedTraffic: TrafficCounts[];
};

/** The context of run 1 of release `web` in namespace `shop`, with a clock that does not wait. */
export function stepOn(cluster: MemoryCluster, options: StepOptions = {}): StepContext {
  const log = listLog();
  const phases: string[] = [];
  const savedPostStates: PostState[] = [];
  const clearedPostStates: PostState[] = [];
  const recordedTraffic: TrafficCounts[] = [];
  const { run = runOf(1), clock = fakeClock(), after } = options;
  const { holder = `holder of run ${run.runId}` } = options;
  const records = openRecords({ cluster, release: 'web', namespace: 'shop', log });
  return {
    cluster,
    records,
    namespaces: cluster.namespaces,
    lock: stepLock({
      cluster,
      records,
      holder,
      run,
      log,
      // A clock that does not wait would renew the lock for ever.
      clock: systemClock,
      ...(after !== undefined && { after }),
      beforeAcquire: state => void savedPostStates.push(state),
      onWriting: () => undefined,
      afterRelease: state => void clearedPostStates.push(state),
    }),
    recentApplies: new RecentApplies(clock),
    log,
    clock,
    run,
    environment: {},
    ...(options.credentialExpiry && { credentialExpiry: options.credentialExpiry }),
    syntheticTraffic: options.syntheticTraffic ?? { kind: 'off' },
    signal: options.signal ?? new AbortController().signal,
    phases,
    savedPostStates,
    clearedPostStates,
    recordedTraffic,
    phase: (name, work) => {
      phases.push(name);
      return work();
    },
    logPlan: planned => logPlan(log, planned),
    recordFindings: () => undefined,
    recordTraffic: counts => void recordedTraffic.push(counts),
  };
}

/** The same with an operation on record, without a lock: nobody else is at work. */
export function operationOn(
  cluster: MemoryCluster,
  options: StepOptions & { readonly lockLost?: AbortSignal } = {},
): StepContext & OperationContext {
  const { lockLost = new AbortController().signal, ...more } = options;
  const step = stepOn(cluster, more);
  const records = openRecords({ cluster, release: 'web', namespace: 'shop', log: step.log }).writable(cluster);
  const ctx: StepContext & OperationContext = {
    ...step,
    records,
    writer: cluster.writer(),
    created: new Set(),
    lockLost,
    waited: false,
    recordOperation: async (state, revisions = []) => {
      await Promise.all(revisions.map(revision => records.writeRevision(revision, state)));
      await records.writeState(state);
      return ctx;
    },
  };
  return ctx;
}
