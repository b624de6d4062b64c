import type { WriteFence } from '../../cluster/http/write-fence.js';
import { asCutoverError, CutoverError } from '../../errors.js';
import { describeRef, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import { heldLease, holderOf, leaseRef, runOf, type LeaseHolder } from './lease.js';
import { LeaseKeeper } from './lease-keeper.js';
import { lockedError, throwIfCancelled, waitForLease, type LockPorts } from './lease-wait.js';

/** The lock of a release, held by one step of one run. */
export interface Lock {
  /** Open while no other run can write. */
  readonly fence: WriteFence;
  /**
   * Aborts when nothing may be written any more: another run has taken the lock over (`locked`), or renewals are refused (any
   * other code). A Lease that only expired is not lost: it is renewed again.
   */
  readonly lost: AbortSignal;
  /** Whether another run held it when it was asked for: what was read before may be out of date. */
  readonly waited: boolean;
  release(): Promise<void>;
}

/** Who wants the lock of which release, and how long to wait for it. */
export interface LockRequest extends LeaseHolder {
  readonly release: string;
  readonly namespace: string;
  /** How long to wait for another holder, in milliseconds; 0: not at all. */
  readonly timeoutMs: number;
  /** A holder whose process is known to be dead, and whose Lease is taken over at once. Absent: none. */
  readonly after?: string;
}

/** Errors of a write after which the Lease may exist, with any holder. */
const uncertainCodes: ReadonlySet<string> = new Set(['exists', 'unreachable', 'api', 'moved']);

/**
 * Creates the Lease `cutover-<release>` and renews it until released. Waits while another run holds it. Throws `locked` with
 * that run when the wait is over, `cancelled`.
 */
export async function acquireLock(ports: LockPorts, request: LockRequest): Promise<Lock> {
  const { log, clock } = ports;
  const { release, namespace } = request;
  const ref = leaseRef(release, namespace);
  const deadline = clock.now() + request.timeoutMs;
  let waitedFor: string | undefined;
  // A Lease that was seen unchanged for so long that it can be taken over.
  let expired: KubeObject | undefined;
  // When the first request was sent that may have taken it; its answer may be lost.
  let sentAt: number | undefined;
  for (let failures = 0; ;) {
    sentAt ??= clock.now();
    const taken = expired === undefined ? await take(ports, request, ref) : await takeOver(ports, request, expired);
    if (taken.kind === 'held') {
      if (expired !== undefined)
        log.warning(`Took over the lock of ${release} from ${runOf(expired)}, which has not renewed it any more`);
      else if (waitedFor !== undefined) log.info(`The lock of ${release} is free: this run holds it now`);
      return keep(ports, { request, ref, lease: taken.lease, sentAt, waited: waitedFor !== undefined });
    }
    expired = undefined;
    if (taken.kind === 'failed') {
      failures += 1;
      if (failures >= maxFailures) throw taken.error;
      await clock.wait(500 * 2 ** failures, ports.signal);
      throwIfCancelled(ports.signal);
      continue;
    }
    failures = 0;
    sentAt = undefined;
    if (taken.kind === 'gone') continue;
    const { lease } = taken;
    const remainingMs = deadline - clock.now();
    if (remainingMs <= 0) throw lockedError(ref, { release, lease, waitedMs: request.timeoutMs });
    if (waitedFor !== runOf(lease)) {
      waitedFor = runOf(lease);
      log.info(`Waiting up to ${Math.ceil(remainingMs / 1000)} s for the lock of ${release}, which ${waitedFor} holds`);
    }
    const end = await waitForLease(ports, { ref, lease, timeoutMs: remainingMs });
    if (end.kind === 'timed-out') throw lockedError(ref, { release, lease: end.lease, waitedMs: request.timeoutMs });
    if (end.kind === 'expired') expired = end.lease;
  }
}

/** Attempts to take the Lease while the API server does not answer. */
const maxFailures = 5;

type Taken =
  | { readonly kind: 'held'; readonly lease: KubeObject }
  | { readonly kind: 'other'; readonly lease: KubeObject }
  /** It was deleted or changed between the two requests. */
  | { readonly kind: 'gone' }
  /** Whether it was taken is unknown or it was not, for a reason that may pass. */
  | { readonly kind: 'failed'; readonly error: unknown };

/** One attempt to create the Lease, or to take over that of a dead process. */
async function take({ leases, cluster }: LockPorts, request: LockRequest, ref: ObjectRef): Promise<Taken> {
  try {
    return { kind: 'held', lease: await leases.create(heldLease(ref, request)) };
  } catch (error) {
    const { code } = asCutoverError(error);
    if (!uncertainCodes.has(code)) throw error;
    const lease = await cluster.get(ref);
    if (lease === undefined) return code === 'exists' ? { kind: 'gone' } : { kind: 'failed', error };
    // The create succeeded, but its answer was lost.
    if (holderOf(lease) === request.holder) return { kind: 'held', lease };
    if (holderOf(lease) !== request.after) return { kind: 'other', lease };
    return takeOver({ leases }, request, lease);
  }
}

/** With the resourceVersion that was seen: of two runs, one gets it. */
async function takeOver(
  { leases }: Pick<LockPorts, 'leases'>,
  request: LockRequest,
  lease: KubeObject,
): Promise<Taken> {
  const ref = leaseRef(request.release, request.namespace);
  try {
    return { kind: 'held', lease: await leases.replace(heldLease(ref, request, lease)) };
  } catch (error) {
    const { code } = asCutoverError(error);
    if (code === 'moved' || code === 'not-found') return { kind: 'gone' };
    if (uncertainCodes.has(code)) return { kind: 'failed', error };
    throw error;
  }
}

function keep(
  { leases, log, clock }: LockPorts,
  held: {
    readonly request: LockRequest;
    readonly ref: ObjectRef;
    readonly lease: KubeObject;
    readonly sentAt: number;
    readonly waited: boolean;
  },
): Lock {
  const { request, ref } = held;
  const keeper = new LeaseKeeper({ leases, log, clock, holder: request, ref }, held);
  keeper.start();
  return {
    fence: keeper,
    lost: keeper.lost,
    waited: held.waited,
    async release() {
      try {
        await keeper.release();
      } catch (error) {
        const { message } = asCutoverError(error);
        throw new CutoverError(`${describeRef(ref)} could not be deleted: ${message}`, {
          code: 'locked',
          cause: error,
        });
      }
    },
  };
}
