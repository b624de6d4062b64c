import { asCutoverError, CutoverError, type Problem } from '../../errors.js';
import type { Check } from '../../inputs/inputs.js';
import type { KubeObject } from '../../kubernetes/object.js';
import type { ReadyWorkload } from '../../rollout/observer.js';
import { firstPort, resolvePorts, type Endpoint } from '../../verify/endpoint.js';
import { verify, type CheckResult } from '../../verify/verify.js';
import { isDeployment } from '../../kubernetes/deployment.js';
import { templateLabels } from '../../kubernetes/pod-spec.js';
import { selectorOf, selects } from '../../kubernetes/selectors.js';
import type { RunContext } from '../../run/context.js';

/** The workloads that are verified, and the Service in front of them. */
export interface VerifiedWorkloads {
  /** Absent: only the pods are checked. */
  readonly service?: KubeObject | undefined;
  /** Workloads as they are live. */
  readonly workloads: readonly KubeObject[];
  readonly ready: readonly ReadyWorkload[];
}

/** The checks of one side of a release. */
export interface CheckRequest extends VerifiedWorkloads {
  readonly checks: readonly Check[];
  readonly side: 'staged' | 'public';
}

/** Runs the checks and returns their results. Throws {@link FailedChecks} unless every check passed. */
export async function requireChecks(ctx: RunContext, request: CheckRequest): Promise<readonly CheckResult[]> {
  const { checks, side } = request;
  const { cluster, log, clock, signal, environment } = ctx;
  // Without checks, nothing is asked that the deploy could fail for.
  const isChecked = checks.some(({ when }) => when === side || when === 'both');
  const endpoint = isChecked ? endpointOf(ctx, request) : { namespace: ctx.records.namespace, pods: [] };
  const results = await verify({ checks, side, endpoint, cluster, log, clock, signal, environment });
  const open = results.filter(({ verdict }) => verdict !== 'pass');
  const [first] = open;
  if (first !== undefined) throw checksFailed(first, { open, results });
  return results;
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

/** Results of the checks, if a failed check is the error; otherwise none. */
export function checksOf(error: unknown): readonly CheckResult[] {
  return error instanceof FailedChecks ? error.results : [];
}

/**
 * Why the checks could not find the pods behind the Service, for a step that has written nothing yet. `undefined`: they can, or there
 * are none.
 */
export function portRefusal(
  ctx: Pick<RunContext, 'records'>,
  { checks, ...verified }: Omit<VerifiedWorkloads, 'ready'> & { readonly checks: readonly Check[] },
): CutoverError | undefined {
  if (checks.length === 0) return undefined;
  try {
    endpointOf(ctx, { ...verified, ready: [] });
    return undefined;
  } catch (error) {
    return asCutoverError(error);
  }
}

/** Where the checks go: the Service's port, and the pods of the workload behind that Service. */
export function endpointOf({ records }: Pick<RunContext, 'records'>, verified: VerifiedWorkloads): Endpoint {
  const { service, workloads, ready } = verified;
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
    namespace: service?.metadata.namespace ?? records.namespace,
    pods,
    ...(service !== undefined &&
      ports !== undefined && { service: { name: service.metadata.name, port: ports.servicePort } }),
    ...(podPort !== undefined && { podPort }),
  };
}

/** The Service through which users reach a release: the one named, else the first that selects one of the Deployments. */
export function servingService(objects: readonly KubeObject[], name: string | undefined): KubeObject | undefined {
  const services = objects.filter(({ apiVersion, kind }) => apiVersion === 'v1' && kind === 'Service');
  if (name !== undefined) return services.find(service => service.metadata.name === name);
  const deployments = objects.filter(isDeployment);
  return services.find(service =>
    deployments.some(deployment => selects(selectorOf(service), templateLabels(deployment))),
  );
}

function checksFailed(
  first: CheckResult,
  { open, results }: { readonly open: readonly CheckResult[]; readonly results: readonly CheckResult[] },
): FailedChecks {
  const verdict = first.verdict === 'fail' ? 'failed' : 'could not tell';
  return new FailedChecks(`Check "${first.name}" ${verdict}: ${first.detail}`, results, {
    ...(open.length > 1 && {
      problems: open.map(({ name, verdict, detail }) => ({ message: `${name} (${verdict}): ${detail}` })),
    }),
    hint: 'Look at the answer above and at the logs of the new pods. If the check itself is wrong, correct the input `verify`.',
  });
}
