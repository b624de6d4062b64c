import { fieldAt, fieldsAt, listAt, withField, type Path } from '../../kubernetes/fields.js';
import { groupKind } from '../../kubernetes/kinds.js';
import { describeRef, refOf } from '../../kubernetes/object.js';
import { containersOf, podSpecPath } from '../../kubernetes/pod-spec.js';
import { PodIndex } from '../../kubernetes/selectors.js';
import type { ManifestWarning } from '../problems.js';
import type { Resource } from '../resource.js';

/** Workloads whose pods are replaced one by one; a bare Pod's hooks cannot be changed, and Jobs serve nobody. */
const replaced = new Set(['apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet', 'apps/ReplicaSet']);

/** Kubernetes' own default of terminationGracePeriodSeconds. */
export const defaultGrace = 30;
/** Seconds that the process keeps for itself after the sleep. */
export const leastRemainder = 5;

/** Paths of the containers that traffic goes to: those that declare ports, or all where none does. */
function serving(resource: Resource, spec: Path): readonly Path[] {
  const own = containersOf(resource.object).filter(({ path }) => path[spec.length] === 'containers');
  const open = own.filter(({ fields }) => listAt(fields, ['ports']).length > 0);
  return (open.length > 0 ? open : own).map(({ path }) => path);
}

interface Delayed {
  readonly resource: Resource;
  readonly warnings: readonly ManifestWarning[];
}

function delay(resource: Resource, spec: Path, seconds: number): Delayed {
  const hookless = serving(resource, spec).filter(path => {
    return Object.keys(fieldsAt(resource.object, [...path, 'lifecycle', 'preStop'])).length === 0;
  });
  if (hookless.length === 0) return { resource, warnings: [] };
  const object = hookless.reduce((result, path) => {
    return withField(result, [...path, 'lifecycle', 'preStop'], { sleep: { seconds } });
  }, resource.object);
  const gracePath = [...spec, 'terminationGracePeriodSeconds'];
  const written = fieldAt(object, gracePath);
  const grace = typeof written === 'number' ? written : defaultGrace;
  const needed = seconds + leastRemainder;
  if (grace >= needed) return { resource: { ...resource, object }, warnings: [] };
  const message =
    `terminationGracePeriodSeconds of ${describeRef(refOf(object))} is raised from ${grace} to ${needed}: ` +
    `its pods wait ${seconds} s for traffic to leave before they are told to stop, and that counts as grace.`;
  const raised = withField(object, gracePath, needed);
  return { resource: { ...resource, object: raised }, warnings: [{ message, at: resource.place(gracePath) }] };
}

export interface PreStopped {
  readonly resources: readonly Resource[];
  readonly warnings: readonly ManifestWarning[];
}

/**
 * Gives the serving containers of every workload that a Service of the manifests selects the native hook
 * `preStop: {sleep}`, where they have no preStop: a process that stops at once would lose the requests that still
 * reach it until every node has taken the pod out of its routes. A grace period too short for it is raised.
 */
export function addPreStop(resources: readonly Resource[], seconds: number): PreStopped {
  const objects = resources.map(({ object }) => object);
  const pods = new PodIndex(objects);
  const routed = new Set(objects.flatMap(object => pods.routedBy(object)));
  const warnings: ManifestWarning[] = [];
  const delayed = resources.map(resource => {
    const { object } = resource;
    const spec = replaced.has(groupKind(object)) ? podSpecPath(object) : undefined;
    if (spec === undefined || !routed.has(object)) return resource;
    const result = delay(resource, spec, seconds);
    warnings.push(...result.warnings);
    return result.resource;
  });
  return { resources: delayed, warnings };
}
