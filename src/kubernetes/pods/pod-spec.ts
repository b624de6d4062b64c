import { fieldAt, isFields, listAt, textsAt, withField, type Fields, type Path } from '../fields.js';
import { groupKind } from '../kinds.js';
import type { KubeObject } from '../object.js';

const specPaths: readonly Path[] = [
  ['spec', 'template', 'spec'],
  ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
  ['template', 'spec'],
];

/** Lists of containers that a pod spec can have. */
export const containerLists = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** Path of an object's pod spec, found by its shape, so also in custom workloads; `undefined` if there is none. */
export function podSpecPath(object: KubeObject): Path | undefined {
  if (groupKind(object) === '/Pod') return ['spec'];
  return specPaths.find(path => Array.isArray(fieldAt(object, [...path, 'containers'])));
}

/** Labels of the pod template of a workload, or of a pod itself; empty for an object that creates no pods. */
export function templateLabels(object: KubeObject): Readonly<Record<string, string>> {
  const path = podSpecPath(object);
  return path === undefined ? {} : textsAt(object, [...path.slice(0, -1), 'metadata', 'labels']);
}

/** A container of a pod spec and where it is in the object. */
export interface Container {
  readonly fields: Fields;
  readonly path: Path;
}

/** The containers of an object's pods: init containers first, then in the order of the manifest. */
export function containersOf(object: KubeObject): readonly Container[] {
  const spec = podSpecPath(object);
  if (spec === undefined) return [];
  return containerLists.flatMap(list =>
    listAt(object, [...spec, list]).flatMap((fields, index) =>
      isFields(fields) ? [{ fields, path: [...spec, list, index] }] : [],
    ),
  );
}

function listOf(object: KubeObject, { path }: Container): unknown {
  return path[podSpecPath(object)?.length ?? 0];
}

/** The containers that start together, after the init containers: sidecars among those are not in this list. */
export function mainContainers(object: KubeObject): readonly Container[] {
  return containersOf(object).filter(container => listOf(object, container) === 'containers');
}

/** Whether an init container runs as long as its pod does. Kubernetes stops it after all main containers have ended. */
export function isSidecar(object: KubeObject, container: Container): boolean {
  return listOf(object, container) === 'initContainers' && container.fields['restartPolicy'] === 'Always';
}

/** Containers that run as long as the pod does: sidecars among the init containers, and the main containers. */
export function lastingContainers(object: KubeObject): readonly Container[] {
  return containersOf(object).filter(
    container => listOf(object, container) === 'containers' || isSidecar(object, container),
  );
}

/** A copy with `change` applied to every container. */
export function mapContainers(object: KubeObject, change: (container: Container) => Fields): KubeObject {
  return containersOf(object).reduce((result, container) => {
    const next = change(container);
    return next === container.fields ? result : withField(result, container.path, next);
  }, object);
}
