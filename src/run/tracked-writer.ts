import type { ObjectWriter } from '../cluster/cluster.js';

/** A writer that knows which of its writes have not ended yet. */
export interface TrackedWriter extends ObjectWriter {
  /** Resolves once no write is under way. Never rejects. */
  settled(): Promise<void>;
}

/**
 * A lock must not be given back while a write is under way: it could reach the API server after the next run has begun.
 * `onWriting` is called with `true` before the first write begins, and with `false` when none is under way any more.
 */
export function trackedWriter(writer: ObjectWriter, onWriting: (isWriting: boolean) => void): TrackedWriter {
  const underWay = new Set<Promise<unknown>>();
  function tracked<T>(send: () => Promise<T>): Promise<T> {
    if (underWay.size === 0) onWriting(true);
    const write = send();
    const end = (): void => {
      underWay.delete(write);
      if (underWay.size === 0) onWriting(false);
    };
    underWay.add(write);
    write.then(end, end);
    return write;
  }
  return {
    apply: (object, options) => tracked(() => writer.apply(object, options)),
    create: object => tracked(() => writer.create(object)),
    replace: object => tracked(() => writer.replace(object)),
    setManagedFields: (live, managedFields) => tracked(() => writer.setManagedFields(live, managedFields)),
    remove: (ref, preconditions) => tracked(() => writer.remove(ref, preconditions)),
    evict: (pod, preconditions) => tracked(() => writer.evict(pod, preconditions)),
    async settled() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
  };
}
