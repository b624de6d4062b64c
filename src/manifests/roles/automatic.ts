import type { Problem } from '../../errors.js';
import type { Roles } from '../../inputs/inputs.js';
import { where } from '../../log.js';
import { coversPods, isBudget } from '../../kubernetes/budget.js';
import { isDeployment } from '../../kubernetes/deployment.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../kubernetes/object.js';
import { podSpecPath, templateLabels } from '../../kubernetes/pods/pod-spec.js';
import { isService, routesTo } from '../../kubernetes/selectors.js';
import { manifestError, type ManifestWarning } from '../problems.js';
import { choosePublicService, furtherServiceProblems, isMarkedShared } from './public-service.js';
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
  /** Name of the public Service. Absent: the manifests must have exactly one candidate. */
  readonly service?: string;
  /** Name pattern of the test Services; `*` stands for the role. Default: `<service>-test-*`. */
  readonly testService?: string;
  /** Name of the Secret of the input `registry-secret`; it is shared by both roles. Absent: there is none. */
  readonly registrySecret?: string;
}

export interface AutomaticRoles {
  /** The manifests of each role, in the same order, as if they were written with TARGET_ROLE. */
  readonly rendered: Readonly<Record<string, readonly Resource[]>>;
  /** Name of the public Service. */
  readonly service: string;
  readonly warnings: readonly ManifestWarning[];
}

/** Jobs and CronJobs receive no traffic and stay shared. */
const isTask = ({ object }: Resource): boolean => object.apiVersion.startsWith('batch/');

/** Which objects get a copy for each role. */
interface Parts {
  readonly publicService: Resource;
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
  const { deployments, publicService, config } = parts;
  const { namespace } = object.metadata;
  if (resource === publicService) return switchedCopy(object, role);
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

/** Workloads that the public Service routes to but that cannot exist once for each role. */
function unsupportedWorkloadProblems(workloads: readonly Resource[]): readonly Problem[] {
  return workloads
    .filter(workload => !isDeployment(workload.object))
    .flatMap(workload => {
      const reasons = kindProblems(workload);
      const message = `${describeRef(refOf(workload.object))} cannot have roles: only Deployments can.`;
      return reasons.length > 0 ? reasons : [{ message, at: workload.at }];
    });
}

/** Deployments that the public Service does not route to: behind another Service they are shared, others need an annotation. */
function otherDeployments(others: readonly Resource[], services: readonly Resource[]) {
  const problems: Problem[] = [];
  const warnings: ManifestWarning[] = [];
  for (const other of others.filter(one => isDeployment(one.object) && !isMarkedShared(one.object))) {
    const name = describeRef(refOf(other.object));
    const service = services.find(({ object }) => routesTo(object, other.object));
    if (service === undefined) {
      const message =
        `No Service selects the pods of ${name}, so it is unclear whether each role needs its own. Deploy it as a ` +
        'separate release, or, if both roles can use one that is updated while staging, annotate it cutover/shared: "true".';
      problems.push({ message, at: other.at });
    } else {
      const message =
        `${name} is behind ${describeRef(refOf(service.object))}, not behind the public Service: it is updated in place ` +
        'while staging, not held back until the switch. To give it roles, deploy it as a separate release.';
      warnings.push({ message, at: other.at });
    }
  }
  return { problems, warnings };
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
  const { publicService, alsoShared } = parts;
  const copies = resources.flatMap(resource => {
    const copy = copyOf(resource, parts, role);
    if (copy === undefined) return [resource];
    const kept = alsoShared.has(refKey(refOf(resource.object))) ? [resource] : [];
    return [...kept, { ...resource, object: copy }];
  });
  const name = testService?.split('*').join(role) ?? roleName(`${publicService.object.metadata.name}-test`, role);
  return [...copies, { ...publicService, object: testServiceOf(publicService.object, role, name) }];
}

/**
 * Derives roles for manifests without TARGET_ROLE: the Deployments behind the public Service, the ConfigMaps and Secrets
 * that their pods refer to, their autoscalers and disruption budgets are copied for each role; each role gets a test
 * Service. Everything else is shared. Throws `manifest` with all reasons why this is not possible.
 */
export function automaticRoles(manifests: PlainManifests): AutomaticRoles {
  const { roles, resources, service } = manifests;
  const services = resources.filter(({ object }) => isService(object));
  const workloads = resources.filter(one => podSpecPath(one.object) !== undefined && !isTask(one));
  const routedBy = (one: Resource): readonly Resource[] =>
    workloads.filter(workload => routesTo(one.object, workload.object));
  const serving = services.filter(one => routedBy(one).length > 0);
  const choice = choosePublicService(serving, { resources, ...(service !== undefined && { service }) });
  if ('message' in choice) throw manifestError([choice]);
  const publicService = choice;
  const routedWorkloads = routedBy(publicService);
  const deployments = routedWorkloads.filter(({ object }) => isDeployment(object));
  const others = otherDeployments(
    workloads.filter(workload => !routedWorkloads.includes(workload)),
    services,
  );
  const further = serving.filter(
    one => one !== publicService && routedBy(one).some(found => deployments.includes(found)),
  );
  const referencedConfig = new Set(configOf(deployments));
  // A referenced object that is not in the manifests is managed elsewhere: its name stays.
  const own = resources.map(({ object }) => refOf(object));
  const copiedRefs = own.filter(({ kind, name }) => kind !== 'Secret' || name !== manifests.registrySecret);
  const config = new Set(copiedRefs.map(refKey).filter(key => referencedConfig.has(key)));
  const partsForCopies = { publicService, deployments, config, alsoShared: new Set<string>() };
  const [first] = roles;
  const shared = resources.filter(resource => copyOf(resource, partsForCopies, first) === undefined);
  const parts: Parts = { ...partsForCopies, alsoShared: new Set(configOf(shared).filter(key => config.has(key))) };
  const rendered = Object.fromEntries(roles.map(role => [role, renderedFor(role, parts, manifests)]));
  const problems = [
    ...unsupportedWorkloadProblems(routedWorkloads),
    ...others.problems,
    ...further.flatMap(one => furtherServiceProblems(one, { publicService, deployments })),
    ...nameProblems(rendered, resources),
  ];
  if (problems.length > 0) throw manifestError(problems);
  return { rendered, service: publicService.object.metadata.name, warnings: others.warnings };
}
