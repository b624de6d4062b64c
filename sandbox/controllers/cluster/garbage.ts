import type { KubeObject } from '../../object.js';
import { refOf } from '../../object.js';
import type { Controller } from '../context.js';
import { createQueue } from '../queue.js';
import { ownableKinds, watchAll } from '../watch-all.js';

const FOREGROUND = 'foregroundDeletion';

/** Removes the dependents of deleted owners, first those that block a foreground deletion. */
export const garbageCollector: Controller = context => {
  const { store, clock } = context;

  const queue = createQueue(clock, () => {
    const objects = ownableKinds(context).flatMap(({ apiVersion, kind }) => store.list({ apiVersion, kind }));
    const alive = new Set(objects.map(({ metadata }) => metadata.uid));
    for (const object of objects) {
      const owners = object.metadata.ownerReferences ?? [];
      if (owners.length > 0 && !owners.some(({ uid }) => alive.has(uid))) remove(object, 'Background');
    }
    for (const owner of objects.filter(waitsForDependents)) finish(owner, objects);
  });

  function remove(object: KubeObject, propagation: 'Background' | 'Foreground'): void {
    const live = store.get(refOf(object));
    const same = live !== undefined && live.metadata.uid === object.metadata.uid;
    if (same && live.metadata.deletionTimestamp === undefined) store.remove(refOf(object), { propagation });
  }

  function finish(owner: KubeObject, objects: readonly KubeObject[]): void {
    const blocking = objects.filter(({ metadata }) =>
      metadata.ownerReferences?.some(
        reference => reference.uid === owner.metadata.uid && 'blockOwnerDeletion' in reference,
      ),
    );
    for (const object of blocking) remove(object, 'Foreground');
    if (blocking.some(object => store.get(refOf(object))?.metadata.uid === object.metadata.uid)) return;
    const live = store.get(refOf(owner));
    if (!live) return;
    store.update({
      ...live,
      metadata: { ...live.metadata, finalizers: finalizersOf(live).filter(f => f !== FOREGROUND) },
    });
  }

  const end = watchAll(context, ({ type, object }) => {
    if (type === 'DELETED' || waitsForDependents(object)) queue.add('sweep');
  });
  return () => {
    queue.close();
    end();
  };
};

function waitsForDependents(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined && finalizersOf(object).includes(FOREGROUND);
}

function finalizersOf(object: KubeObject): readonly string[] {
  const { finalizers } = object.metadata;
  return Array.isArray(finalizers) ? finalizers.filter(name => typeof name === 'string') : [];
}
