import type { Clock } from '../../../src/cluster/clock.js';
import { CutoverError } from '../../../src/errors.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import { leaseRef } from '../../../src/release/lock/lease.js';
import { acquireLock, type Lock, type LockRequest } from '../../../src/release/lock/lock.js';
import { settle, type ManualClock } from '../clock.js';
import type { MemoryCluster } from '../cluster/memory-cluster.js';
import { listLog, type ListLog } from '../log.js';
import { runOf } from './context.js';

/** The Lease of release `web` in namespace `shop`. */
export const lockRef = leaseRef('web', 'shop');

/** Identity of the process of run `id`. */
export const holderOf = (id: number): string => `holder of run ${id}`;

export const noAnswer = new CutoverError('no answer', { code: 'unreachable' });

export interface Contender {
  readonly log: ListLog;
  /** Settles when the lock is had, or will not be. */
  readonly lock: Promise<Lock>;
  /** How the request ended so far. */
  readonly state: () => 'waiting' | 'held' | 'refused';
}

/** Run `id` asks for the lock. Default: it does not wait. */
export function contender(
  cluster: MemoryCluster,
  id: number,
  options: { readonly clock: Clock; readonly signal?: AbortSignal } & Partial<Pick<LockRequest, 'timeoutMs' | 'after'>>,
): Contender {
  const { clock, signal = new AbortController().signal, timeoutMs = 0, ...more } = options;
  const log = listLog();
  let state: 'waiting' | 'held' | 'refused' = 'waiting';
  const lock = acquireLock(
    { cluster, leases: cluster.leases, log, clock, signal },
    { release: 'web', namespace: 'shop', holder: holderOf(id), run: runOf(id).url, timeoutMs, ...more },
  );
  lock.then(
    () => (state = 'held'),
    () => (state = 'refused'),
  );
  return { log, lock, state: () => state };
}

export const liveLease = ({ store }: MemoryCluster): KubeObject | undefined => store.get(lockRef);

export function leaseSpec(cluster: MemoryCluster): Readonly<Record<string, unknown>> | undefined {
  return liveLease(cluster)?.['spec'] as Readonly<Record<string, unknown>> | undefined;
}

/** A Lease that a process holds which does not renew it, as another version or another tool may write it. */
export function foreignLease(spec: object = {}, run = runOf(9).url): KubeObject {
  const { apiVersion, kind, name, namespace = '' } = lockRef;
  return {
    ...{ apiVersion, kind },
    metadata: { name, namespace, annotations: { 'cutover/run': run } },
    spec: { holderIdentity: holderOf(9), leaseDurationSeconds: 60, ...spec },
  };
}

/** Another client writes the live Lease: changes its specification, or only an annotation. */
export function changeLease(cluster: MemoryCluster, change: object = {}): void {
  const found = liveLease(cluster)!;
  const { annotations = {}, resourceVersion = '' } = found.metadata;
  const metadata = { ...found.metadata, annotations: { ...annotations, touched: resourceVersion } };
  cluster.store.update({ ...found, metadata, spec: { ...(found['spec'] as object), ...change } });
}

/** Lets time pass in steps of a second, so that everything that is due in between happens. */
export async function pass(seconds: number, ...clocks: readonly ManualClock[]): Promise<void> {
  await settle();
  for (let second = 0; second < seconds; second += 1) for (const clock of clocks) await clock.advance(1000);
}

/** What was thrown. */
export async function errorOf(work: Promise<unknown>): Promise<CutoverError> {
  return work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as CutoverError,
  );
}
