import type { Clock } from '../../src/cluster/clock.js';
import type { RunContext } from '../../src/inputs/inputs.js';
import type { Log } from '../../src/log.js';
import { openRecords } from '../../src/release/records.js';
import type { Step, StepFacts } from '../../src/strategies/step.js';
import { fakeClock, listLog } from '../verify/fake-cluster.js';
import type { MemoryCluster } from './memory-cluster.js';

/** Run number `id` of the workflow. */
export function runOf(id: number): RunContext {
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

/** A step of run 1 of release `web` in namespace `shop`, on a clock that never makes anyone wait. */
export function stepOn(
  cluster: MemoryCluster,
  options: { readonly signal?: AbortSignal } = {},
): Step & {
  readonly log: Log & { readonly lines: string[] };
  readonly clock: Clock & { readonly waited: number[] };
  readonly stages: string[];
  /** What the post step is told to finish, and what it no longer has to. */
  readonly remembered: StepFacts[];
  readonly forgotten: StepFacts[];
} {
  const stages: string[] = [];
  const remembered: StepFacts[] = [];
  const forgotten: StepFacts[] = [];
  return {
    cluster,
    records: openRecords({ cluster, release: 'web', namespace: 'shop' }),
    log: listLog(),
    clock: fakeClock(),
    run: runOf(1),
    environment: {},
    signal: options.signal ?? new AbortController().signal,
    stages,
    remembered,
    forgotten,
    stage: (name, work) => {
      stages.push(name);
      return work();
    },
    finds: () => undefined,
    remember: facts => void remembered.push(facts),
    forget: facts => void forgotten.push(facts),
  };
}
