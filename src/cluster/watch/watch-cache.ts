import type { KubeObject } from '../../kubernetes/object.js';
import type { WatchEvent } from '../cluster.js';

/** The objects that a watch has reported, so that a new initial list reports only the difference. */
export class WatchCache {
  readonly #objects = new Map<string, KubeObject>();
  /** Keys of the initial list that is in progress; `undefined` once it is complete. */
  #seen: Set<string> | undefined;
  #resourceVersion: string | undefined;
  /** Version of the initial list that is in progress. */
  #pending: string | undefined;

  /** Version from which a new connection continues; `undefined`: it must start with an initial list. */
  get resourceVersion(): string | undefined {
    return this.#resourceVersion;
  }

  /** Whether the last initial list is complete. */
  get isComplete(): boolean {
    return this.#seen === undefined && this.#resourceVersion !== undefined;
  }

  /** Starts an initial list. */
  beginList(): void {
    this.#seen = new Set();
    this.#pending = undefined;
  }

  /** The version has expired: the next connection starts with an initial list. */
  clearVersion(): void {
    this.#resourceVersion = undefined;
  }

  /** Sets the version of the last event. An incomplete initial list cannot be resumed, so its version is kept apart. */
  setVersion(object: KubeObject): void {
    if (this.#seen === undefined) this.#resourceVersion = object.metadata.resourceVersion ?? this.#resourceVersion;
    else this.#pending = object.metadata.resourceVersion;
  }

  *update(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): Generator<WatchEvent, void, undefined> {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    this.#seen?.add(key);
    this.setVersion(object);
    if (type === 'DELETED') {
      this.#objects.delete(key);
      this.#seen?.delete(key);
      if (before !== undefined) yield { type, object };
      return;
    }
    this.#objects.set(key, object);
    if (before !== undefined && isSame(before, object)) return;
    // Deleted and recreated while there was no connection.
    const replaced = before !== undefined && before.metadata.uid !== object.metadata.uid;
    if (replaced) yield { type: 'DELETED', object: before };
    yield { type: before === undefined || replaced ? 'ADDED' : 'MODIFIED', object };
  }

  /** Ends an initial list: objects that were reported before and are not in it are deleted. */
  *completeList(): Generator<WatchEvent, void, undefined> {
    const seen = this.#seen;
    this.#seen = undefined;
    this.#resourceVersion = this.#pending;
    if (seen === undefined) return;
    for (const [key, object] of [...this.#objects]) {
      if (seen.has(key)) continue;
      this.#objects.delete(key);
      yield { type: 'DELETED', object };
    }
  }

  /** A complete initial list, from a list request. */
  *replaceAll(objects: readonly KubeObject[], resourceVersion: string): Generator<WatchEvent, void, undefined> {
    this.beginList();
    for (const object of objects) yield* this.update('ADDED', object);
    this.#pending = resourceVersion;
    yield* this.completeList();
  }
}

/** Whether an object of a new initial list has not changed. */
function isSame({ metadata: one }: KubeObject, { metadata: other }: KubeObject): boolean {
  return one.uid === other.uid && one.resourceVersion !== undefined && one.resourceVersion === other.resourceVersion;
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
