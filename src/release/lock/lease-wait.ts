import type { Clock } from '../../cluster/clock.js';
import { Heartbeat } from '../../cluster/heartbeat.js';
import type { Cluster, LeasePort } from '../../cluster/cluster.js';
import { cancelled } from '../../cluster/http/transport.js';
import { asCutoverError, CutoverError } from '../../errors.js';
import { describeRef, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import type { Log } from '../../log.js';
import { durationOf, runOf } from './lease.js';
import { longestWriteMs } from './lease-times.js';

/** What the lock works with. */
export interface LockPorts {
  readonly cluster: Pick<Cluster, 'get'>;
  readonly leases: LeasePort;
  readonly log: Log;
  /** Monotonic; never compared with the time of another machine. */
  readonly clock: Clock;
  /** Ends the wait for the lock. */
  readonly signal: AbortSignal;
}

/** How a wait for a Lease ended. */
export type LeaseWait =
  | { readonly kind: 'free' }
  /** Nobody has renewed it for its duration and the time that a write may take. */
  | { readonly kind: 'expired'; readonly lease: KubeObject }
  | { readonly kind: 'timed-out'; readonly lease: KubeObject };

/** Milliseconds between two looks at a Lease that another run holds. */
const lookEveryMs = 1_000;

/**
 * Waits until a Lease is deleted, or was seen unchanged for so long that its holder cannot be writing any more. The time is
 * our own, from the moment at which the version was first seen. It reads the Lease by name: a watch would need rights on all
 * Leases of the namespace. Throws `cancelled`, `forbidden`.
 */
export async function waitForLease(
  { leases, log, clock, signal }: LockPorts,
  { ref, lease, timeoutMs }: { readonly ref: ObjectRef; readonly lease: KubeObject; readonly timeoutMs: number },
): Promise<LeaseWait> {
  const deadline = clock.now() + timeoutMs;
  let seen = lease;
  let seenAt = clock.now();
  const heartbeat = new Heartbeat({ clock, log });
  for (;;) {
    const now = clock.now();
    const expiresIn = seenAt + durationOf(seen) + longestWriteMs - now;
    if (expiresIn <= 0) return { kind: 'expired', lease: seen };
    const remainingMs = deadline - now;
    if (remainingMs <= 0) return { kind: 'timed-out', lease: seen };
    heartbeat.beat(() => describeWait(seen, { seenMs: now - seenAt, remainingMs }));
    await clock.wait(Math.min(lookEveryMs, expiresIn, remainingMs), signal);
    throwIfCancelled(signal);
    try {
      const live = await leases.get(ref);
      if (live === undefined) return { kind: 'free' };
      if (isSame(live, seen)) continue;
      seen = live;
      seenAt = clock.now();
    } catch (error) {
      const { code, message } = asCutoverError(error);
      if (code === 'forbidden') throw error;
      log.debug(`The lock could not be read: ${message}`);
    }
  }
}

function describeWait(
  lease: KubeObject,
  { seenMs, remainingMs }: { readonly seenMs: number; readonly remainingMs: number },
): string {
  const [unchanged, left] = [seenMs, remainingMs].map(ms => `${Math.round(ms / 1000)} s`);
  return `Still waiting for the lock, up to ${left} more: ${runOf(lease)} holds it, unchanged for ${unchanged}`;
}

/** Throws `cancelled`, or the reason of the signal if that says more. */
export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw signal.reason instanceof CutoverError ? signal.reason : cancelled();
}

/** Whether nobody has written the Lease in between. */
function isSame({ metadata: one }: KubeObject, { metadata: other }: KubeObject): boolean {
  return one.uid === other.uid && one.resourceVersion === other.resourceVersion;
}

/** The error of a lock that another run holds. What this step has changed before, only its report knows. */
export function lockedError(
  ref: ObjectRef,
  { release, lease, waitedMs }: { readonly release: string; readonly lease: KubeObject; readonly waitedMs: number },
): CutoverError {
  const expires = Math.ceil((durationOf(lease) + longestWriteMs) / 1000);
  const waited = waitedMs === 0 ? '' : ` after ${Math.ceil(waitedMs / 1000)} s`;
  return new CutoverError(`Another run still holds release ${release}${waited}: ${runOf(lease)}`, {
    code: 'locked',
    object: describeRef(ref),
    hint: `Run this step again when that run is over. If it is dead, its lock can be taken over ${expires} s after its last renewal; a \`lock-timeout\` of more than that waits for it.`,
  });
}
