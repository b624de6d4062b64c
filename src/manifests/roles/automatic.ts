import type { Problem } from '../../errors.js';
import type { Roles } from '../../inputs/inputs.js';
import { where } from '../../log.js';
import { coversPods, isBudget } from '../../kubernetes/budget.js';
import { isDeployment } from '../../kubernetes/deployment.js';
import { describeRef, describeRefs, refKey, refOf, type KubeObject } from '../../kubernetes/object.js';
import { podSpecPath, templateLabels } from '../../kubernetes/pods/pod-spec.js';
import { isService, routesTo } from '../../kubernetes/selectors.js';
import { manifestError } from '../problems.js';
import { isOwnOfRole } from './public-service.js';
import { otherDeploymentProblems, switchedServices, type SwitchedServices } from './switched-services.js';
import { referencesIn, type ConfigReference } from '../../kubernetes/pods/config-references.js';
import type { Resource } from '../resource.js';
import { kindProblems } from './rules.js';
import {
  autoscalerCopy,
  budgetCopy,
  deploymentCopy,
  namedCopy,
  roleName,
  switchedCopy,
  targetOf,
  testServiceOf,
} from './copies.js';

export interface PlainManifests {
  readonly roles: Roles;
  /** Rendered once, without TARGET_ROLE. */
  readonly resources: readonly Resource[];
  /** Names of the public Services, the main one first. Absent: all that lead to Deployments, of which one must be the main one. */
  readonly services?: readonly string[];
  /** Name pattern of the test Services; `*` stands for the role. Default: `<main>-test-*`. */
  readonly testService?: string;
  /** Name of the Secret of the input `registry-secret`; it is shared by both roles. Absent: there is none. */
  readonly registrySecret?: string;
}

export interface AutomaticRoles {
  /** The manifests of each role, in the same order, as if they were written with TARGET_ROLE. */
  readonly rendered: Readonly<Record<string, readonly Resource[]>>;
  /** Names of the public Services, the main one first. */
  readonly services: readonly string[];
  /** What the log says. */
  readonly notes: readonly string[];
}

/** Jobs and CronJobs receive no traffic and stay shared. */
const isTask = ({ object }: Resource): boolean => object.apiVersion.startsWith('batch/');

/** Which objects get a copy for each role. */
interface Parts {
  readonly publicServices: SwitchedServices['publicServices'];
  readonly deployments: readonly Resource[];
  /** Keys of the ConfigMaps and Secrets that the Deployments refer to. */
  readonly config: ReadonlySet<string>;
  /** Keys of those that shared objects refer to as well. */
  readonly alsoShared: ReadonlySet<string>;
}

const configKey = ({ kind, name }: ConfigReference, namespace: string | undefined): string =>
  refKey({ apiVersion: 'v1', kind, name, ...(namespace !== undefined && { namespace }) });

function configOf(resources: readonly Resource[]): readonly string[] {
  return resources.flatMap(({ object }) =>
    referencesIn(object).map(found => configKey(found, object.metadata.namespace)),
  );
}

/** The copy of an object for one role; `undefined`: the object is shared. */
function copyOf(resource: Resource, parts: Parts, role: string): KubeObject | undefined {
  const { object } = resource;
  const { deployments, publicServices, config } = parts;
  const { namespace } = object.metadata;
  if (publicServices.includes(resource)) return switchedCopy(object, role);
  if (deployments.includes(resource)) {
    return deploymentCopy(object, role, reference => {
      return config.has(configKey(reference, namespace)) ? roleName(reference.name, role) : reference.name;
    });
  }
  if (config.has(refKey(refOf(object)))) return namedCopy(object, role);
  const target = targetOf(object, deployments);
  if (target !== undefined) return autoscalerCopy(object, role, target);
  return isBudgetOf(resource, deployments) ? budgetCopy(object, role) : undefined;
}

function isBudgetOf({ object }: Resource, deployments: readonly Resource[]): boolean {
  if (!isBudget(object)) return false;
  return deployments.some(deployment => {
    const here = deployment.object.metadata.namespace === object.metadata.namespace;
    return here && coversPods(object, templateLabels(deployment.object));
  });
}

/** Workloads that a public Service routes to but that cannot exist once for each role. */
function unsupportedWorkloadProblems(workloads: readonly Resource[]): readonly Problem[] {
  return workloads
    .filter(workload => !isDeployment(workload.object))
    .flatMap(workload => {
      const reasons = kindProblems(workload);
      const message = `${describeRef(refOf(workload.object))} cannot have roles: only Deployments can.`;
      return reasons.length > 0 ? reasons : [{ message, at: workload.at }];
    });
}

/** A copy must not have the name of another object of the manifests. */
function nameProblems(rendered: AutomaticRoles['rendered'], resources: readonly Resource[]): readonly Problem[] {
  const written = new Map(resources.map(resource => [refKey(refOf(resource.object)), resource]));
  return Object.entries(rendered).flatMap(([role, copies]) => {
    return copies.flatMap(copy => {
      const ref = refOf(copy.object);
      const existing = written.get(refKey(ref));
      // The same position: the object itself, or its switched or shared form.
      if (existing === undefined || where(existing.at) === where(copy.at)) return [];
      const message = `${describeRef(ref)} would be created for ${role}, but the manifests define it at ${where(existing.at)}.`;
      return [{ message, at: copy.at }];
    });
  });
}

function renderedFor(role: string, parts: Parts, manifests: PlainManifests): readonly Resource[] {
  const { resources, testService } = manifests;
  const { publicServices, alsoShared } = parts;
  const [main] = publicServices;
  const copies = resources.flatMap(resource => {
    const copy = copyOf(resource, parts, role);
    if (copy === undefined) return [resource];
    const kept = alsoShared.has(refKey(refOf(resource.object))) ? [resource] : [];
    return [...kept, { ...resource, object: copy }];
  });
  const name = testService?.split('*').join(role) ?? roleName(`${main.object.metadata.name}-test`, role);
  return [...copies, { ...main, object: testServiceOf(main.object, role, name) }];
}

/**
 * Derives roles for manifests without TARGET_ROLE: the Deployments behind the public Services, the ConfigMaps and Secrets
 * that their pods refer to, their autoscalers and disruption budgets are copied for each role; each role gets a test
 * Service. Everything else is shared. Throws `manifest` with all reasons why this is not possible.
 */
export function automaticRoles(manifests: PlainManifests): AutomaticRoles {
  const { roles, resources, services: names } = manifests;
  const services = resources.filter(({ object }) => isService(object));
  const workloads = resources.filter(one => podSpecPath(one.object) !== undefined && !isTask(one));
  const serving = services.filter(one => workloads.some(workload => routesTo(one.object, workload.object)));
  const choice = switchedServices({ resources, serving, workloads, ...(names !== undefined && { names }) });
  if (!('publicServices' in choice)) throw manifestError(choice);
  const { publicServices, workloads: routedWorkloads } = choice;
  const ownOfRole = workloads.filter(one => !routedWorkloads.includes(one) && isOwnOfRole(one));
  const deployments = [...routedWorkloads, ...ownOfRole].filter(({ object }) => isDeployment(object));
  const others = workloads.filter(workload => !routedWorkloads.includes(workload) && !ownOfRole.includes(workload));
  const referencedConfig = new Set(configOf(deployments));
  // A referenced object that is not in the manifests is managed elsewhere: its name stays.
  const own = resources.map(({ object }) => refOf(object));
  const copiedRefs = own.filter(({ kind, name }) => kind !== 'Secret' || name !== manifests.registrySecret);
  const config = new Set(copiedRefs.map(refKey).filter(key => referencedConfig.has(key)));
  const partsForCopies = { publicServices, deployments, config, alsoShared: new Set<string>() };
  const [first] = roles;
  const shared = resources.filter(resource => copyOf(resource, partsForCopies, first) === undefined);
  const parts: Parts = { ...partsForCopies, alsoShared: new Set(configOf(shared).filter(key => config.has(key))) };
  const rendered = Object.fromEntries(roles.map(role => [role, renderedFor(role, parts, manifests)]));
  const problems = [
    ...unsupportedWorkloadProblems(routedWorkloads),
    ...otherDeploymentProblems(others, services),
    ...nameProblems(rendered, resources),
  ];
  if (problems.length > 0) throw manifestError(problems);
  const switched = publicServices.map(({ object }) => refOf(object));
  const notes = switched.length < 2 ? [] : [`${describeRefs(switched)} are switched together`];
  return { rendered, services: switched.map(({ name }) => name), notes };
}
