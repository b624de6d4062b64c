import type { Problem } from '../../errors.js';
import { fieldAt, isFields, listAt, textAt } from '../../kubernetes/fields.js';
import { groupKind } from '../../kubernetes/kinds.js';
import { describeRef, refOf, type KubeObject } from '../../kubernetes/object.js';
import { containersOf } from '../../kubernetes/pod-spec.js';
import type { Resource } from '../resource.js';

/** Says of a Service or Deployment that both roles use the one that there is. */
const sharedAnnotation = 'cutover/shared';

/** Kinds that lead users from outside to Services. */
const entrances = new Set(['Ingress', 'HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'Route', 'VirtualService']);

export function isMarkedShared({ object }: Resource): boolean {
  return object.metadata.annotations?.[sharedAnnotation] === 'true';
}

export function isHeadless({ object }: Resource): boolean {
  return fieldAt(object, ['spec', 'clusterIP']) === 'None';
}

function portsOf({ object }: Resource): readonly unknown[] {
  return listAt(object, ['spec', 'ports']);
}

/** Nobody but a collector comes through it. */
function isForMetrics(service: Resource): boolean {
  const ports = portsOf(service);
  return ports.length > 0 && ports.every(port => (textAt(port, ['name']) ?? '').includes('metrics'));
}

/** Names in an object that may be those of Services behind it. */
function namesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (!isFields(value)) return [];
  return Object.entries(value).flatMap(([key, field]) => {
    return typeof field === 'string' && ['name', 'serviceName', 'host'].includes(key) ? [field] : namesIn(field);
  });
}

function isExposed(service: Resource, resources: readonly Resource[]): boolean {
  const type = textAt(service.object, ['spec', 'type']);
  if (type === 'NodePort' || type === 'LoadBalancer') return true;
  const { name, namespace } = service.object.metadata;
  return resources.some(({ object }) => {
    const leads = entrances.has(object.kind) && object.metadata.namespace === namespace;
    return leads && namesIn(object['spec']).includes(name);
  });
}

const list = (services: readonly Resource[]): string => services.map(({ object }) => object.metadata.name).join(', ');

/** The Service that users come through, among those that select workloads, or what is wrong with the choice. */
export function choosePublicService(
  candidates: readonly Resource[],
  choice: { readonly resources: readonly Resource[]; readonly service?: string },
): Resource | Problem {
  const { resources, service } = choice;
  if (service !== undefined) {
    const named = candidates.find(({ object }) => object.metadata.name === service);
    if (named === undefined) {
      const there = candidates.length === 0 ? 'none does' : `${list(candidates)} would`;
      return { message: `The input \`service\` names ${service}, which selects the pods of no workload; ${there}.` };
    }
    if (!isHeadless(named)) return named;
    const message = `${describeRef(refOf(named.object))} is headless: its users are told the pods themselves, and no switch reaches them.`;
    return { message, at: named.place(['spec', 'clusterIP']) };
  }
  const usable = candidates.filter(candidate => !isHeadless(candidate) && !isMarkedShared(candidate));
  const serving = usable.filter(candidate => !isForMetrics(candidate));
  const exposed = serving.filter(candidate => isExposed(candidate, resources));
  const [only, ...others] = exposed.length > 0 ? exposed : serving;
  if (only === undefined) {
    const message =
      'No Service is public: blue/green needs one that has a cluster IP and selects the pods of a Deployment.';
    return { message };
  }
  if (others.length === 0) return only;
  const message = `Several Services could be the public one: ${list([only, ...others])}. Name it in the input \`service\`.`;
  return { message, at: only.at };
}

/** Numbers of the container ports that a Service leads to, as far as the pods tell them; else the names. */
function targetsOf(service: Resource, deployment: KubeObject): readonly unknown[] {
  const ports = containersOf(deployment).flatMap(({ fields }) => listAt(fields, ['ports']));
  return portsOf(service).map(port => {
    const target = fieldAt(port, ['targetPort']) ?? fieldAt(port, ['port']);
    const named = ports.find(candidate => textAt(candidate, ['name']) === target);
    return named === undefined ? target : fieldAt(named, ['containerPort']);
  });
}

/** Why a further Service of the role's pods cannot be left alone: its users would reach what is only staged. */
export function furtherServiceProblems(
  further: Resource,
  { publicService, deployments }: { readonly publicService: Resource; readonly deployments: readonly Resource[] },
): readonly Problem[] {
  if (isHeadless(further) || isMarkedShared(further)) return [];
  const clash = deployments.some(({ object }) => {
    const open = new Set(targetsOf(publicService, object));
    return groupKind(object) === 'apps/Deployment' && targetsOf(further, object).some(target => open.has(target));
  });
  if (!clash) return [];
  const [name, main] = [further, publicService].map(({ object }) => describeRef(refOf(object)));
  const message =
    `${name} leads to the same port of the same pods as ${main}, and only one Service can be switched: its users would ` +
    `reach what is only staged. Make its ports further ports of the public one, or, if that may be, annotate it ${sharedAnnotation}: "true".`;
  return [{ message, at: further.place(['spec', 'selector']) }];
}
