import type { StoreEvent } from '../api/store/store.js';
import type { ControllerContext, ServedKind } from './context.js';
import { createQueue } from './queue.js';

const DEFINITION = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' };

/** Kinds without owners and dependents, which the garbage collector skips. */
const loose = new Set(['Event', 'Lease']);

/** The kinds whose objects may own others or be owned. */
export function ownableKinds({ kinds }: ControllerContext): readonly ServedKind[] {
  return kinds().filter(({ kind }) => !loose.has(kind));
}

/** Calls `listener` for changes of all {@link ownableKinds}, also of those that come later by a CustomResourceDefinition. */
export function watchAll(context: ControllerContext, listener: (event: StoreEvent) => void): () => void {
  const { store, clock } = context;
  const ends = new Map<string, () => void>();
  const queue = createQueue(clock, () => {
    for (const { apiVersion, kind } of ownableKinds(context)) {
      const key = `${apiVersion}/${kind}`;
      if (!ends.has(key)) ends.set(key, store.watch({ apiVersion, kind }, listener));
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
