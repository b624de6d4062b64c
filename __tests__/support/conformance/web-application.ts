import type { JsonObject } from '../../../sandbox/api/schema/json.js';
import { at, has, textOf } from './object-fields.js';
import { type ConformanceNamespace } from './conformance-namespace.js';

/** Fields of a pod of the site. Absent ones have the defaults of the API server. */
export interface PodParts {
  /** Default `web`. */
  readonly name?: string;
  /** Tag of the site's image. Default `v1`. */
  readonly tag?: string;
  /** An image instead of the site's. */
  readonly image?: string;
  readonly container?: JsonObject;
  readonly spec?: JsonObject;
  readonly labels?: JsonObject;
}

const readiness: JsonObject = { httpGet: { path: '/readyz', port: 8080 }, periodSeconds: 1 };

export function podSpec(ns: ConformanceNamespace, parts: PodParts = {}): JsonObject {
  const image = parts.image ?? `${ns.options.site}:${parts.tag ?? 'v1'}`;
  const container: JsonObject = {
    name: 'web',
    image,
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: readiness,
    ...parts.container,
  };
  return { containers: [container], ...parts.spec };
}

/** A container without probes and ports. */
export const bare = (parts: JsonObject = {}): JsonObject => ({ name: 'web', ...parts });

export function pod(ns: ConformanceNamespace, parts: PodParts = {}): JsonObject {
  const { name = 'web', labels = { app: 'web' } } = parts;
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec: podSpec(ns, parts) };
}

export interface DeploymentParts extends PodParts {
  /** Default 1. */
  readonly replicas?: number;
  readonly deployment?: JsonObject;
  readonly annotations?: JsonObject;
}

export function deployment(ns: ConformanceNamespace, parts: DeploymentParts = {}): JsonObject {
  const { name = 'web', replicas = 1, labels = { app: 'web' }, annotations } = parts;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, ...(annotations === undefined ? {} : { annotations }) },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec(ns, parts) },
      ...parts.deployment,
    },
  };
}

export interface SetParts extends PodParts {
  /** Further fields of the spec. Default: none, which gives a StatefulSet one replica. */
  readonly set?: JsonObject;
}

function podSet(kind: string, ns: ConformanceNamespace, parts: SetParts): JsonObject {
  const { name = 'web', labels = { app: 'web' } } = parts;
  const template = { metadata: { labels }, spec: podSpec(ns, parts) };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name },
    spec: { selector: { matchLabels: labels }, template, ...parts.set },
  };
}

export const statefulSet = (ns: ConformanceNamespace, parts: SetParts = {}): JsonObject =>
  podSet('StatefulSet', ns, parts);
export const daemonSet = (ns: ConformanceNamespace, parts: SetParts = {}): JsonObject => podSet('DaemonSet', ns, parts);

export function service(spec: JsonObject = {}, metadata: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', ...metadata },
    spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
  };
}

/** A merge patch that sets the image of a workload. */
export function image(ns: ConformanceNamespace, tag: string): JsonObject {
  return { spec: { template: { spec: podSpec(ns, { tag }) } } };
}

/** Whether all pods are of the newest template and available, and no other is left. */
export function isRolledOut(deployment: JsonObject): boolean {
  const wanted = at(deployment, 'spec', 'replicas');
  const counts = ['replicas', 'updatedReplicas', 'availableReplicas'].map(name => at(deployment, 'status', name) ?? 0);
  return (
    at(deployment, 'status', 'observedGeneration') === at(deployment, 'metadata', 'generation') &&
    counts.every(count => count === wanted)
  );
}

export const isReady = (pod: JsonObject): boolean => has(pod, 'Ready');
export const isLeaving = (object: JsonObject): boolean => at(object, 'metadata', 'deletionTimestamp') !== null;

export const rolledOut = (ns: ConformanceNamespace): Promise<JsonObject> =>
  ns.until('deployments/web', 'the rollout to end', isRolledOut);
export const ready = (ns: ConformanceNamespace, name = 'web'): Promise<JsonObject> =>
  ns.until(`pods/${name}`, 'a ready pod', isReady);

/** Changes the template of a workload with `revisionHistoryLimit: 1` twice. Returns the numbers of the remaining revisions. */
export async function revisionsKept(
  ns: ConformanceNamespace,
  set: { readonly object: JsonObject; readonly resource: string; readonly done: () => Promise<unknown> },
): Promise<string[]> {
  await ns.make(set.object);
  await set.done();
  for (const tag of ['v2', 'v3']) {
    await ns.change(set.resource, image(ns, tag));
    await set.done();
  }
  return ns.untilAll('controllerrevisions', 'the oldest to be gone', revisions =>
    revisions.length === 2 ? revisions.map(one => textOf(at(one, 'revision'))).sort() : undefined,
  );
}
