import { fieldAt, fieldsAt, listAt, withField, type Path } from '../../kubernetes/fields.js';
import { groupKind } from '../../kubernetes/kinds.js';
import { describeRef, refOf } from '../../kubernetes/object.js';
import { containersOf, podSpecPath } from '../../kubernetes/pods/pod-spec.js';
import { PodIndex } from '../../kubernetes/selectors.js';
import type { ManifestWarning } from '../problems.js';
import type { Resource } from '../resource.js';

/** Workloads that replace their pods; the hooks of a bare Pod are immutable, and Jobs receive no traffic. */
const rollingKinds = new Set(['apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet', 'apps/ReplicaSet']);

/** Default of Kubernetes for terminationGracePeriodSeconds. */
export const defaultGrace = 30;
/** Seconds that remain for the process to shut down after the sleep. */
export const minShutdownSeconds = 5;

/** Paths of the containers that receive traffic: those that declare ports, or all where none does. */
function servingContainers(resource: Resource, spec: Path): readonly Path[] {
  const own = containersOf(resource.object).filter(({ path }) => path[spec.length] === 'containers');
  const open = own.filter(({ fields }) => listAt(fields, ['ports']).length > 0);
  return (open.length > 0 ? open : own).map(({ path }) => path);
}

interface AddedHook {
  readonly resource: Resource;
  readonly warnings: readonly ManifestWarning[];
}

function addHook(resource: Resource, spec: Path, seconds: number): AddedHook {
  const withoutHook = servingContainers(resource, spec).filter(path => {
    return Object.keys(fieldsAt(resource.object, [...path, 'lifecycle', 'preStop'])).length === 0;
  });
  if (withoutHook.length === 0) return { resource, warnings: [] };
  const object = withoutHook.reduce((result, path) => {
    return withField(result, [...path, 'lifecycle', 'preStop'], { sleep: { seconds } });
  }, resource.object);
  const gracePath = [...spec, 'terminationGracePeriodSeconds'];
  const written = fieldAt(object, gracePath);
  const grace = typeof written === 'number' ? written : defaultGrace;
  const needed = seconds + minShutdownSeconds;
  if (grace >= needed) return { resource: { ...resource, object }, warnings: [] };
  const message =
    `terminationGracePeriodSeconds of ${describeRef(refOf(object))} is raised from ${grace} to ${needed}: ` +
    `its pods wait ${seconds} s for traffic to drain before they receive SIGTERM, and this counts towards the grace period.`;
  const raised = withField(object, gracePath, needed);
  return { resource: { ...resource, object: raised }, warnings: [{ message, at: resource.positionOf(gracePath) }] };
}

export interface PreStopResult {
  readonly resources: readonly Resource[];
  readonly warnings: readonly ManifestWarning[];
}

/**
 * Adds `preStop: {sleep}` to the serving containers of every workload that a Service of the manifests selects, where they
 * have no preStop hook: a process that stops at once loses the requests that still arrive until every node has removed the
 * pod from its endpoints. A grace period that is too short is raised.
 */
export function addPreStop(resources: readonly Resource[], seconds: number): PreStopResult {
  const objects = resources.map(({ object }) => object);
  const pods = new PodIndex(objects);
  const routed = new Set(objects.flatMap(object => pods.routedBy(object)));
  const warnings: ManifestWarning[] = [];
  const delayed = resources.map(resource => {
    const { object } = resource;
    const spec = rollingKinds.has(groupKind(object)) ? podSpecPath(object) : undefined;
    if (spec === undefined || !routed.has(object)) return resource;
    const result = addHook(resource, spec, seconds);
    warnings.push(...result.warnings);
    return result.resource;
  });
  return { resources: delayed, warnings };
}
