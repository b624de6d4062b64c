import { fieldAt, fieldsAt, isFields, listAt, type Fields } from '../../kubernetes/fields.js';
import { groupKind } from '../../kubernetes/kinds.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../kubernetes/object.js';
import { lastingContainers, podSpecPath, type Container } from '../../kubernetes/pods/pod-spec.js';
import { isService, PodIndex } from '../../kubernetes/selectors.js';
import { isServingWorkload } from '../../kubernetes/workload.js';
import type { Resource } from '../../manifests/resource.js';
import type { LintContext } from './rule.js';

/** A workload and the Services of the manifests that route to its pods; at least one. */
export interface ServedWorkload {
  readonly resource: Resource;
  readonly services: readonly KubeObject[];
}

/** A Service and the objects whose pods its selector selects. */
export interface RoutedService {
  readonly resource: Resource;
  readonly workloads: readonly KubeObject[];
}

/** Lookups that several rules need, built once for each context: a release may have thousands of objects. */
interface LintIndex {
  /** By the key of the object's reference. */
  readonly live: ReadonlyMap<string, KubeObject>;
  /** By `<namespace>/<kind>/<name>` of the target. */
  readonly autoscalers: ReadonlyMap<string, Resource>;
  readonly pods: PodIndex;
  readonly routed: readonly RoutedService[];
  readonly served: readonly ServedWorkload[];
}

const indexes = new WeakMap<LintContext, LintIndex>();

function indexOf(context: LintContext): LintIndex {
  const index = indexes.get(context) ?? buildIndex(context);
  indexes.set(context, index);
  return index;
}

function buildIndex(context: LintContext): LintIndex {
  const { resources, planned } = context;
  const live = planned.flatMap(({ resource, change, live: before, after }) => {
    const object = change === 'created' ? undefined : (before ?? after);
    return object === undefined ? [] : [[refKey(refOf(resource.object)), object] as const];
  });
  const autoscalers = ofKind(context, 'autoscaling/HorizontalPodAutoscaler').map(resource => {
    const { kind, name } = fieldsAt(resource.object, ['spec', 'scaleTargetRef']);
    return [[resource.object.metadata.namespace, kind, name].join('/'), resource] as const;
  });
  const pods = new PodIndex(resources.map(({ object }) => object).filter(object => podSpecPath(object) !== undefined));
  const routed = resources
    .filter(({ object }) => isService(object))
    .map(resource => ({ resource, workloads: pods.routedBy(resource.object) }));
  const services = new Map<KubeObject, KubeObject[]>();
  for (const { resource, workloads } of routed)
    for (const workload of workloads) services.set(workload, [...(services.get(workload) ?? []), resource.object]);
  const served = resources
    .filter(({ object }) => isServingWorkload(object))
    .map(resource => ({ resource, services: services.get(resource.object) ?? [] }))
    .filter(one => one.services.length > 0);
  return { live: new Map(live), autoscalers: new Map(autoscalers), pods, routed, served };
}

export function nameOf({ object }: Pick<Resource, 'object'>): string {
  return describeRef(refOf(object));
}

export function ofKind({ resources }: LintContext, kind: string): readonly Resource[] {
  return resources.filter(({ object }) => groupKind(object) === kind);
}

/** The workloads that a Service routes to: the others lose no request. */
export function servedWorkloads(context: LintContext): readonly ServedWorkload[] {
  return indexOf(context).served;
}

/** Every Service of the manifests. */
export function routedServices(context: LintContext): readonly RoutedService[] {
  return indexOf(context).routed;
}

/** The objects of the manifests that create pods, by the labels of their pods. */
export function podIndex(context: LintContext): PodIndex {
  return indexOf(context).pods;
}

/** The live object behind a rendered one; `undefined` if there is none, or the dry run did not return it. */
export function liveOf(context: LintContext, { object }: Pick<Resource, 'object'>): KubeObject | undefined {
  return indexOf(context).live.get(refKey(refOf(object)));
}

/** The HorizontalPodAutoscaler among the manifests that scales a workload. */
export function autoscalerOf(context: LintContext, { object }: Pick<Resource, 'object'>): Resource | undefined {
  const { namespace, name } = object.metadata;
  return indexOf(context).autoscalers.get([namespace, object.kind, name].join('/'));
}

/** The least number of pods of a workload: its autoscaler's minimum, its own replicas, the live replicas, else 1. */
export function leastReplicas(context: LintContext, resource: Pick<Resource, 'object'>): number {
  const scaler = autoscalerOf(context, resource);
  const minimum = scaler === undefined ? undefined : (fieldAt(scaler.object, ['spec', 'minReplicas']) ?? 1);
  const replicas = ['spec', 'replicas'];
  const number = minimum ?? fieldAt(resource.object, replicas) ?? fieldAt(liveOf(context, resource), replicas);
  return typeof number === 'number' ? number : 1;
}

/** The target of a Service's port: the name or number of a container's port. */
export function targetOf(port: Fields): unknown {
  return port['targetPort'] ?? port['port'];
}

export function hasPort({ fields }: Container, target: unknown): boolean {
  return listAt(fields, ['ports']).some(port => {
    return isFields(port) && (typeof target === 'string' ? port['name'] : port['containerPort']) === target;
  });
}

/** The containers that requests reach: those with a port that a Service names, or all where none declares a port. */
export function reachedContainers({ resource, services }: ServedWorkload): readonly Container[] {
  const containers = lastingContainers(resource.object);
  const targets = services.flatMap(service => listAt(service, ['spec', 'ports']).filter(isFields).map(targetOf));
  const reached = containers.filter(container => targets.some(target => hasPort(container, target)));
  const open = containers.filter(({ fields }) => listAt(fields, ['ports']).length > 0);
  if (reached.length > 0) return reached;
  return open.length > 0 ? open : containers;
}
