import type { Clock } from '../../src/cluster/clock.js';

/** A clock on which waiting takes no real time; `waited` lists the waits in milliseconds. */
export function fakeClock(): Clock & { readonly waited: number[] } {
  let now = 0;
  const waited: number[] = [];
  return {
    waited,
    now: () => now,
    wait: ms => {
      waited.push(ms);
      now += ms;
      return Promise.resolve();
    },
  };
}

/** A clock that moves only by `advance`. */
export interface ManualClock extends Clock {
  advance(ms: number): Promise<void>;
}

export function manualClock(): ManualClock {
  let now = 0;
  const waits = new Set<{ readonly at: number; readonly end: () => void }>();
  return {
    now: () => now,
    wait: (ms, signal) =>
      new Promise(resolve => {
        const wait = {
          at: now + ms,
          end: () => {
            waits.delete(wait);
            resolve();
          },
        };
        waits.add(wait);
        signal.addEventListener('abort', wait.end);
        if (signal.aborted) wait.end();
      }),
    async advance(ms) {
      now += ms;
      for (const wait of [...waits]) if (wait.at <= now) wait.end();
      await settle();
    },
  };
}

/** Runs all pending callbacks. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve));
}
