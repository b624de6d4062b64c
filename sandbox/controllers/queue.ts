import type { Clock } from './clock.js';

/**
 * Work to be done, by key: a key that is added several times before its turn is done once. Nothing is done inside
 * `add`, so a store listener may call it: writing inside a listener would show others the changes in the wrong order.
 */
export interface Queue {
  add(key: string): void;
  /** Adds the key after that many Kubernetes seconds; a later call for the same key replaces an earlier one. */
  addAfter(key: string, seconds: number): void;
  close(): void;
}

/** An error of `reconcile` is a bug of the sandbox and ends the process: otherwise the controller would only seem slow. */
export function createQueue(clock: Clock, reconcile: (key: string) => void): Queue {
  const keys = new Set<string>();
  const later = new Map<string, () => void>();
  let turn: NodeJS.Immediate | undefined;
  let closed = false;

  function work(): void {
    turn = undefined;
    const [key] = keys;
    if (key === undefined) return;
    keys.delete(key);
    if (keys.size > 0) turn = setImmediate(work);
    reconcile(key);
  }

  function add(key: string): void {
    if (closed) return;
    keys.add(key);
    turn ??= setImmediate(work);
  }

  return {
    add,
    addAfter(key, seconds) {
      if (closed) return;
      later.get(key)?.();
      later.set(
        key,
        clock.after(seconds, () => {
          later.delete(key);
          add(key);
        }),
      );
    },
    close() {
      closed = true;
      if (turn) clearImmediate(turn);
      for (const cancel of later.values()) cancel();
    },
  };
}
