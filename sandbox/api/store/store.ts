import type { KindRef, KubeObject, ObjectRef } from '../../object.js';
import type { DeleteOptions } from '../writes/deletion.js';

/** An event for the listeners of a store, in the order of resourceVersions. */
export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
}

/**
 * The state of the embedded cluster, as etcd behind a real API server: every change has a new resourceVersion, every
 * object a uid, a generation that moves with its spec, and managedFields. Returned objects are frozen copies.
 * Refused changes throw an `ApiError` with the Status that a real API server would send.
 */
export interface Store {
  get(ref: ObjectRef): KubeObject | undefined;
  /** All objects of the kind; `namespace` absent: in all namespaces. */
  list(kind: KindRef, options?: { readonly labels?: Readonly<Record<string, string>> }): readonly KubeObject[];
  /** Defaults are filled in. `metadata.generateName` works. */
  create(object: KubeObject, options?: { readonly manager?: string }): KubeObject;
  /**
   * Replaces the object. With `metadata.resourceVersion` set only if it is still the live one. `part: 'status'` takes
   * the status alone and leaves generation as it is; the default takes everything but the status.
   */
  update(object: KubeObject, options?: { readonly part?: 'status'; readonly manager?: string }): KubeObject;
  /** Server-side apply, which takes fields over from other managers. */
  apply(config: KubeObject, manager: string): void;
  /** Finalizers, `deletionTimestamp` and owner references work as on a real cluster (background by default). */
  remove(ref: ObjectRef, options?: DeleteOptions): void;
  /** Calls `listener` for each later change of the kind (all namespaces), synchronously. Returns a function that stops it. */
  watch(kind: Omit<KindRef, 'namespace'>, listener: (event: StoreEvent) => void): () => void;
}
