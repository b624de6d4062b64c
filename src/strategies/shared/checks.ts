import { asCutoverError, CutoverError, type Problem } from '../../errors.js';
import type { Check } from '../../inputs/inputs.js';
import { ofRole } from '../../inputs/checks/side-url.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../kubernetes/object.js';
import { publicServices } from '../../manifests/roles/public-service.js';
import { isReady } from '../../kubernetes/pods/pod.js';
import { currentPods } from '../../rollout/current-pods.js';
import type { ReadyWorkload } from '../../rollout/observer.js';
import { firstPort, resolvePorts, type Endpoint, type EndpointPod } from '../../verify/endpoint.js';
import { isDue, verify, type CheckResult } from '../../verify/verify.js';
import { isService, routesTo, selectorOf } from '../../kubernetes/selectors.js';
import { isServingWorkload } from '../../kubernetes/workload.js';
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
  /** The role under test, for the addresses of checks. Absent: the release has none. */
  readonly role?: string | undefined;
  readonly checks: readonly Check[];
  readonly side: 'staged' | 'public';
  /** Whether this is a round of a bake. Default: false. */
  readonly isBaking?: boolean | undefined;
}

/** Runs the checks and returns their results. Throws {@link FailedChecks} unless every check passed. */
export async function requireChecks(ctx: RunContext, request: CheckRequest): Promise<readonly CheckResult[]> {
  const { side, isBaking, role } = request;
  const checks = request.checks.map(check => ofRole(check, role));
  const { cluster, log, clock, signal, environment } = ctx;
  // Without checks, nothing is asked that the deploy could fail for.
  const isChecked = checks.some(check => isDue(check, { side, isBaking }));
  const endpoint = isChecked ? endpointOf(ctx, request) : { namespace: ctx.records.namespace, pods: [] };
  const results = await verify({ checks, side, isBaking, endpoint, cluster, log, clock, signal, environment });
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
  ctx: Pick<RunContext, 'records' | 'cluster'>,
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

/**
 * Where the checks go: the Service's port, and the pods of the workloads behind that Service. A Service that selects none of the
 * workloads is asked all the same, and so are the pods of them all.
 */
export function endpointOf(
  { records, cluster }: Pick<RunContext, 'records' | 'cluster'>,
  verified: VerifiedWorkloads,
): Endpoint {
  const { service, workloads, ready } = verified;
  const serving = workloads.filter(isServingWorkload);
  const selected = service === undefined ? [] : serving.filter(workload => routesTo(service, workload));
  const served = selected.length > 0 ? selected : serving;
  const keys = new Set(served.map(workload => refKey(refOf(workload))));
  const checked = ready.filter(({ ref }) => keys.has(refKey(ref)));
  const pods = checked.flatMap(workload => workload.pods);
  const scaled = checked.flatMap(({ ref, scaledToNoneBy }) => {
    return scaledToNoneBy === undefined ? [] : [`${describeRef(ref)} is scaled to 0 by ${scaledToNoneBy}`];
  });
  const [workload] = served;
  const ports = service === undefined ? undefined : resolvePorts(service, selected[0]);
  const podPort = ports?.podPort ?? (workload === undefined ? undefined : firstPort(workload));
  return {
    namespace: service?.metadata.namespace ?? records.namespace,
    pods,
    currentPods: async () => {
      const found = await Promise.all(checked.map(one => currentPods(cluster, one)));
      return found.flat().map(endpointPodOf);
    },
    ...(pods.length === 0 && scaled.length > 0 && { whyNoPods: scaled.join(', ') }),
    ...(service !== undefined &&
      ports !== undefined && { service: { name: service.metadata.name, port: ports.servicePort } }),
    ...(podPort !== undefined && { podPort }),
  };
}

function endpointPodOf(pod: KubeObject): EndpointPod {
  const { name, uid } = pod.metadata;
  return { name, ...(uid !== undefined && { uid }), ...(!isReady(pod) && { isStarting: true }) };
}

/**
 * The Service through which users reach a release: the one named, else the first public one that selects one of the workloads, else
 * any that does, else the only one that selects anything.
 */
export function servingService(objects: readonly KubeObject[], name: string | undefined): KubeObject | undefined {
  const services = objects.filter(isService);
  if (name !== undefined) return services.find(service => service.metadata.name === name);
  const workloads = objects.filter(isServingWorkload);
  const selecting = services.filter(service => Object.keys(selectorOf(service)).length > 0);
  const serving = selecting.filter(service => workloads.some(workload => routesTo(service, workload)));
  return publicServices(serving, objects)[0] ?? serving[0] ?? (selecting.length === 1 ? selecting[0] : undefined);
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
