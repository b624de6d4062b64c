import type { KindRef, KubeObject, ObjectRef } from '../kubernetes/object.js';

/** Options of {@link Cluster.apply}. */
export interface ApplyOptions {
  /** `true`: the API server answers as if, and stores nothing. */
  readonly dryRun?: boolean;
  /** `true`: takes over fields that other managers own. */
  readonly force?: boolean;
  /** Write only if the live object still has this version; otherwise `moved` is thrown. */
  readonly resourceVersion?: string;
}

/** What the API server answered to an apply. */
export interface Applied {
  readonly object: KubeObject;
  /** The object did not exist before (status 201). */
  readonly created: boolean;
  /** Deprecations and other `Warning` headers. */
  readonly warnings: readonly string[];
  /** The API server's clock at this answer (`Date` header), milliseconds since 1970. */
  readonly serverTimeMs: number;
}

export interface ListOptions {
  /** As `app=web,role=blue`. Absent: all. */
  readonly labelSelector?: string;
  /** As `metadata.name=web`. Absent: all. */
  readonly fieldSelector?: string;
}

/** What a watch tells, in order. `synced` comes once: everything that was there at the start has been told. */
export type WatchEvent =
  { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject } | { readonly type: 'synced' };

/** An answer through the API server's proxy, whatever its status. */
export interface ProxyAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** True when the API server itself, not the pod, answered (no endpoint, pod unreachable): says nothing of the app. */
  readonly fromApiServer: boolean;
}

export interface ProxyRequest {
  readonly kind: 'Pod' | 'Service';
  readonly namespace: string;
  readonly name: string;
  /** Port number, or for a Service its port's name or number. */
  readonly port: number | string;
  /** Starts with `/`; may hold a query. */
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Default 10 000. */
  readonly timeoutMs?: number;
}

/**
 * The port to Kubernetes. Every method throws a `CutoverError` whose `code` says what the API server answered, and
 * takes the abort signal that the port was made with. No vendor type crosses it.
 */
export interface Cluster {
  /** Namespace of objects that name none. */
  readonly namespace: string;
  /** Server-side apply of raw JSON, manager `cutover`, `fieldValidation=Strict`. */
  apply(object: KubeObject, options?: ApplyOptions): Promise<Applied>;
  /** POST; `exists` if it is there already. `dryRun: true`: the API server answers as if, and stores nothing. */
  create(object: KubeObject, options?: { readonly dryRun?: boolean }): Promise<KubeObject>;
  /** PUT; with `metadata.resourceVersion` set only if it still has that version, else `moved`. */
  replace(object: KubeObject): Promise<KubeObject>;
  /** Changes who owns which fields of the live object, and nothing else; `moved` if it no longer has this version. */
  reassign(live: KubeObject, managedFields: readonly unknown[]): Promise<KubeObject>;
  /** `undefined` when the object does not exist. */
  get(ref: ObjectRef): Promise<KubeObject | undefined>;
  list(kind: KindRef, options?: ListOptions): Promise<readonly KubeObject[]>;
  /**
   * What is there, then `synced`, then every change, for as long as the caller reads. Dropped connections and 410 are
   * mended inside: the caller sees at worst an object told twice, and a DELETED for what vanished meanwhile.
   */
  watch(kind: KindRef, options: ListOptions & { readonly signal: AbortSignal }): AsyncIterable<WatchEvent>;
  /** Background deletion. Nothing happens when the object is gone or has another uid. */
  remove(ref: ObjectRef, precondition?: { readonly uid: string }): Promise<void>;
  /** The last `lines` log lines of a container, of its previous life if `previous`. Default 50. */
  logs(
    pod: ObjectRef,
    options: { readonly container: string; readonly previous?: boolean; readonly lines?: number },
  ): Promise<string>;
  /** A request to a pod or Service through the API server. */
  proxy(request: ProxyRequest): Promise<ProxyAnswer>;
}
