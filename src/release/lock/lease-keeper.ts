import type { Clock } from '../../cluster/clock.js';
import type { LeasePort } from '../../cluster/cluster.js';
import type { WriteFence } from '../../cluster/http/write-fence.js';
import { asCutoverError, CutoverError } from '../../errors.js';
import { describeRef, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import type { Log } from '../../log.js';
import { holderOf, renewedLease, runOf, type LeaseHolder } from './lease.js';
import { leaseMs, longestWriteMs, renewEveryMs } from './lease-times.js';

/** What renews a Lease. */
export interface LeaseKeeperParts {
  readonly leases: LeasePort;
  readonly log: Log;
  readonly clock: Clock;
  readonly holder: LeaseHolder;
  readonly ref: ObjectRef;
}

/** How long a write waits for the next renewal that succeeds, in milliseconds. */
const longestWaitMs = 2 * leaseMs;

/**
 * Renews a Lease until it is released, and tells when a write may be sent: while the last renewal that was sent leaves time
 * for the longest write. A renewal that fails only holds writes back. A Lease that another run took, or that is gone, is lost for good.
 */
export class LeaseKeeper implements WriteFence {
  readonly #parts: LeaseKeeperParts;
  readonly #lost = new AbortController();
  readonly #ended = new AbortController();
  readonly longestWriteMs = longestWriteMs;
  #lease: KubeObject;
  /** When the last renewal that succeeded was sent. */
  #sentAt: number;
  #renewing: Promise<void> | undefined;
  #renewed: (() => void)[] = [];
  /** Whether the lock is lost only because it may not be renewed: the Lease may still be ours. */
  #isRefused = false;

  constructor(parts: LeaseKeeperParts, held: { readonly lease: KubeObject; readonly sentAt: number }) {
    this.#parts = parts;
    this.#lease = held.lease;
    this.#sentAt = held.sentAt;
  }

  /** Aborts when another run has taken the Lease over, and when it may not be renewed any more. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Begins to renew. */
  start(): void {
    void this.#run();
  }

  isOpen(): boolean {
    if (this.#lost.signal.aborted || this.#ended.signal.aborted) return false;
    return this.#parts.clock.now() < this.#sentAt + leaseMs - longestWriteMs;
  }

  async ready(): Promise<void> {
    const { clock, holder, ref } = this.#parts;
    const deadline = clock.now() + longestWaitMs;
    while (!this.isOpen()) {
      if (this.#lost.signal.aborted) throw this.#lost.signal.reason;
      if (this.#ended.signal.aborted) throw released(ref);
      const remainingMs = deadline - clock.now();
      if (remainingMs <= 0) throw notRenewed(ref, holder);
      await this.#renewal(remainingMs);
    }
  }

  /** Deletes the Lease. Does nothing when another run has it. */
  async release(): Promise<void> {
    this.#ended.abort();
    // A pending renewal changes the resourceVersion that the deletion is conditional on.
    await this.#renewing;
    if (this.#lost.signal.aborted && !this.#isRefused) return;
    const { leases, ref } = this.#parts;
    for (let attempt = 1; ; attempt += 1) {
      const { uid = '', resourceVersion = '' } = this.#lease.metadata;
      try {
        await leases.remove(ref, { uid, resourceVersion });
        return;
      } catch (error) {
        const live = await leases.get(ref);
        if (live === undefined || holderOf(live) !== this.#parts.holder.holder) return;
        if (attempt >= maxAttempts) throw error;
        this.#lease = live;
      }
    }
  }

  async #run(): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#ended;
    for (;;) {
      await clock.wait(renewEveryMs, signal);
      if (signal.aborted || this.#lost.signal.aborted) return;
      this.#renewing = this.#renew().finally(() => {
        this.#renewing = undefined;
      });
      await this.#renewing;
    }
  }

  /** Resolves at the next renewal that succeeds, when the Lease is lost, or after `ms`. */
  async #renewal(ms: number): Promise<void> {
    const { clock } = this.#parts;
    const waited = new AbortController();
    const renewed = new Promise<void>(resolve => this.#renewed.push(resolve));
    await Promise.race([
      renewed,
      clock.wait(ms, AbortSignal.any([this.#lost.signal, this.#ended.signal, waited.signal])),
    ]);
    waited.abort();
  }

  async #renew(): Promise<void> {
    const { clock } = this.#parts;
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      const sentAt = clock.now();
      try {
        this.#lease = await this.#parts.leases.replace(renewedLease(this.#lease));
        this.#sentAt = sentAt;
        this.#renewed.splice(0).forEach(resolve => resolve());
        return;
      } catch (error) {
        const { code } = asCutoverError(error);
        if (code !== 'moved' && code !== 'not-found') {
          this.#notRenewed(asCutoverError(error));
          return;
        }
      }
      if (!(await this.#readAgain())) return;
    }
  }

  /** After a renewal met another version: another client may have changed an annotation only. `false`: nothing to renew now. */
  async #readAgain(): Promise<boolean> {
    const { leases, holder, ref } = this.#parts;
    try {
      const live = await leases.get(ref);
      // Whoever deleted it may have held it before, and written: it is not created again.
      if (live === undefined || holderOf(live) !== holder.holder) {
        this.#lost.abort(lostTo(ref, live));
        return false;
      }
      this.#lease = live;
      return true;
    } catch (error) {
      this.#notRenewed(asCutoverError(error));
      return false;
    }
  }

  /** A refusal that lasts until no write may be sent any more does not heal: an API server that starts refuses for seconds. */
  #notRenewed(error: CutoverError): void {
    const { log, ref } = this.#parts;
    log.debug(`The lock could not be renewed yet: ${error.message}`);
    if (!isRefusal(error) || this.isOpen()) return;
    this.#isRefused = true;
    this.#lost.abort(refused(ref, error));
  }
}

/** Another client may change a Lease, such as an annotation, without taking it: the write is then repeated. */
const maxAttempts = 3;

/** Errors of a renewal that another attempt does not mend. */
const refusals: ReadonlySet<string> = new Set(['forbidden', 'unauthorized', 'invalid', 'unknown-kind']);

/** Whether this is why a lock was lost that may not be renewed any more; it is not when another run has it. */
export function isRefusal(lost: unknown): boolean {
  return refusals.has(asCutoverError(lost).code);
}

/** `live`: the Lease as another run holds it; absent: it is gone. */
function lostTo(ref: ObjectRef, live: KubeObject | undefined): CutoverError {
  const what = live === undefined ? 'was deleted, so another run may have held it' : `was taken over by ${runOf(live)}`;
  return new CutoverError(`${describeRef(ref)} ${what}: this run writes nothing any more`, {
    code: 'locked',
    object: describeRef(ref),
    hint: 'Another run decides what is live. Run `action: status` to see it; then run this step again if it is still needed.',
  });
}

function refused(ref: ObjectRef, { code, message, hint = '' }: CutoverError): CutoverError {
  return new CutoverError(
    `${describeRef(ref)} can no longer be renewed: ${message}. This step writes nothing any more`,
    { code, object: describeRef(ref), hint: `${hint} Then run this step again: what it began is on record.`.trim() },
  );
}

function released(ref: ObjectRef): CutoverError {
  return new CutoverError(`${describeRef(ref)} is released: this step writes nothing any more`, {
    code: 'locked',
    object: describeRef(ref),
  });
}

function notRenewed(ref: ObjectRef, { run }: LeaseHolder): CutoverError {
  return new CutoverError(
    `${describeRef(ref)} could not be renewed, so ${run} cannot prove that it holds the release`,
    {
      code: 'locked',
      object: describeRef(ref),
      hint: 'Check that the API server can be reached and that the credentials may update Leases (docs/rbac.md); then run this step again.',
    },
  );
}
