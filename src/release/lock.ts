import { randomUUID } from 'node:crypto';
import type { Cluster } from '../cluster/cluster.js';
import { asCutoverError, CutoverError } from '../errors.js';
import type { CiRun } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import { describeRef, type KubeObject } from '../kubernetes/object.js';
import { leaseObject, leaseRef, leaseSpecOf, leaseStatus, microTime, runOf, type LeaseSpec } from './lease.js';

/** The lock of a release, held by one step of one run. */
export interface Lock {
  /** holderIdentity of the Lease. The post step of the same run uses it to release the lock. */
  readonly holder: string;
  /** Aborts when the lock is lost: another run took it over, or it could not be renewed in time. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** A quarter of the Lease duration, so that two renewals may fail. */
const renewEveryMs = 15_000;

/** Acquires the Lease `cutover-<release>` and renews it until released. Throws `locked` with the run that holds it. */
export async function acquireLock(options: {
  readonly cluster: Cluster;
  readonly release: string;
  readonly namespace: string;
  readonly run: CiRun;
  readonly log: Log;
}): Promise<Lock> {
  const { cluster, release, namespace, run, log } = options;
  const holder = `${run.runId}/${run.runAttempt}/${run.job}/${randomUUID().slice(0, 8)}`;
  const newLease = (found?: KubeObject): KubeObject =>
    leaseObject({ release, namespace, holder, run: run.url, ...(found && { found }) });
  let currentLease = await acquireLease({ cluster, release, namespace, holder, newLease, log });

  const lost = new AbortController();
  const setLost = (reason: string): void => {
    clearInterval(renewal);
    lost.abort(new CutoverError(`The lock of ${release} was lost: ${reason}`, { code: 'locked' }));
  };
  const expired = (): boolean => leaseStatus(leaseSpecOf(currentLease), Date.now()).free;
  let renewing: Promise<void> | undefined;
  const renewal = setInterval(() => {
    // Two concurrent renewals would use the same resourceVersion, and the second one would look like a loss.
    if (renewing !== undefined) {
      if (expired()) setLost('it could not be renewed in time');
      return;
    }
    renewing = renew({ cluster, release, namespace, holder }, currentLease)
      .then(answer => {
        currentLease = answer;
      })
      .catch((error: unknown) => {
        const { code, message } = asCutoverError(error);
        if (code === 'moved' || code === 'not-found' || expired()) setLost(message);
        else log.debug(`The lock could not be renewed yet: ${message}`);
      })
      .finally(() => {
        renewing = undefined;
      });
  }, renewEveryMs);
  renewal.unref();

  return {
    holder,
    lost: lost.signal,
    async release() {
      clearInterval(renewal);
      if (lost.signal.aborted) return;
      // A pending renewal would change the resourceVersion that the release uses.
      await renewing;
      await releaseLock({ cluster, release, namespace, holder });
    },
  };
}

/** A holder of the lock of a release. */
export interface LockHolder {
  readonly cluster: Cluster;
  readonly release: string;
  readonly namespace: string;
  readonly holder: string;
}

/** Whether another holder than `holder` has the lock. */
export async function isTakenOver({ cluster, release, namespace, holder }: LockHolder): Promise<boolean> {
  const found = await cluster.get(leaseRef(release, namespace));
  const now = found === undefined ? undefined : leaseSpecOf(found).holderIdentity;
  return Boolean(now) && now !== holder;
}

/** Releases the lock if `holder` still has it; otherwise does nothing. */
export async function releaseLock(lockHolder: LockHolder): Promise<void> {
  await replaceLease(lockHolder, await ownLease(lockHolder), found => {
    const { leaseTransitions = 0 } = leaseSpecOf(found);
    return { holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions };
  });
}

/** Renews the Lease. Throws `moved` when another holder has it, `not-found` when it does not exist. */
async function renew(lockHolder: LockHolder, currentLease: KubeObject): Promise<KubeObject> {
  const answer = await replaceLease(lockHolder, currentLease, found => ({
    ...leaseSpecOf(found),
    renewTime: microTime(Date.now()),
  }));
  if (answer !== undefined) return answer;
  throw new CutoverError(
    `${describeRef(leaseRef(lockHolder.release, lockHolder.namespace))} is no longer held by this run`,
    {
      code: 'moved',
    },
  );
}

/** Another client may change a Lease, such as an annotation, without acquiring it: the write is then retried. */
const maxAttempts = 3;

async function replaceLease(
  lockHolder: LockHolder,
  lease: KubeObject | undefined,
  spec: (found: KubeObject) => LeaseSpec,
): Promise<KubeObject | undefined> {
  let found = lease;
  for (let attempt = 1; found !== undefined; attempt += 1) {
    try {
      return await lockHolder.cluster.replace({ ...found, spec: spec(found) });
    } catch (error) {
      if (asCutoverError(error).code !== 'moved' || attempt >= maxAttempts) throw error;
      found = await ownLease(lockHolder);
    }
  }
  return undefined;
}

/** The live Lease; `undefined` when it does not exist or has another holder. */
async function ownLease({ cluster, release, namespace, holder }: LockHolder): Promise<KubeObject | undefined> {
  const found = await cluster.get(leaseRef(release, namespace));
  return found !== undefined && leaseSpecOf(found).holderIdentity === holder ? found : undefined;
}

/** Errors of a create after which the Lease may exist, with any holder. */
const uncertainCodes: ReadonlySet<string> = new Set(['exists', 'unreachable', 'api']);

/** Creates the Lease, or takes over one that is free. */
async function acquireLease(
  lockHolder: LockHolder & { readonly newLease: (found?: KubeObject) => KubeObject; readonly log: Log },
): Promise<KubeObject> {
  const { cluster, release, namespace, holder, newLease, log } = lockHolder;
  let createError: unknown;
  try {
    return await cluster.create(newLease());
  } catch (error) {
    if (!uncertainCodes.has(asCutoverError(error).code)) throw error;
    createError = error;
  }
  for (let attempt = 1; ; attempt += 1) {
    const found = await cluster.get(leaseRef(release, namespace));
    if (found === undefined && asCutoverError(createError).code !== 'exists') throw createError;
    if (found === undefined) return cluster.create(newLease());
    // The create succeeded, but its answer was lost.
    if (leaseSpecOf(found).holderIdentity === holder) return found;
    const status = leaseStatus(leaseSpecOf(found), Date.now());
    if (!status.free) throw locked(release, found, status.reason);
    try {
      // With the resourceVersion that was read: of two concurrent runs, one gets `moved`.
      const taken = await cluster.replace(newLease(found));
      if (leaseSpecOf(found).holderIdentity)
        log.warning(`Took over the lock of ${release} from ${runOf(found)}: ${status.reason}`);
      return taken;
    } catch (error) {
      if (asCutoverError(error).code !== 'moved') throw error;
      if (attempt >= maxAttempts) throw locked(release, found, 'another run has just acquired it');
    }
  }
}

function locked(release: string, lease: KubeObject, reason: string): CutoverError {
  return new CutoverError(`Another run is working on release ${release}: ${runOf(lease)} (${reason})`, {
    code: 'locked',
    object: `Lease ${lease.metadata.namespace ?? ''}/${lease.metadata.name}`,
    hint: 'Wait for that run to finish, then run this step again. With `concurrency` in the workflow, runs wait for each other.',
  });
}
