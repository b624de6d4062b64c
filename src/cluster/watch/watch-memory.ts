import type { KubeObject } from '../../kubernetes/object.js';
import type { WatchEvent } from '../cluster.js';

/** What a watch has told so far, so that a new beginning tells only the difference. */
export class WatchMemory {
  readonly #told = new Map<string, KubeObject>();
  /** Keys seen since the last beginning; `undefined` once that beginning is complete. */
  #seen: Set<string> | undefined;
  #resourceVersion: string | undefined;
  #pending: string | undefined;

  /** Where a new connection continues; `undefined` when it has to begin with everything there is. */
  get resourceVersion(): string | undefined {
    return this.#resourceVersion;
  }

  /** Whether everything that was there at the last beginning has been told. */
  get whole(): boolean {
    return this.#seen === undefined && this.#resourceVersion !== undefined;
  }

  /** A connection begins with everything there is. */
  restart(): void {
    this.#seen = new Set();
    this.#pending = undefined;
  }

  /** The version is too old: the next connection begins anew. */
  forgetVersion(): void {
    this.#resourceVersion = undefined;
  }

  /** The version up to which the stream has been told. Half a beginning is none: it cannot be resumed. */
  advance(object: KubeObject): void {
    if (this.#seen === undefined) this.#resourceVersion = object.metadata.resourceVersion ?? this.#resourceVersion;
    else this.#pending = object.metadata.resourceVersion;
  }

  *tell(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): Generator<WatchEvent, void, undefined> {
    const key = keyOf(object);
    const before = this.#told.get(key);
    this.#seen?.add(key);
    this.advance(object);
    if (type === 'DELETED') {
      this.#told.delete(key);
      this.#seen?.delete(key);
      if (before !== undefined) yield { type, object };
      return;
    }
    this.#told.set(key, object);
    if (before !== undefined && isSame(before, object)) return;
    // Deleted and made again while nobody listened.
    const replaced = before !== undefined && before.metadata.uid !== object.metadata.uid;
    if (replaced) yield { type: 'DELETED', object: before };
    yield { type: before === undefined || replaced ? 'ADDED' : 'MODIFIED', object };
  }

  /** The beginning is complete: whatever was told before and not again is gone. */
  *complete(): Generator<WatchEvent, void, undefined> {
    const seen = this.#seen;
    this.#seen = undefined;
    this.#resourceVersion = this.#pending;
    if (seen === undefined) return;
    for (const [key, object] of [...this.#told]) {
      if (seen.has(key)) continue;
      this.#told.delete(key);
      yield { type: 'DELETED', object };
    }
  }

  /** The same beginning, from a list. */
  *replaceAll(objects: readonly KubeObject[], resourceVersion: string): Generator<WatchEvent, void, undefined> {
    this.restart();
    for (const object of objects) yield* this.tell('ADDED', object);
    this.#pending = resourceVersion;
    yield* this.complete();
  }
}

/** A new beginning tells again what has not changed since. */
function isSame({ metadata: one }: KubeObject, { metadata: other }: KubeObject): boolean {
  return one.uid === other.uid && one.resourceVersion !== undefined && one.resourceVersion === other.resourceVersion;
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
