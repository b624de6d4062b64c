import { randomUUID } from 'node:crypto';
import type { Cluster } from '../cluster/cluster.js';
import { asCutoverError, CutoverError } from '../errors.js';
import type { CiRun } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import { describeRef, type KubeObject, type ObjectRef } from '../kubernetes/object.js';
import { recordName } from './state.js';

/** The right to change a release, for one step of one run. */
export interface Lock {
  /** Who holds it, as written into the Lease. The post step of the same run releases by this name. */
  readonly holder: string;
  /** Aborts when the lock was lost: somebody took it over, or it could not be renewed in time. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** Seconds after the last renewal until another run may take the lock over. */
export const leaseSeconds = 60;
const renewEveryMs = 15_000;

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

/** What a lease means for someone who wants it. */
export type LeaseVerdict =
  { readonly free: true; readonly reason: string } | { readonly free: false; readonly reason: string };

/** A lease is free when nobody holds it or its holder has not renewed it within its duration. */
export function judgeLease(spec: LeaseSpec, nowMs: number): LeaseVerdict {
  if (!spec.holderIdentity) return { free: true, reason: 'nobody holds it' };
  const renewed = Date.parse(spec.renewTime ?? spec.acquireTime ?? '');
  if (Number.isNaN(renewed)) return { free: true, reason: 'its holder never said when' };
  const expires = renewed + (spec.leaseDurationSeconds ?? leaseSeconds) * 1000;
  if (expires <= nowMs)
    return { free: true, reason: `its holder was last heard of at ${new Date(renewed).toISOString()}` };
  return { free: false, reason: `it is held until ${new Date(expires).toISOString()} unless renewed` };
}

/** Takes the Lease `cutover-<release>` or throws `locked` naming the run that holds it; renews it until released. */
export async function acquireLock(options: {
  readonly cluster: Cluster;
  readonly release: string;
  readonly namespace: string;
  readonly run: CiRun;
  readonly log: Log;
}): Promise<Lock> {
  const { cluster, release, namespace, run, log } = options;
  const holder = `${run.runId}/${run.runAttempt}/${run.job}/${randomUUID().slice(0, 8)}`;
  const wanted = (found?: KubeObject): KubeObject =>
    leaseObject({ release, namespace, holder, run: run.url, ...(found && { found }) });
  let held = await take({ cluster, release, namespace, holder, wanted, log });

  const lost = new AbortController();
  const lose = (why: string): void => {
    clearInterval(renewal);
    lost.abort(new CutoverError(`The lock of ${release} was lost: ${why}`, { code: 'locked' }));
  };
  const expired = (): boolean => judgeLease(specOf(held), Date.now()).free;
  let renewing: Promise<void> | undefined;
  const renewal = setInterval(() => {
    // Two renewals under way would be written onto the same version, and the second would look like a loss.
    if (renewing !== undefined) {
      if (expired()) lose('it could not be renewed in time');
      return;
    }
    renewing = renew({ cluster, release, namespace, holder }, held)
      .then(answer => {
        held = answer;
      })
      .catch((error: unknown) => {
        const { code, message } = asCutoverError(error);
        if (code === 'moved' || code === 'not-found' || expired()) lose(message);
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
      // Its answer would make the version that is given back an old one.
      await renewing;
      await releaseLock({ cluster, release, namespace, holder });
    },
  };
}

/** Somebody's hold on the lock of a release. */
export interface Hold {
  readonly cluster: Cluster;
  readonly release: string;
  readonly namespace: string;
  readonly holder: string;
}

/** Whether somebody else than `holder` has taken the lock by now. */
export async function isTakenOver({ cluster, release, namespace, holder }: Hold): Promise<boolean> {
  const found = await cluster.get(leaseRef(release, namespace));
  const now = found === undefined ? undefined : specOf(found).holderIdentity;
  return Boolean(now) && now !== holder;
}

/** Gives the lock back if `holder` (still) has it; otherwise leaves it alone. */
export async function releaseLock(hold: Hold): Promise<void> {
  await rewrite(hold, await ofHolder(hold), found => {
    const { leaseTransitions = 0 } = specOf(found);
    return { holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions };
  });
}

/** Throws `moved` when another holder has it by now, `not-found` when it is gone. */
async function renew(hold: Hold, held: KubeObject): Promise<KubeObject> {
  const answer = await rewrite(hold, held, found => ({ ...specOf(found), renewTime: microTime(Date.now()) }));
  if (answer !== undefined) return answer;
  throw new CutoverError(`${describeRef(leaseRef(hold.release, hold.namespace))} is not held by this run any more`, {
    code: 'moved',
  });
}

/** Somebody may touch a Lease (an annotation, say) without taking it: then it is written again on what is there now. */
const attempts = 3;

async function rewrite(
  hold: Hold,
  lease: KubeObject | undefined,
  spec: (found: KubeObject) => LeaseSpec,
): Promise<KubeObject | undefined> {
  let found = lease;
  for (let attempt = 1; found !== undefined; attempt += 1) {
    try {
      return await hold.cluster.replace({ ...found, spec: spec(found) });
    } catch (error) {
      if (asCutoverError(error).code !== 'moved' || attempt >= attempts) throw error;
      found = await ofHolder(hold);
    }
  }
  return undefined;
}

/** The Lease as it is now; `undefined` when it is gone or somebody else's. */
async function ofHolder({ cluster, release, namespace, holder }: Hold): Promise<KubeObject | undefined> {
  const found = await cluster.get(leaseRef(release, namespace));
  return found !== undefined && specOf(found).holderIdentity === holder ? found : undefined;
}

/** Answers to a create that leave open whether there is a Lease now, and whose it is. */
const openAnswers: ReadonlySet<string> = new Set(['exists', 'unreachable', 'api']);

/** Makes the Lease, or takes over one that is free. */
async function take(
  hold: Hold & { readonly wanted: (found?: KubeObject) => KubeObject; readonly log: Log },
): Promise<KubeObject> {
  const { cluster, release, namespace, holder, wanted, log } = hold;
  let unmade: unknown;
  try {
    return await cluster.create(wanted());
  } catch (error) {
    if (!openAnswers.has(asCutoverError(error).code)) throw error;
    unmade = error;
  }
  for (let attempt = 1; ; attempt += 1) {
    const found = await cluster.get(leaseRef(release, namespace));
    if (found === undefined && asCutoverError(unmade).code !== 'exists') throw unmade;
    if (found === undefined) return cluster.create(wanted());
    // It was made, and only the answer was lost.
    if (specOf(found).holderIdentity === holder) return found;
    const verdict = judgeLease(specOf(found), Date.now());
    if (!verdict.free) throw locked(release, found, verdict.reason);
    try {
      // On the version that was judged: of two runs that judge alike, one gets `moved`.
      const taken = await cluster.replace(wanted(found));
      if (specOf(found).holderIdentity)
        log.warning(`Took over the lock of ${release} from ${runOf(found)}: ${verdict.reason}`);
      return taken;
    } catch (error) {
      if (asCutoverError(error).code !== 'moved') throw error;
      if (attempt >= attempts) throw locked(release, found, 'another run took it a moment ago');
    }
  }
}

function locked(release: string, lease: KubeObject, reason: string): CutoverError {
  return new CutoverError(`Another run is working on release ${release}: ${runOf(lease)} (${reason})`, {
    code: 'locked',
    object: `Lease ${lease.metadata.namespace ?? ''}/${lease.metadata.name}`,
    hint: 'Wait for that run to end and run this step again. `concurrency` in the workflow makes runs wait for each other.',
  });
}

function leaseRef(release: string, namespace: string): ObjectRef {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace, name: recordName(release) };
}

function leaseObject(options: {
  readonly release: string;
  readonly namespace: string;
  readonly holder: string;
  readonly run: string;
  readonly found?: KubeObject;
}): KubeObject {
  const { release, namespace, holder, run, found } = options;
  const now = microTime(Date.now());
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name: recordName(release),
      namespace,
      labels: { 'app.kubernetes.io/managed-by': 'cutover' },
      annotations: { 'cutover/release': release, 'cutover/run': run },
      ...(found?.metadata.resourceVersion && { resourceVersion: found.metadata.resourceVersion }),
    },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: leaseSeconds,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: found === undefined ? 0 : (specOf(found).leaseTransitions ?? 0) + 1,
    },
  };
}

function specOf(lease: KubeObject): LeaseSpec {
  return lease['spec'] ?? {};
}

function runOf(lease: KubeObject): string {
  return lease.metadata.annotations?.['cutover/run'] ?? specOf(lease).holderIdentity ?? 'an unknown run';
}

/** Kubernetes' MicroTime has six digits after the second. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace(/Z$/, '000Z');
}
