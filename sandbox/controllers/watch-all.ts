import type { StoreEvent } from '../api/store.js';
import type { ControllerContext } from './context.js';
import { createQueue } from './queue.js';

const DEFINITION = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' };

/** Kinds that own nothing and tell nothing: looking through them would only cost time. */
const silent = new Set(['Event', 'Lease']);

/** Calls `listener` for changes of every served kind, also of those that come later by a CustomResourceDefinition. */
export function watchAll(context: ControllerContext, listener: (event: StoreEvent) => void): () => void {
  const { store, clock, kinds } = context;
  const ends = new Map<string, () => void>();
  const queue = createQueue(clock, () => {
    for (const { apiVersion, kind } of kinds()) {
      const key = `${apiVersion}/${kind}`;
      if (!silent.has(kind) && !ends.has(key)) ends.set(key, store.watch({ apiVersion, kind }, listener));
    }
  });
  queue.add('kinds');
  const end = store.watch(DEFINITION, () => queue.add('kinds'));
  return () => {
    end();
    queue.close();
    for (const stop of ends.values()) stop();
  };
}
