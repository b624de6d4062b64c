import {
  childOf,
  clone,
  erase,
  nameOf,
  objectAt,
  objectsAt,
  textAt,
  timestamp,
  type JsonObject,
} from '../schema/json.js';
import { resourceOf, type Kind } from '../schema/kinds.js';
import { forbidden, moved } from '../http/status.js';
import type { Storage } from '../store/storage.js';

/** Options of a deletion. */
export interface DeleteOptions {
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** Pods: how long they may take to stop; 0 removes them at once. Absent: what their spec says. */
  readonly gracePeriodSeconds?: number;
  /** Default `Background`: the garbage collector removes what the object owns after it is gone. */
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
  readonly dryRun?: boolean;
}

/** Deletion as a real API server does it: at once, or marked and completed when grace and finalizers are over. */
export class Deletion {
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** Returns the last state of the object, or the marked one. */
  remove(kind: Kind, live: JsonObject, options: DeleteOptions): JsonObject {
    const { name } = nameOf(live);
    // A real API server names the kind here, where it names the resource elsewhere.
    const named = { group: kind.group, plural: kind.kind, kind: kind.kind };
    const metadata = objectAt(live, 'metadata');
    if (options.uid !== undefined && options.uid !== metadata.uid) {
      const found = textAt(metadata, 'uid') ?? '';
      const why = `the UID in the precondition (${options.uid}) does not match the UID in record (${found}). The object might have been deleted and then recreated`;
      throw moved(named, name, why);
    }
    if (options.resourceVersion !== undefined && options.resourceVersion !== metadata.resourceVersion) {
      const found = textAt(metadata, 'resourceVersion') ?? '';
      const why = `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${found}). The object might have been modified`;
      throw moved(named, name, why);
    }
    if (isNamespace(kind) && kept.has(name)) throw forbidden(kind, name, 'this namespace may not be deleted');
    if (options.dryRun === true) return live;
    const next = clone(live);
    const foreground = options.propagation === 'Foreground' && this.#dependents(live).some(blocks(live));
    if (foreground) addFinalizer(next, 'foregroundDeletion');
    else if (options.propagation === 'Foreground') return this.#passThrough(kind, next, 'foregroundDeletion');
    if (options.propagation === 'Orphan') {
      this.#orphan(live);
      return this.#passThrough(kind, next, 'orphan');
    }
    const grace = gracePeriod(kind, live, options);
    if (grace === 0 && !blocked(kind, next, options)) {
      if (isPod(kind)) mark(kind, next, grace);
      return this.#storage.remove(resourceOf(kind), next);
    }
    if (!mark(kind, next, grace)) return live;
    return this.#storage.write(resourceOf(kind), next);
  }

  /** Removes `next` when it was marked and nothing holds it any more; `undefined` when it stays. */
  complete(kind: Kind, next: JsonObject, options: { readonly dryRun?: boolean }): JsonObject | undefined {
    const metadata = objectAt(next, 'metadata');
    if (metadata.deletionTimestamp === undefined || options.dryRun === true) return undefined;
    // A pod within its grace goes when the node says that it has stopped, with a deletion of grace 0.
    const waits = typeof metadata.deletionGracePeriodSeconds === 'number' && metadata.deletionGracePeriodSeconds > 0;
    if (waits || blocked(kind, next, {})) return undefined;
    return this.#storage.remove(resourceOf(kind), clone(next));
  }

  /** Marks with a finalizer whose work is done already. Returns the marked object, which others hold up or not. */
  #passThrough(kind: Kind, object: JsonObject, finalizer: string): JsonObject {
    const done = clone(object);
    addFinalizer(object, finalizer);
    mark(kind, object, gracePeriod(kind, object, {}));
    const marked = this.#storage.write(resourceOf(kind), object);
    childOf(done, 'metadata').deletionTimestamp = objectAt(marked, 'metadata').deletionTimestamp ?? '';
    childOf(done, 'metadata').deletionGracePeriodSeconds = objectAt(marked, 'metadata').deletionGracePeriodSeconds ?? 0;
    if (this.complete(kind, done, {}) === undefined) this.#storage.write(resourceOf(kind), done);
    return marked;
  }

  #dependents(owner: JsonObject): { readonly resource: string; readonly object: JsonObject }[] {
    const { uid } = objectAt(owner, 'metadata');
    return this.#storage
      .resources()
      .flatMap(resource => this.#storage.list(resource).map(object => ({ resource, object })))
      .filter(({ object }) =>
        objectsAt(object, 'metadata', 'ownerReferences').some(reference => reference.uid === uid),
      );
  }

  #orphan(owner: JsonObject): void {
    const { uid } = objectAt(owner, 'metadata');
    for (const { resource, object } of this.#dependents(owner)) {
      const next = clone(object);
      const metadata = childOf(next, 'metadata');
      const left = objectsAt(metadata, 'ownerReferences').filter(reference => reference.uid !== uid);
      if (left.length === 0) erase(metadata, 'ownerReferences');
      else metadata.ownerReferences = left;
      this.#storage.write(resource, next);
    }
  }
}

const blocks =
  (owner: JsonObject) =>
  (dependent: { readonly object: JsonObject }): boolean =>
    objectsAt(dependent.object, 'metadata', 'ownerReferences').some(
      reference => reference.uid === objectAt(owner, 'metadata').uid && reference.blockOwnerDeletion === true,
    );

function addFinalizer(object: JsonObject, name: string): void {
  const metadata = childOf(object, 'metadata');
  const finalizers = Array.isArray(metadata.finalizers) ? metadata.finalizers : [];
  if (!finalizers.includes(name)) metadata.finalizers = [...finalizers, name];
}

/** Namespaces that cannot be deleted. */
const kept: ReadonlySet<string> = new Set(['default', 'kube-public', 'kube-system']);

const isNamespace = (kind: Kind): boolean => kind.group === '' && kind.kind === 'Namespace';
const isPod = (kind: Kind): boolean => kind.group === '' && kind.kind === 'Pod';

/** Only a pod on a node has a grace period. */
function gracePeriod(kind: Kind, live: JsonObject, options: DeleteOptions): number {
  if (!isPod(kind)) return 0;
  const spec = objectAt(live, 'spec');
  const phase = objectAt(live, 'status').phase;
  if (textAt(spec, 'nodeName') === undefined || phase === 'Succeeded' || phase === 'Failed') return 0;
  const asked = options.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds;
  return typeof asked === 'number' ? asked : 30;
}

function blocked(kind: Kind, object: JsonObject, options: DeleteOptions): boolean {
  const has = (list: unknown): boolean => Array.isArray(list) && list.length > 0;
  if (has(objectAt(object, 'metadata').finalizers)) return true;
  return isNamespace(kind) && options.gracePeriodSeconds !== 0 && has(objectAt(object, 'spec').finalizers);
}

/** Marks for deletion; false when it was marked already and nothing changes. */
function mark(kind: Kind, object: JsonObject, grace: number): boolean {
  const metadata = childOf(object, 'metadata');
  const had = metadata.deletionGracePeriodSeconds;
  if (metadata.deletionTimestamp !== undefined && typeof had === 'number' && grace >= had) return false;
  metadata.deletionTimestamp ??= timestamp(new Date(Date.now() + grace * 1000));
  metadata.deletionGracePeriodSeconds = grace;
  if (kind.generation && typeof metadata.generation === 'number') metadata.generation += 1;
  if (isNamespace(kind)) childOf(object, 'status').phase = 'Terminating';
  return true;
}
