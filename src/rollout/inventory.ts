import type { WatchEvent } from '../cluster/cluster.js';
import { groupOf, refKey, refOf } from '../kubernetes/object.js';
import type { KindRef, KubeObject, ObjectRef } from '../kubernetes/object.js';
import { isBeingDeleted } from '../kubernetes/pods/pod.js';
import { ownersOf } from '../kubernetes/workload.js';

/** The objects that the watches have reported, in their latest version. */
export class Inventory {
  readonly #objects = new Map<string, KubeObject>();
  readonly #deleted = new Map<string, KubeObject>();
  /** Keys of objects by the uid of their owner: every event needs those of each workload. */
  readonly #owned = new Map<string, Set<string>>();

  /** Keys of pods that are being deleted, by their namespace. */
  readonly #leaving = new Map<string, Set<string>>();

  update(event: WatchEvent): void {
    if (event.type === 'synced') return;
    const key = refKey(refOf(event.object));
    if (event.object.kind === 'Pod') this.#noteLeaving(key, event);
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

  /** The objects of a kind in a namespace, as far as that kind is watched there. */
  all({ apiVersion, kind, namespace }: KindRef): readonly KubeObject[] {
    const isOfKind = (ref: ObjectRef): boolean =>
      ref.kind === kind && ref.namespace === namespace && groupOf(ref.apiVersion) === groupOf(apiVersion);
    return [...this.#objects.values()].filter(object => isOfKind(refOf(object)));
  }

  /** The last version of the object with this uid that a watch reported as deleted; `undefined` if none did. */
  deleted(uid: string): KubeObject | undefined {
    return this.#deleted.get(uid);
  }

  /** The objects of a kind that the controller with this uid owns. */
  ownedBy(uid: string, kind: string): readonly KubeObject[] {
    const keys = [...(this.#owned.get(uid) ?? [])];
    return keys.map(key => this.#objects.get(key)).filter(object => object?.kind === kind) as KubeObject[];
  }

  /** Whether a pod of the namespace is being deleted. */
  hasLeavingPods(namespace = ''): boolean {
    return (this.#leaving.get(namespace)?.size ?? 0) > 0;
  }

  #noteLeaving(key: string, { object, type }: Exclude<WatchEvent, { type: 'synced' }>): void {
    const { namespace = '' } = object.metadata;
    const keys = this.#leaving.get(namespace) ?? new Set<string>();
    if (type !== 'DELETED' && isBeingDeleted(object)) keys.add(key);
    else keys.delete(key);
    this.#leaving.set(namespace, keys);
  }

  #owners(key: string): readonly string[] {
    const object = this.#objects.get(key);
    return object === undefined ? [] : ownersOf(object);
  }
}
