import type { WatchEvent } from '../cluster/cluster.js';
import { refKey, refOf } from '../kubernetes/object.js';
import type { KubeObject, ObjectRef } from '../kubernetes/object.js';
import { ownersOf } from '../kubernetes/workload.js';

/** Everything that the watches have told, as it is now. */
export class Inventory {
  readonly #objects = new Map<string, KubeObject>();
  readonly #deleted = new Map<string, KubeObject>();
  /** Keys of objects by their owner's uid: each event asks for those of every workload. */
  readonly #owned = new Map<string, Set<string>>();

  tell(event: WatchEvent): void {
    if (event.type === 'synced') return;
    const key = refKey(refOf(event.object));
    for (const uid of this.#owners(key)) this.#owned.get(uid)?.delete(key);
    if (event.type === 'DELETED') {
      this.#objects.delete(key);
      this.#deleted.set(event.object.metadata.uid ?? '', event.object);
      return;
    }
    this.#objects.set(key, event.object);
    for (const uid of this.#owners(key)) {
      const keys = this.#owned.get(uid) ?? new Set<string>();
      this.#owned.set(uid, keys.add(key));
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
    const keys = [...(this.#owned.get(uid) ?? [])];
    return keys.map(key => this.#objects.get(key)).filter(object => object?.kind === kind) as KubeObject[];
  }

  #owners(key: string): readonly string[] {
    const object = this.#objects.get(key);
    return object === undefined ? [] : ownersOf(object);
  }
}
