import {
  asText,
  childOf,
  clone,
  objectAt,
  objectsAt,
  textAt,
  type JsonObject,
  type JsonValue,
} from '../../../sandbox/api/schema/json.js';
import type { Answer, ApiClient } from '../sandbox/api-client.js';
import { nameOf } from './object-fields.js';

/** The namespace of a row, and a client for it. */
export interface RowNamespace {
  readonly api: ApiClient;
  readonly namespace: string;
  /** Name of the row's own objects; others of it begin with this name and a dash. */
  readonly name: string;
}

/** One statement about the API that holds for every API server. */
export interface Row {
  readonly title: string;
  /** Returns the observation. Names of this run are replaced by `web` and `shop`, every uid by `UID`. */
  readonly run: (ns: RowNamespace) => Promise<JsonValue>;
  readonly expected: JsonValue;
}

const collections = {
  ConfigMap: '/api/v1/namespaces/*/configmaps',
  CronJob: '/apis/batch/v1/namespaces/*/cronjobs',
  DaemonSet: '/apis/apps/v1/namespaces/*/daemonsets',
  Deployment: '/apis/apps/v1/namespaces/*/deployments',
  Endpoints: '/api/v1/namespaces/*/endpoints',
  HorizontalPodAutoscaler: '/apis/autoscaling/v2/namespaces/*/horizontalpodautoscalers',
  Ingress: '/apis/networking.k8s.io/v1/namespaces/*/ingresses',
  Job: '/apis/batch/v1/namespaces/*/jobs',
  Lease: '/apis/coordination.k8s.io/v1/namespaces/*/leases',
  Namespace: '/api/v1/namespaces',
  PersistentVolumeClaim: '/api/v1/namespaces/*/persistentvolumeclaims',
  Pod: '/api/v1/namespaces/*/pods',
  PodDisruptionBudget: '/apis/policy/v1/namespaces/*/poddisruptionbudgets',
  ReplicaSet: '/apis/apps/v1/namespaces/*/replicasets',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/*/rolebindings',
  Secret: '/api/v1/namespaces/*/secrets',
  Service: '/api/v1/namespaces/*/services',
  ServiceAccount: '/api/v1/namespaces/*/serviceaccounts',
  StatefulSet: '/apis/apps/v1/namespaces/*/statefulsets',
} as const;

export type KindName = keyof typeof collections;
type Query = Readonly<Record<string, string>>;

/** Path of a kind's objects in the row's namespace. */
export function all(ns: RowNamespace, kind: KindName): string {
  return collections[kind].replace('*', ns.namespace);
}

/** Path of one object. Default name: that of the row. */
export function at(ns: RowNamespace, kind: KindName, name = ns.name): string {
  return `${all(ns, kind)}/${name}`;
}

/** The object with the row's name, unless it has one. */
export function withName(ns: RowNamespace, object: JsonObject): JsonObject {
  const named = clone(object);
  const metadata = childOf(named, 'metadata');
  if (metadata.generateName === undefined) metadata.name ??= ns.name;
  return named;
}

const kindOf = (object: JsonObject): KindName => textAt(object, 'kind') as KindName;

export function create(ns: RowNamespace, object: JsonObject, query: Query = {}): Promise<Answer> {
  return ns.api.send({
    method: 'POST',
    path: all(ns, kindOf(object)),
    query: { fieldManager: 'maker', ...query },
    body: withName(ns, object),
  });
}

/** As {@link create}, but throws unless it succeeds. */
export async function given(ns: RowNamespace, object: JsonObject, query: Query = {}): Promise<JsonObject> {
  const { status, text, json } = await create(ns, object, query);
  if (status !== 201) throw new Error(`${status}: ${text}`);
  return json;
}

/** PUT of the object under its own or the row's name. */
export function replace(ns: RowNamespace, object: JsonObject, query: Query = {}): Promise<Answer> {
  const body = withName(ns, object);
  return ns.api.send({ method: 'PUT', path: at(ns, kindOf(body), nameOf(body)), query, body });
}

/** Server-side apply of the object under the row's name. */
export function apply(
  ns: RowNamespace,
  object: JsonObject,
  options: Parameters<ApiClient['apply']>[2] = {},
): Promise<Answer> {
  const body = withName(ns, object);
  return ns.api.apply(at(ns, kindOf(body), nameOf(body)), body, options);
}

/** A patch of one object. */
export interface Patch {
  readonly type?: 'merge' | 'strategic-merge' | 'json';
  readonly body: JsonValue;
  readonly query?: Query;
}

/** Patches the object at `path`. Default type: merge. */
export function patch(
  { api }: Pick<RowNamespace, 'api'>,
  path: string,
  { type = 'merge', body, query = {} }: Patch,
): Promise<Answer> {
  const headers = { 'content-type': `application/${type}-patch+json` };
  return api.send({ method: 'PATCH', path, query: { fieldManager: 'editor', ...query }, body, headers });
}

export function remove({ api }: RowNamespace, path: string, body: JsonObject = {}): Promise<Answer> {
  return api.send({ method: 'DELETE', path, body });
}

export function metadataOf({ json }: Pick<Answer, 'json'>): JsonObject {
  return objectAt(json, 'metadata');
}

export function versionOf(answer: Pick<Answer, 'json'>): string {
  return textAt(metadataOf(answer), 'resourceVersion') ?? '';
}

/** An answer without its object: the HTTP status, and all fields of a Status. */
export function verdict({ status, json, text, headers }: Answer): JsonObject {
  if (json.kind !== 'Status') {
    const plain = headers['content-type']?.startsWith('text/plain') === true;
    return { status, ...(plain ? { text } : {}) };
  }
  const { causes: _causes, ...details } = objectAt(json, 'details');
  // With several managers, the order of causes is not defined.
  const causes = objectsAt(json, 'details', 'causes')
    .map(({ reason, field }) => `${asText(reason)} ${asText(field)}`)
    .sort();
  return {
    status,
    ...(json.reason === undefined ? {} : { reason: json.reason }),
    ...(json.message === undefined ? {} : { message: json.message }),
    ...(Object.keys(details).length === 0 ? {} : { details }),
    ...(causes.length === 0 ? {} : { causes }),
  };
}

/** The HTTP status of an answer; for an error with its message. */
export function outcome(answer: Answer): JsonValue {
  const { status, json } = answer;
  return json.kind === 'Status' && status >= 400 ? `${status} ${asText(json.message)}` : status;
}

/** Text of the `Warning` headers. */
export function warningsOf({ headers }: Answer): string[] {
  const { warning } = headers;
  return typeof warning === 'string' && warning !== '' ? warning.split(/, (?=299 )/) : [];
}

export function deployment(spec: JsonObject = {}, container: JsonObject = {}, pod: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    spec: { replicas: 0, selector: { matchLabels: { app: 'web' } }, template: template(container, pod), ...spec },
  };
}

/** A pod template whose pods never start. */
export function template(container: JsonObject = {}, pod: JsonObject = {}): JsonObject {
  return {
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'web', image: 'site:v1', ...container }], ...pod },
  };
}

/** A pod that no scheduler handles; its ServiceAccount is {@link account}. */
export function pod(ns: RowNamespace, container: JsonObject = {}, spec: JsonObject = {}): JsonObject {
  const idle = { schedulerName: 'nobody', serviceAccountName: ns.name, automountServiceAccountToken: false };
  return { apiVersion: 'v1', kind: 'Pod', ...template(container, { ...idle, ...spec }) };
}

export const account: JsonObject = { apiVersion: 'v1', kind: 'ServiceAccount' };

export function service(spec: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
  };
}

export function configMap(data: JsonObject = {}, metadata: JsonObject = {}): JsonObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
}

export function secret(more: JsonObject = {}): JsonObject {
  return { apiVersion: 'v1', kind: 'Secret', ...more };
}

export function job(spec: JsonObject = {}, pod: JsonObject = {}): JsonObject {
  const { spec: podSpec } = template({}, { restartPolicy: 'Never', ...pod });
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    spec: { suspend: true, template: { spec: podSpec ?? {} }, ...spec },
  };
}

export function statefulSet(spec: JsonObject = {}): JsonObject {
  const selector = { matchLabels: { app: 'web' } };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    spec: { replicas: 0, serviceName: 'web', selector, template: template(), ...spec },
  };
}

export function claim(spec: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'none',
      resources: { requests: { storage: '1Gi' } },
      ...spec,
    },
  };
}

export function autoscaler(spec: JsonObject = {}): JsonObject {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'none' };
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    spec: { scaleTargetRef, maxReplicas: 3, ...spec },
  };
}
