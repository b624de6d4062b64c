import type { WatchEvent } from '../cluster/cluster.js';
import { refKey, refOf } from '../manifests/object.js';
import type { KubeObject, ObjectRef } from '../manifests/object.js';
import { ownedBy } from './workload.js';

/** Everything that the watches have told, as it is now. */
export class Inventory {
  readonly #objects = new Map<string, KubeObject>();
  readonly #deleted = new Map<string, KubeObject>();

  tell(event: WatchEvent): void {
    if (event.type === 'synced') return;
    const key = refKey(refOf(event.object));
    if (event.type === 'DELETED') {
      this.#objects.delete(key);
      this.#deleted.set(event.object.metadata.uid ?? '', event.object);
    } else {
      this.#objects.set(key, event.object);
    }
  }

  find(ref: ObjectRef): KubeObject | undefined {
    return this.#objects.get(refKey(ref));
  }

  /** The object with this uid as it was when it was seen to go; `undefined` when it was not. */
  deleted(uid: string): KubeObject | undefined {
    return this.#deleted.get(uid);
  }

  /** All of a kind that the object with this uid controls. */
  ownedBy(uid: string, kind: string): readonly KubeObject[] {
    return [...this.#objects.values()].filter(object => object.kind === kind && ownedBy(object, uid));
  }
}
