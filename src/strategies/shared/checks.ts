import { CutoverError, type Problem } from '../../errors.js';
import type { Check } from '../../inputs/inputs.js';
import type { KubeObject } from '../../kubernetes/object.js';
import type { ReadyWorkload } from '../../rollout/observer.js';
import { firstPort, resolvePorts, type Endpoint } from '../../verify/endpoint.js';
import { verify, type CheckResult } from '../../verify/verify.js';
import { isDeployment, templateLabels } from '../../kubernetes/deployment.js';
import { selectorOf, selects } from '../../kubernetes/selectors.js';
import type { RunContext } from '../../run/context.js';

/** The side of a release that checks go to: a Service and the workloads behind it. */
export interface CheckSubject {
  readonly namespace: string;
  /** Absent: the pods are asked alone. */
  readonly service?: KubeObject;
  /** Workloads as they are live. */
  readonly workloads: readonly KubeObject[];
  readonly ready: readonly ReadyWorkload[];
}

/** Runs the checks of a stage; gives all results, passed or not. */
export async function runChecks(options: {
  readonly ctx: RunContext;
  readonly checks: readonly Check[];
  readonly side: 'staged' | 'public';
  readonly subject: CheckSubject;
}): Promise<readonly CheckResult[]> {
  const { ctx, checks, side, subject } = options;
  const { cluster, log, clock, signal, environment } = ctx;
  return verify({ checks, side, endpoint: endpointOf(subject), cluster, log, clock, signal, environment });
}

/** Checks that did not pass, with the results of all that ran. */
export class FailedChecks extends CutoverError {
  constructor(
    message: string,
    readonly results: readonly CheckResult[],
    details: { readonly problems?: readonly Problem[]; readonly hint: string },
  ) {
    super(message, { ...details, code: 'verify' });
  }
}

/** Results of the checks, where those are why a step failed. */
export function checksOf(error: unknown): readonly CheckResult[] {
  return error instanceof FailedChecks ? error.results : [];
}

/** Throws {@link FailedChecks} unless every check passed. */
export function assertPassed(results: readonly CheckResult[]): void {
  const open = results.filter(({ verdict }) => verdict !== 'pass');
  const [first] = open;
  if (first === undefined) return;
  const said = first.verdict === 'fail' ? 'failed' : 'could not tell';
  throw new FailedChecks(`Check "${first.name}" ${said}: ${first.detail}`, results, {
    ...(open.length > 1 && {
      problems: open.map(({ name, verdict, detail }) => ({ message: `${name} (${verdict}): ${detail}` })),
    }),
    hint: 'Look at the answer above and at the logs of the new pods. If the check itself is wrong, mend the input `verify`.',
  });
}

/** Where the checks of a side go: its Service's port, and the pods of the workload behind that Service. */
export function endpointOf(side: CheckSubject): Endpoint {
  const { namespace, service, workloads, ready } = side;
  const deployments = workloads.filter(isDeployment);
  const served =
    service === undefined
      ? deployments
      : deployments.filter(deployment => selects(selectorOf(service), templateLabels(deployment)));
  const names = new Set(served.map(deployment => deployment.metadata.name));
  const pods = ready
    .filter(({ ref }) => ref.kind === 'Deployment' && names.has(ref.name))
    .flatMap(workload => workload.pods);
  const [workload] = served;
  const ports = service !== undefined && workload !== undefined ? resolvePorts(service, workload) : undefined;
  const podPort = ports?.podPort ?? (workload === undefined ? undefined : firstPort(workload));
  return {
    namespace,
    pods,
    ...(service !== undefined &&
      ports !== undefined && { service: { name: service.metadata.name, port: ports.servicePort } }),
    ...(podPort !== undefined && { podPort }),
  };
}

/** The Service that leads to a release's users: the one named, else the first that selects one of the Deployments. */
export function servingService(objects: readonly KubeObject[], name: string | undefined): KubeObject | undefined {
  const services = objects.filter(({ apiVersion, kind }) => apiVersion === 'v1' && kind === 'Service');
  if (name !== undefined) return services.find(service => service.metadata.name === name);
  const deployments = objects.filter(isDeployment);
  return services.find(service =>
    deployments.some(deployment => selects(selectorOf(service), templateLabels(deployment))),
  );
}
