import { freeze, nameOf, objectAt, type JsonObject } from '../schema/json.js';

/** One change of the stored state. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** `deployments.apps`, `pods`. */
  readonly resource: string;
  readonly revision: number;
  readonly object: JsonObject;
  /** The previous object; absent for ADDED. */
  readonly previous?: JsonObject;
}

type Listener = (change: Change) => void;

/** Identifies an object among those of its resource; `namespace` is '' for cluster-scoped kinds. */
export interface ObjectKey {
  readonly namespace: string;
  readonly name: string;
}

/** The key of an object, which lists are sorted by: `namespace/name`. */
export function keyOf(object: JsonObject): string {
  const { name, namespace } = nameOf(object);
  return `${namespace}/${name}`;
}

/** Changes kept for watches that start from an older resourceVersion; older ones are answered 410. */
const historyLimit = 2000;

/** The etcd of the sandbox: frozen objects, one revision counter, a bounded history, listeners in order. */
export class Storage {
  readonly #objects = new Map<string, Map<string, JsonObject>>();
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #queue: Change[] = [];
  #history: Change[] = [];
  // As in an older cluster, whose first versions are already compacted.
  #revision = 100;
  #oldest = 100;
  #draining = false;

  get revision(): number {
    return this.#revision;
  }

  read(resource: string, at: ObjectKey): JsonObject | undefined {
    return this.#objects.get(resource)?.get(`${at.namespace}/${at.name}`);
  }

  /** All objects of the resource by namespace and name; `namespace` '' means all namespaces. */
  list(resource: string, namespace = ''): JsonObject[] {
    const found = [...(this.#objects.get(resource) ?? new Map<string, JsonObject>()).entries()];
    return found
      .filter(([key]) => namespace === '' || key.startsWith(`${namespace}/`))
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([, object]) => object);
  }

  /** Every resource that has objects. */
  resources(): string[] {
    return [...this.#objects].filter(([, objects]) => objects.size > 0).map(([resource]) => resource);
  }

  /** Stores `object` under the next revision, freezes it, and notifies the listeners. */
  write(resource: string, object: JsonObject): JsonObject {
    const { name, namespace } = nameOf(object);
    const objects = this.#objects.get(resource) ?? new Map<string, JsonObject>();
    this.#objects.set(resource, objects);
    const previous = objects.get(`${namespace}/${name}`);
    const revision = this.#stamp(object);
    objects.set(`${namespace}/${name}`, freeze(object));
    this.#publish(
      previous === undefined
        ? { type: 'ADDED', resource, revision, object }
        : { type: 'MODIFIED', resource, revision, object, previous },
    );
    return object;
  }

  /** Removes the object; watchers get `last`, its final state, under a new revision. */
  remove(resource: string, last: JsonObject): JsonObject {
    const { name, namespace } = nameOf(last);
    const previous = this.read(resource, { namespace, name });
    const revision = this.#stamp(last);
    this.#objects.get(resource)?.delete(`${namespace}/${name}`);
    freeze(last);
    this.#publish({ type: 'DELETED', resource, revision, object: last, previous: previous ?? last });
    return last;
  }

  /** Changes after `revision`; `undefined` if they are compacted. */
  since(resource: string, revision: number): Change[] | undefined {
    if (revision + 1 < this.#oldest) return undefined;
    return this.#history.filter(change => change.resource === resource && change.revision > revision);
  }

  /** The objects of the resource as they were at `revision`; `undefined` if that is compacted. */
  listAt(resource: string, namespace: string, revision: number): JsonObject[] | undefined {
    const later = this.since(resource, revision);
    if (later === undefined) return undefined;
    const then = new Map(this.list(resource, namespace).map(object => [keyOf(object), object]));
    for (const { object, previous } of later.reverse()) {
      if (namespace !== '' && nameOf(object).namespace !== namespace) continue;
      if (previous === undefined) then.delete(keyOf(object));
      else then.set(keyOf(object), previous);
    }
    return [...then].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, object]) => object);
  }

  /** Compacts the history: watches from older versions end in 410. */
  compact(): void {
    this.#history = [];
    this.#oldest = this.#revision + 1;
  }

  listen(resource: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(resource) ?? new Set<Listener>();
    this.#listeners.set(resource, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  #stamp(object: JsonObject): number {
    this.#revision += 1;
    objectAt(object, 'metadata').resourceVersion = String(this.#revision);
    return this.#revision;
  }

  #publish(change: Change): void {
    this.#history.push(change);
    if (this.#history.length > historyLimit) {
      this.#history = this.#history.slice(historyLimit / 2);
      this.#oldest = this.#history[0]?.revision ?? this.#revision + 1;
    }
    this.#queue.push(change);
    // A listener may write too: its change waits, so that everyone sees all changes in the order of revisions.
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        for (const listener of [...(this.#listeners.get(next.resource) ?? [])]) listener(next);
      }
    } finally {
      this.#draining = false;
    }
  }
}
