/** Kubernetes time: every real delay of the sandbox goes through here, so that it can be scaled and ended as one. */
export interface Clock {
  /** Kubernetes seconds since the clock was made, with fractions. */
  now(): number;
  /** Runs `action` once after that many Kubernetes seconds. Returns its cancellation. */
  after(seconds: number, action: () => void): () => void;
  /** Resolves after that many Kubernetes seconds; rejects with the signal's reason when it is aborted before. */
  sleep(seconds: number, signal?: AbortSignal): Promise<void>;
  /** Cancels everything. What still sleeps never wakes. */
  close(): void;
}

/** `secondMs`: real milliseconds of one Kubernetes second. */
export function createClock(secondMs: number): Clock {
  const timers = new Set<NodeJS.Timeout>();
  const start = performance.now();

  function after(seconds: number, action: () => void): () => void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      action();
    }, seconds * secondMs);
    timers.add(timer);
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
