import type { Problem } from '../../errors.js';
import { isDeployment } from '../../kubernetes/deployment.js';
import { describeRef, refOf } from '../../kubernetes/object.js';
import { routesTo } from '../../kubernetes/selectors.js';
import type { Resource } from '../resource.js';
import { choosePublicService, isForMetrics, isFurtherService, isHeadless, isMarkedShared } from './public-service.js';

/** Manifests without TARGET_ROLE, in which the public Services are looked for. */
export interface ServiceChoice {
  readonly resources: readonly Resource[];
  /** Services that select workloads, in the order of the manifests. */
  readonly serving: readonly Resource[];
  /** Workloads that may be behind a Service. */
  readonly workloads: readonly Resource[];
  /** The input `service`. Absent: every Service that leads to a Deployment is switched, unless it is marked as shared. */
  readonly names?: readonly string[];
}

/** The public Services, the main one first, and the workloads behind them; or the problems of the choice. */
export interface SwitchedServices {
  readonly publicServices: readonly [main: Resource, ...others: Resource[]];
  readonly workloads: readonly Resource[];
}

/**
 * Chooses the Services that are switched together: those that the input names, else all that lead to Deployments; in either case with
 * every other Service of the same pods, whose users would reach what is staged. Headless ones, those for metrics and those marked
 * as shared stay as they are.
 */
export function switchedServices(choice: ServiceChoice): SwitchedServices | readonly Problem[] {
  const { resources, serving, names } = choice;
  const [first, ...further] = names ?? [];
  const main = choosePublicService(serving, { resources, ...(first !== undefined && { service: first }) });
  if ('message' in main) return [main];
  const others = further.map(service => choosePublicService(serving, { resources, service }));
  const problems = others.filter((other): other is Problem => 'message' in other);
  if (problems.length > 0) return problems;
  const named = others.filter((other): other is Resource => !('message' in other));
  const chosen = names === undefined ? leadingToDeployments(choice, main) : [];
  const publicServices = withSamePods(choice, [main, ...named, ...chosen]);
  return { publicServices, workloads: behind(choice, publicServices) };
}

/** Every Service that leads to a Deployment of which each role gets its own. */
function leadingToDeployments(choice: ServiceChoice, main: Resource): readonly Resource[] {
  return choice.serving.filter(service => {
    if (service === main || !isSwitchable(service, main, choice)) return false;
    return behind(choice, [service]).some(isOfRole);
  });
}

/** The Services with all others that lead to pods of theirs. */
function withSamePods(
  choice: ServiceChoice,
  [main, ...others]: SwitchedServices['publicServices'],
): SwitchedServices['publicServices'] {
  const found = new Set([main, ...others]);
  // A Service that is found may lead to further Deployments.
  for (let before = 0; before < found.size;) {
    before = found.size;
    const deployments = behind(choice, [...found]).filter(isOfRole);
    for (const service of choice.serving) {
      const isBehind = ({ object }: Resource): boolean => routesTo(service.object, object);
      if (deployments.some(isBehind) && isSwitchable(service, main, choice)) found.add(service);
    }
  }
  found.delete(main);
  return [main, ...found];
}

function behind({ workloads }: ServiceChoice, services: readonly Resource[]): readonly Resource[] {
  return workloads.filter(({ object }) => services.some(service => routesTo(service.object, object)));
}

function isOfRole({ object }: Resource): boolean {
  return isDeployment(object) && !isMarkedShared(object);
}

/** Whether the traffic of a Service is that of users, and can be switched. */
function isSwitchable({ object }: Resource, main: Resource, { workloads }: ServiceChoice): boolean {
  if (isHeadless(object) || isMarkedShared(object)) return false;
  const deployments = workloads.map(one => one.object).filter(isDeployment);
  return !isForMetrics(object) || isFurtherService(object, { publicService: main.object, deployments });
}

/** Deployments that no public Service leads to: what becomes of each is for the manifests to say. */
export function otherDeploymentProblems(
  others: readonly Resource[],
  services: readonly Resource[],
): readonly Problem[] {
  return others
    .filter(({ object }) => isOfRole({ object } as Resource))
    .flatMap((other): Problem[] => {
      const behindIt = services.filter(({ object }) => routesTo(object, other.object));
      if (behindIt.some(({ object }) => isMarkedShared(object))) return [];
      const [service] = behindIt;
      return [{ message: service === undefined ? withoutService(other) : behindOther(other, service), at: other.at }];
    });
}

function withoutService(other: Resource): string {
  return (
    `No Service selects the pods of ${describeRef(refOf(other.object))}, so it is unclear whether each role needs its own. ` +
    'Annotate it cutover/shared: "false" if each role can have one, which runs as soon as it is staged; annotate it ' +
    'cutover/shared: "true" if both roles can use one that is updated in place while staging; or deploy it as a separate release.'
  );
}

function behindOther(other: Resource, service: Resource): string {
  const [name, of] = [other, service].map(({ object }) => describeRef(refOf(object)));
  const remedy = isHeadless(service.object)
    ? 'A headless Service cannot be switched. Give it a cluster IP,'
    : `Name ${service.object.metadata.name} in the input \`service\` too, so that it is switched together with the others,`;
  return (
    `${name} is behind ${of}, which is not switched: it would be updated in place while staging. ${remedy} or, if that is ` +
    'acceptable, annotate the Deployment cutover/shared: "true", or deploy it as a separate release.'
  );
}
