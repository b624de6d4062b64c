/** Kubernetes time. Every delay of the sandbox uses it, so that all delays can be scaled and cancelled together. */
export interface Clock {
  /** Kubernetes seconds since the clock was made, with fractions. */
  now(): number;
  /** Runs `action` once after that many Kubernetes seconds. Returns its cancellation. */
  after(seconds: number, action: () => void): () => void;
  /** Resolves after that many Kubernetes seconds; rejects with the signal's reason when it is aborted before. */
  sleep(seconds: number, signal?: AbortSignal): Promise<void>;
  /** Cancels everything. A pending sleep never resolves. */
  close(): void;
}

/**
 * Waits are made of slices no longer than this. When the machine stalls, all pods of this one process stall with their
 * clients; with one long timer, a pod's grace period could end before it had answered its pending requests.
 */
const sliceMs = 25;

/** `secondMs`: real milliseconds of one Kubernetes second. */
export function createClock(secondMs: number): Clock {
  const timers = new Set<NodeJS.Timeout>();
  const start = performance.now();

  function after(seconds: number, action: () => void): () => void {
    let left = seconds * secondMs;
    let timer: NodeJS.Timeout;
    const next = (): void => {
      const slice = Math.min(left, sliceMs);
      timer = setTimeout(() => {
        timers.delete(timer);
        left -= slice;
        if (left > 0) next();
        else action();
      }, slice);
      timers.add(timer);
    };
    next();
    return () => {
      clearTimeout(timer);
      timers.delete(timer);
    };
  }

  return {
    now: () => (performance.now() - start) / secondMs,
    after,
    sleep: (seconds, signal) =>
      new Promise<void>((resolve, reject) => {
        if (signal?.aborted) {
          reject(reasonOf(signal));
          return;
        }
        const onAbort = () => {
          cancel();
          if (signal) reject(reasonOf(signal));
        };
        const cancel = after(seconds, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    close: () => {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}
