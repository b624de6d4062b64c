import { fieldAt, isFields, listAt, textsAt, withField, type Fields, type Path } from './fields.js';
import { groupKind } from './kinds.js';
import type { KubeObject } from './object.js';

const specPaths: readonly Path[] = [
  ['spec', 'template', 'spec'],
  ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
  ['template', 'spec'],
];

/** Lists of containers that a pod spec can have. */
export const containerLists = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** Path of the pod spec inside an object, found by its shape, so that custom workloads are known too. */
export function podSpecPath(object: KubeObject): Path | undefined {
  if (groupKind(object) === '/Pod') return ['spec'];
  return specPaths.find(path => Array.isArray(fieldAt(object, [...path, 'containers'])));
}

/** Labels that the pods of a workload carry; empty for anything that makes no pods. */
export function podLabels(object: KubeObject): Readonly<Record<string, string>> {
  const path = podSpecPath(object);
  return path === undefined ? {} : textsAt(object, [...path.slice(0, -1), 'metadata', 'labels']);
}

/** A container of a pod spec and where it is in the object. */
export interface Container {
  readonly fields: Fields;
  readonly path: Path;
}

/** All containers of an object's pods, in the order in which they are written. */
export function containersOf(object: KubeObject): readonly Container[] {
  const spec = podSpecPath(object);
  if (spec === undefined) return [];
  return containerLists.flatMap(list =>
    listAt(object, [...spec, list]).flatMap((fields, index) =>
      isFields(fields) ? [{ fields, path: [...spec, list, index] }] : [],
    ),
  );
}

/** A copy of the object with every container put through `change`. */
export function mapContainers(object: KubeObject, change: (container: Container) => Fields): KubeObject {
  return containersOf(object).reduce((result, container) => {
    const next = change(container);
    return next === container.fields ? result : withField(result, container.path, next);
  }, object);
}

/** Whether a Service's selector selects pods with these labels. An empty one selects none by itself. */
export function selects(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([name, value]) => labels[name] === value);
}

export function isService(object: KubeObject): boolean {
  return groupKind(object) === '/Service';
}

/** Whether a Service routes to the pods of a workload: labels match, in the same namespace. */
export function routesTo(service: KubeObject, workload: KubeObject): boolean {
  const here = service.metadata.namespace === workload.metadata.namespace;
  return here && isService(service) && selects(textsAt(service, ['spec', 'selector']), podLabels(workload));
}

/** Tells the workloads that one of these Services routes to, as {@link routesTo} does; made for thousands of both. */
export function routedBy(services: readonly KubeObject[]): (workload: KubeObject) => boolean {
  const key = (namespace: string | undefined, [name, value]: readonly string[]): string =>
    JSON.stringify([namespace, name, value]);
  const byPair = new Map<string, Readonly<Record<string, string>>[]>();
  for (const { metadata, ...service } of services) {
    const selector = textsAt(service, ['spec', 'selector']);
    const [pair] = Object.entries(selector);
    if (pair === undefined) continue;
    const selectors = byPair.get(key(metadata.namespace, pair)) ?? [];
    byPair.set(key(metadata.namespace, pair), [...selectors, selector]);
  }
  return workload => {
    const labels = podLabels(workload);
    const candidates = Object.entries(labels).flatMap(pair => byPair.get(key(workload.metadata.namespace, pair)) ?? []);
    return candidates.some(selector => selects(selector, labels));
  };
}
