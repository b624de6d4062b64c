import type { Problem } from '../../errors.js';
import { isDeployment } from '../../kubernetes/deployment.js';
import { fieldAt, isFields, listAt, textAt } from '../../kubernetes/fields.js';
import { describeRef, refOf, type KubeObject } from '../../kubernetes/object.js';
import { containersOf } from '../../kubernetes/pods/pod-spec.js';
import type { Resource } from '../resource.js';

/** Annotation of a Service or Deployment that both roles share. */
const sharedAnnotation = 'cutover/shared';

/** Kinds that route external traffic to Services. */
const routeKinds = new Set(['Ingress', 'HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'Route', 'VirtualService']);

export function isMarkedShared(object: KubeObject): boolean {
  return object.metadata.annotations?.[sharedAnnotation] === 'true';
}

/** Whether each role gets its own of a workload that no public Service leads to, such as one that only sends requests. */
export function isOwnOfRole({ object }: Resource): boolean {
  return isDeployment(object) && object.metadata.annotations?.[sharedAnnotation] === 'false';
}

export function isHeadless(object: KubeObject): boolean {
  return fieldAt(object, ['spec', 'clusterIP']) === 'None';
}

function portsOf(service: KubeObject): readonly unknown[] {
  return listAt(service, ['spec', 'ports']);
}

/** Whether all ports of the Service are for metrics. */
export function isForMetrics(service: KubeObject): boolean {
  const ports = portsOf(service);
  return ports.length > 0 && ports.every(port => (textAt(port, ['name']) ?? '').includes('metrics'));
}

/** Names in an object that may be names of Services. */
function namesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (!isFields(value)) return [];
  return Object.entries(value).flatMap(([key, field]) => {
    return typeof field === 'string' && ['name', 'serviceName', 'host'].includes(key) ? [field] : namesIn(field);
  });
}

function isExposed(service: KubeObject, objects: readonly KubeObject[]): boolean {
  const type = textAt(service, ['spec', 'type']);
  if (type === 'NodePort' || type === 'LoadBalancer') return true;
  const { name, namespace } = service.metadata;
  return objects.some(object => {
    const isRoute = routeKinds.has(object.kind) && object.metadata.namespace === namespace;
    return isRoute && namesIn(object['spec']).includes(name);
  });
}

const list = (services: readonly Resource[]): string => services.map(({ object }) => object.metadata.name).join(', ');

/**
 * The Services that users may connect to, among those that select workloads: those reached from outside or, if none is, all but
 * headless ones, shared ones and those for metrics. `objects`: all of the manifests.
 */
export function publicServices(
  candidates: readonly KubeObject[],
  objects: readonly KubeObject[],
): readonly KubeObject[] {
  const serving = candidates
    .filter(object => !isHeadless(object) && !isMarkedShared(object))
    .filter(object => !isForMetrics(object));
  const exposed = serving.filter(candidate => isExposed(candidate, objects));
  return exposed.length > 0 ? exposed : serving;
}

/**
 * The main one of the Services that users connect to, among those that select workloads, or the problem of the choice.
 * `service`: its name; absent: there must be one candidate.
 */
export function choosePublicService(
  candidates: readonly Resource[],
  choice: { readonly resources: readonly Resource[]; readonly service?: string },
): Resource | Problem {
  const { resources, service } = choice;
  if (service !== undefined) {
    const named = candidates.find(({ object }) => object.metadata.name === service);
    if (named === undefined) {
      const alternatives = candidates.length === 0 ? 'no Service does' : `${list(candidates)} would`;
      return {
        message: `The input \`service\` is ${service}, which selects the pods of no workload; ${alternatives}.`,
      };
    }
    if (!isHeadless(named.object)) return named;
    const message = `${describeRef(refOf(named.object))} is headless: its clients connect to the pods directly, so its traffic cannot be switched.`;
    return { message, at: named.positionOf(['spec', 'clusterIP']) };
  }
  const objects = (list: readonly Resource[]): readonly KubeObject[] => list.map(({ object }) => object);
  const found = new Set(publicServices(objects(candidates), objects(resources)));
  const [only, ...others] = candidates.filter(({ object }) => found.has(object));
  if (only === undefined) {
    const message =
      'No Service is public: blue/green needs one that has a cluster IP and selects the pods of a Deployment.';
    return { message };
  }
  if (others.length === 0) return only;
  const message = `Several Services could be the public one: ${list([only, ...others])}. Name the one that the checks ask first in the input \`service\`, and any other that is switched with it, one a line.`;
  return { message, at: only.at };
}

/** Container ports that a Service routes to: their numbers where the containers declare them, else their names. */
function targetsOf(service: KubeObject, deployment: KubeObject): readonly unknown[] {
  const ports = containersOf(deployment).flatMap(({ fields }) => listAt(fields, ['ports']));
  return portsOf(service).map(port => {
    const target = fieldAt(port, ['targetPort']) ?? fieldAt(port, ['port']);
    const named = ports.find(candidate => textAt(candidate, ['name']) === target);
    return named === undefined ? target : fieldAt(named, ['containerPort']);
  });
}

/** A public Service, and the Deployments whose pods it selects. */
interface Routed<T> {
  readonly publicService: T;
  readonly deployments: readonly T[];
}

/** Whether another Service that selects the pods leads its users to a port of the public one, and is not marked as shared. */
export function isFurtherService(further: KubeObject, { publicService, deployments }: Routed<KubeObject>): boolean {
  if (isHeadless(further) || isMarkedShared(further)) return false;
  return deployments.filter(isDeployment).some(deployment => {
    const open = new Set(targetsOf(publicService, deployment));
    return targetsOf(further, deployment).some(target => open.has(target));
  });
}
