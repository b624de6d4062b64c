import type { Clock } from '../cluster/clock.js';
import type { LeasePort, ObjectWriter } from '../cluster/cluster.js';
import type { Connection } from '../cluster/live-cluster.js';
import { asCutoverError } from '../errors.js';
import type { CiRun } from '../inputs/inputs.js';
import type { Log } from '../log.js';
import { acquireLock } from '../release/lock/lock.js';
import type { Records, RecordWriter } from '../release/records.js';
import type { Revision } from '../release/revision.js';
import type { InProgress } from '../release/transitions.js';
import type { PostState } from './post-state.js';
import { trackedWriter } from './tracked-writer.js';

/** The lock while it is held, and what it gives access to. */
export interface HeldLock {
  readonly lost: AbortSignal;
  /** Whether another run held it when it was asked for. */
  readonly waited: boolean;
  readonly records: RecordWriter;
  /**
   * Puts an operation on record, with the revisions that it needs. Resolves to the port that writes objects of the application:
   * nothing else gives it.
   */
  recordOperation(state: InProgress, revisions: readonly Revision[]): Promise<ObjectWriter>;
  release(): Promise<void>;
}

/** How a step takes the lock of its release. */
export interface StepLock {
  /** Identity of this process as the holder; known before the lock is asked for. */
  readonly holder: string;
  /** Takes the lock; waits for another holder. Throws `locked`, `cancelled`. */
  acquire(options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<HeldLock>;
}

/** What the lock of a release is taken with. */
export interface StepLockParts {
  readonly cluster: Pick<Connection, 'leases' | 'writer' | 'get'>;
  readonly records: Records;
  readonly holder: string;
  readonly run: CiRun;
  readonly log: Log;
  readonly clock: Clock;
  /** A holder whose process is dead; its lock is taken over at once. Absent: none is known. */
  readonly after?: string;
  /** Called before the lock is asked for: from then on, the post step has something to clean up. */
  readonly beforeAcquire: (state: PostState) => void;
  /** Called before a write begins while none is under way, and when none is any more. What it throws is logged. */
  readonly onWriting: (state: PostState) => void;
  /** Called when the lock is released. */
  readonly afterRelease: (state: PostState) => void;
}

/** Errors after which the lock is not held if every request for the Lease was answered: then there is nothing to clean up. */
const neverHeld: ReadonlySet<string> = new Set(['cancelled', 'forbidden']);

/** Errors of a request that may still have taken the Lease. */
const unanswered: ReadonlySet<string> = new Set(['unreachable', 'api']);

/** The lock of the release of these records. */
export function stepLock(parts: StepLockParts): StepLock {
  const { cluster, records, holder, run, log, clock, after, beforeAcquire, onWriting, afterRelease } = parts;
  const { release, namespace } = records;
  const postState: PostState = { release, namespace, lockHolder: holder, isWriting: false };
  return {
    holder,
    async acquire({ timeoutMs, signal }) {
      beforeAcquire(postState);
      const { leases, isAnswerLost } = observed(cluster.leases);
      const lock = await acquireLock(
        { cluster, leases, log, clock, signal },
        { release, namespace, holder, run: run.url, timeoutMs, ...(after !== undefined && { after }) },
      ).catch((error: unknown) => {
        const { code } = asCutoverError(error);
        // `locked`: the Lease was seen with another holder.
        if (code === 'locked' || (neverHeld.has(code) && !isAnswerLost())) afterRelease(postState);
        throw error;
      });
      const writer = trackedWriter(cluster.writer(lock.fence), isWriting => {
        try {
          onWriting({ ...postState, isWriting });
        } catch (error) {
          // The write may restore what users need. The post step knows of the lock already; it only takes it over earlier.
          log.warning(asCutoverError(error).message);
        }
      });
      const writable = records.writable(writer);
      return {
        lost: lock.lost,
        waited: lock.waited,
        records: writable,
        async recordOperation(state, revisions) {
          // The revision first: what a restore needs is on record when the operation is.
          await Promise.all(revisions.map(revision => writable.writeRevision(revision, state)));
          await writable.writeState(state);
          return writer;
        },
        async release() {
          await writer.settled();
          await lock.release();
          afterRelease(postState);
        },
      };
    },
  };
}

/** The port for Leases, and whether the answer to one of its requests for a Lease was lost. */
function observed(port: LeasePort): { readonly leases: LeasePort; readonly isAnswerLost: () => boolean } {
  let isLost = false;
  const observe = (error: unknown): never => {
    isLost ||= unanswered.has(asCutoverError(error).code);
    throw error;
  };
  return {
    leases: {
      get: ref => port.get(ref),
      create: lease => port.create(lease).catch(observe),
      replace: lease => port.replace(lease).catch(observe),
      remove: (ref, preconditions) => port.remove(ref, preconditions),
    },
    isAnswerLost: () => isLost,
  };
}
