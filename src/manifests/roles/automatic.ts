import type { Problem } from '../../errors.js';
import type { Roles } from '../../inputs/inputs.js';
import { where } from '../../log.js';
import { fieldAt } from '../../kubernetes/fields.js';
import { groupKind } from '../../kubernetes/kinds.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../kubernetes/object.js';
import { podLabels, podSpecPath } from '../../kubernetes/pod-spec.js';
import { isService, routesTo, selectorMatches } from '../../kubernetes/selectors.js';
import { manifestError, type ManifestWarning } from '../problems.js';
import { choosePublicService, furtherServiceProblems, isMarkedShared } from './public-service.js';
import { referencesIn, type ConfigReference } from '../../kubernetes/config-references.js';
import type { Resource } from '../resource.js';
import { isDeployment, kindProblems } from './rules.js';
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
  /** Rendered once; nothing in them knows of roles. */
  readonly resources: readonly Resource[];
  /** Name of the public Service, where several could be meant. */
  readonly service?: string;
  /** Name pattern of the test Services, `*` standing for the role. Default: `<service>-test-*`. */
  readonly testService?: string;
  /** Name of the Secret that the input `registry-secret` makes: both roles pull with it, under the name that it was given. */
  readonly registrySecret?: string;
}

export interface AutomaticRoles {
  /** The manifests as each role has them, in the same order, as if they had been written with TARGET_ROLE. */
  readonly rendered: Readonly<Record<string, readonly Resource[]>>;
  /** Name of the public Service. */
  readonly service: string;
  readonly warnings: readonly ManifestWarning[];
}

/** Workloads that run once to do a task; they serve nobody and stay shared. */
const isTask = ({ object }: Resource): boolean => object.apiVersion.startsWith('batch/');

/** What the parts of the manifests are to the roles, before any copy is made. */
interface Parts {
  readonly publicService: Resource;
  readonly deployments: readonly Resource[];
  /** Keys of the ConfigMaps and Secrets that the deployments read. */
  readonly config: ReadonlySet<string>;
  /** Keys of those that shared objects read as well. */
  readonly alsoShared: ReadonlySet<string>;
}

const configKey = ({ kind, name }: ConfigReference, namespace: string | undefined): string =>
  refKey({ apiVersion: 'v1', kind, name, ...(namespace !== undefined && { namespace }) });

function configOf(resources: readonly Resource[]): readonly string[] {
  return resources.flatMap(({ object }) =>
    referencesIn(object).map(found => configKey(found, object.metadata.namespace)),
  );
}

/** What every kind of role's own object becomes for one role; `undefined`: the object is shared. */
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
  if (groupKind(object) !== 'policy/PodDisruptionBudget') return false;
  return deployments.some(deployment => {
    const here = deployment.object.metadata.namespace === object.metadata.namespace;
    return here && selectorMatches(fieldAt(object, ['spec', 'selector']), podLabels(deployment.object));
  });
}

/** Workloads that the public Service leads to but that cannot exist twice. */
function unfitProblems(workloads: readonly Resource[]): readonly Problem[] {
  return workloads
    .filter(workload => !isDeployment(workload))
    .flatMap(workload => {
      const known = kindProblems(workload);
      const message = `${describeRef(refOf(workload.object))} cannot have roles: only Deployments can.`;
      return known.length > 0 ? known : [{ message, at: workload.at }];
    });
}

/** Deployments that the public Service does not lead to: those behind another Service are shared, others must say so. */
function otherDeployments(others: readonly Resource[], services: readonly Resource[]) {
  const problems: Problem[] = [];
  const warnings: ManifestWarning[] = [];
  for (const other of others.filter(one => isDeployment(one) && !isMarkedShared(one))) {
    const name = describeRef(refOf(other.object));
    const service = services.find(({ object }) => routesTo(object, other.object));
    if (service === undefined) {
      const message =
        `No Service selects the pods of ${name}, so it is not known whether each role needs one. Deploy it as a release of ` +
        'its own, or, if both roles can use one that is updated while staging, annotate it cutover/shared: "true".';
      problems.push({ message, at: other.at });
    } else {
      const message =
        `${name} is behind ${describeRef(refOf(service.object))}, not behind the public Service: it is updated in place ` +
        'while staging, not held back until the switch. A release of its own can give it roles too.';
      warnings.push({ message, at: other.at });
    }
  }
  return { problems, warnings };
}

/** A copy must not take the name of something that the manifests hold. */
function nameProblems(rendered: AutomaticRoles['rendered'], resources: readonly Resource[]): readonly Problem[] {
  const written = new Map(resources.map(resource => [refKey(refOf(resource.object)), resource]));
  return Object.entries(rendered).flatMap(([role, copies]) => {
    return copies.flatMap(copy => {
      const ref = refOf(copy.object);
      const taken = written.get(refKey(ref));
      // The same place: the object itself, or its switched or shared form.
      if (taken === undefined || where(taken.at) === where(copy.at)) return [];
      const message = `${describeRef(ref)} would be made for ${role}, but the manifests define it at ${where(taken.at)}.`;
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
 * Gives plain manifests roles: the Deployments behind the public Service, the ConfigMaps and Secrets that their pods read,
 * their autoscalers and disruption budgets exist once for each role; a test Service leads to each. Everything else is
 * shared. Throws `manifest` with all that speaks against it.
 */
export function automaticRoles(manifests: PlainManifests): AutomaticRoles {
  const { roles, resources, service } = manifests;
  const services = resources.filter(({ object }) => isService(object));
  const workloads = resources.filter(one => podSpecPath(one.object) !== undefined && !isTask(one));
  const leadsTo = (one: Resource): readonly Resource[] =>
    workloads.filter(workload => routesTo(one.object, workload.object));
  const serving = services.filter(one => leadsTo(one).length > 0);
  const choice = choosePublicService(serving, { resources, ...(service !== undefined && { service }) });
  if ('message' in choice) throw manifestError([choice]);
  const publicService = choice;
  const behind = leadsTo(publicService);
  const deployments = behind.filter(isDeployment);
  const others = otherDeployments(
    workloads.filter(workload => !behind.includes(workload)),
    services,
  );
  const further = serving.filter(
    one => one !== publicService && leadsTo(one).some(found => deployments.includes(found)),
  );
  const read = new Set(configOf(deployments));
  // What the manifests do not hold, somebody else keeps: its name stays.
  const own = resources.map(({ object }) => refOf(object));
  const doubled = own.filter(({ kind, name }) => kind !== 'Secret' || name !== manifests.registrySecret);
  const config = new Set(doubled.map(refKey).filter(key => read.has(key)));
  const makes = { publicService, deployments, config, alsoShared: new Set<string>() };
  const [first] = roles;
  const shared = resources.filter(resource => copyOf(resource, makes, first) === undefined);
  const parts: Parts = { ...makes, alsoShared: new Set(configOf(shared).filter(key => config.has(key))) };
  const rendered = Object.fromEntries(roles.map(role => [role, renderedFor(role, parts, manifests)]));
  const problems = [
    ...unfitProblems(behind),
    ...others.problems,
    ...further.flatMap(one => furtherServiceProblems(one, { publicService, deployments })),
    ...nameProblems(rendered, resources),
  ];
  if (problems.length > 0) throw manifestError(problems);
  return { rendered, service: publicService.object.metadata.name, warnings: others.warnings };
}
