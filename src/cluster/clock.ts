/** Time and waiting; tests use a fake clock. */
export interface Clock {
  /** Milliseconds since a fixed moment; monotonic. */
  now(): number;
  /** Resolves after `ms` milliseconds or when the signal aborts, whichever is first; never rejects. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wait: (ms, signal) => {
    if (signal.aborted) return Promise.resolve();
    return new Promise(resolve => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
    });
  },
};
