import type { KubeObject } from '../object.js';
import type { Store } from '../api/store/store.js';
import type { Availability } from './availability.js';
import { controllerOf, keyOf, POD, type Kind } from './kinds.js';
import type { Queue } from './queue.js';

/** Queues each set of the kind when it changes and when one of its pods does. Returns the ends of the watches. */
export function watchSets(
  store: Store,
  kind: Kind<KubeObject>,
  { queue, availability }: { readonly queue: Queue; readonly availability: Availability },
): readonly (() => void)[] {
  return [
    store.watch(kind, ({ type, object }) => {
      if (type !== 'DELETED') queue.add(keyOf(object));
    }),
    store.watch(POD, ({ type, object }) => {
      if (type === 'DELETED') availability.forget(object);
      const owner = controllerOf(object);
      if (owner?.kind === kind.kind) queue.add(`${object.metadata.namespace ?? ''}/${owner.name}`);
    }),
  ];
}
