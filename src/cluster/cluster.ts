import type { Duplex } from 'node:stream';
import type { Namespace } from '../kubernetes/kinds.js';
import type { KindRef, KubeObject, ObjectRef } from '../kubernetes/object.js';

/** Options of {@link ObjectWriter.apply}. */
export interface ApplyOptions {
  /** `true`: takes over fields that other managers own. Default `false`. */
  readonly force?: boolean;
  /** Write only if the live object still has this version; otherwise throws `moved`. Absent: no precondition. */
  readonly resourceVersion?: string;
}

/** Result of an apply. */
export interface Applied {
  readonly object: KubeObject;
  /** The object did not exist before (status 201). */
  readonly created: boolean;
  /** Deprecations and other `Warning` headers. */
  readonly warnings: readonly string[];
}

export interface ListOptions {
  /** As `app=web,role=blue`. Absent: all. */
  readonly labelSelector?: string;
  /** As `metadata.name=web`. Absent: all. */
  readonly fieldSelector?: string;
}

/** Events of a watch, in order. `synced` comes once, after all objects that existed at the start. */
export type WatchEvent =
  { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject } | { readonly type: 'synced' };

/** An answer through the API server's proxy, whatever its status. */
export interface ProxyAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** True when the API server answered instead of the pod (no endpoint, pod unreachable). */
  readonly fromApiServer: boolean;
}

export interface ProxyRequest {
  readonly kind: 'Pod' | 'Service';
  readonly namespace: string;
  readonly name: string;
  /** Port number, or for a Service its port's name or number. */
  readonly port: number | string;
  /** Starts with `/`; may contain a query. */
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** In bytes. Of a longer answer only the beginning is read, a little more than this. Absent: all of it. */
  readonly longestBody?: number;
  /** Default 10 000. */
  readonly timeoutMs?: number;
  /** Ends the request. Absent: only its timeout does. */
  readonly signal?: AbortSignal;
}

/** A port of a pod. */
export interface PodPort {
  readonly namespace: string;
  /** Name of the pod: whichever has it at that moment. */
  readonly name: string;
  readonly port: number;
}

/**
 * The port that reads Kubernetes. Every method throws a `CutoverError` whose `code` classifies the answer of the API
 * server, and ends with the abort signal of the connection. Uses no type of a client library.
 */
export interface Cluster {
  /** Namespace of objects without one. */
  readonly namespace: string;
  /** What {@link ObjectWriter.apply} would do: the API server validates the request, but stores nothing. */
  dryRunApply(object: KubeObject, options?: Pick<ApplyOptions, 'force'>): Promise<Applied>;
  /** What {@link ObjectWriter.create} would do. Throws `exists` if the object exists. */
  dryRunCreate(object: KubeObject): Promise<KubeObject>;
  /** What {@link ObjectWriter.replace} would do. */
  dryRunReplace(object: KubeObject): Promise<KubeObject>;
  /** `undefined` when the object does not exist. */
  get(ref: ObjectRef): Promise<KubeObject | undefined>;
  list(kind: KindRef, options?: ListOptions): Promise<readonly KubeObject[]>;
  /**
   * Existing objects, then `synced`, then every change, until the caller stops reading. Dropped connections and 410 are
   * handled: the caller may see an object twice, and sees DELETED for an object that was deleted in the meantime.
   */
  watch(kind: KindRef, options: ListOptions & { readonly signal: AbortSignal }): AsyncIterable<WatchEvent>;
  /** The last `lines` log lines of a container (default 50), of its previous instance if `previous`. */
  logs(
    pod: ObjectRef,
    options: { readonly container: string; readonly previous?: boolean; readonly lines?: number },
  ): Promise<string>;
  /** A request to a pod or Service through the API server. */
  proxy(request: ProxyRequest): Promise<ProxyAnswer>;
  /**
   * A new connection to a port of a pod (port-forward), until it is destroyed or the run ends. It reaches the address 127.0.0.1 of
   * the pod. Rejects if the API server opens none: `forbidden`, `not-found` for a pod that is gone, `unreachable`, `api`. Whether
   * something listens at the port shows only later: see `TunnelStream`.
   */
  tunnel(target: PodPort): Promise<Duplex>;
}

/** What must be true of the live object for it to be deleted. */
export interface DeletePreconditions {
  readonly uid: string;
  /** Absent: any version. */
  readonly resourceVersion?: string;
}

/** The port that writes. Its requests are sent only while the fence that it was opened with is open. */
export interface ObjectWriter {
  /** Server-side apply of raw JSON, manager `cutover`, `fieldValidation=Strict`. */
  apply(object: KubeObject, options?: ApplyOptions): Promise<Applied>;
  /** POST; throws `exists` if the object exists. */
  create(object: KubeObject): Promise<KubeObject>;
  /** PUT; with `metadata.resourceVersion` set, throws `moved` if the live object has another version. */
  replace(object: KubeObject): Promise<KubeObject>;
  /** Replaces `metadata.managedFields` of the live object; throws `moved` if it no longer has this version. */
  setManagedFields(live: KubeObject, managedFields: readonly unknown[]): Promise<KubeObject>;
  /** Background deletion. Does nothing when the object does not exist or is not the one of the preconditions. */
  remove(ref: ObjectRef, preconditions: DeletePreconditions): Promise<void>;
  /**
   * Deletes a pod, with its own grace, unless that would violate a disruption budget: then throws `budget`. Does nothing when the
   * pod does not exist or has another uid.
   */
  evict(pod: ObjectRef, preconditions: Pick<DeletePreconditions, 'uid'>): Promise<void>;
}

/** The port to the Leases that are the locks of releases. Each call is one attempt, and does not wait for other requests. */
export interface LeasePort {
  get(ref: ObjectRef): Promise<KubeObject | undefined>;
  /** POST; throws `exists` if the Lease exists. */
  create(lease: KubeObject): Promise<KubeObject>;
  /** PUT; throws `moved` if the live Lease has another resourceVersion. */
  replace(lease: KubeObject): Promise<KubeObject>;
  /** Throws `moved` if the live Lease has another uid or resourceVersion; does nothing when it does not exist. */
  remove(ref: ObjectRef, preconditions: Required<DeletePreconditions>): Promise<void>;
}

/** Verbs that a step needs on a kind. */
export interface NeededRule {
  readonly kind: KindRef;
  readonly verbs: readonly string[];
}

/** The port that creates the namespace of a release, in which its lock and its record are. */
export interface NamespacePort {
  create(namespace: Namespace): Promise<void>;
}
