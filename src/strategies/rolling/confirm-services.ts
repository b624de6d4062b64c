import { CutoverError } from '../../errors.js';
import { endpointSliceKind } from '../../kubernetes/endpoint-slice.js';
import { describeRef, refKey, refOf, type KindRef, type KubeObject } from '../../kubernetes/object.js';
import { isService, labelSelectorOf, routesTo, selectorOf } from '../../kubernetes/selectors.js';
import { isServingWorkload } from '../../kubernetes/workload.js';
import type { PlannedChange } from '../../plan/change.js';
import type { Observer, ReadyWorkload } from '../../rollout/observer.js';
import type { RunContext } from '../../run/context.js';
import { confirmMs } from '../../traffic/endpoint-slices.js';
import { hasEndpoints, judgeService, type ServiceEndpoints } from '../../traffic/service-endpoints.js';
import { describeStrangers, Runners, type Strangers } from '../../traffic/strangers.js';

/** What the watches of a rollout must report, beside what its workloads need: the Services' pods and endpoints. */
export function kindsOfServices(planned: readonly PlannedChange[]): readonly KindRef[] {
  return selectingServices(planned).flatMap(({ metadata: { namespace } }) => {
    const scope = namespace === undefined ? {} : { namespace };
    return [
      { ...endpointSliceKind, ...scope },
      { apiVersion: 'v1', kind: 'Pod', ...scope },
    ];
  });
}

/** The keys of the Services that have endpoints when the watches have reported what existed at their start. */
export async function servedServices(
  observer: Observer,
  planned: readonly PlannedChange[],
): Promise<ReadonlySet<string>> {
  await observer.synced;
  const served = selectingServices(planned).filter(service => hasEndpoints(service, observer.seen));
  return new Set(served.map(service => refKey(refOf(service))));
}

/** What was rolled out. */
export interface RolledOut {
  readonly planned: readonly PlannedChange[];
  readonly ready: readonly ReadyWorkload[];
  readonly observer: Observer;
  /** The Services that had endpoints before; see {@link servedServices}. */
  readonly served: ReadonlySet<string>;
}

/**
 * Waits until the endpoints of each Service are the ready pods that it selects, and returns those pods that are not of this
 * revision: users reach them, too. Throws `switch` when the endpoints do not follow, or when a Service that had endpoints before
 * still has none at the end of the wait.
 */
export async function confirmServices(ctx: RunContext, rolledOut: RolledOut): Promise<readonly Strangers[]> {
  const { planned, ready, observer, served } = rolledOut;
  const services = selectingServices(planned).map((service): JudgedService => {
    return { service, selected: podsOf(service, planned, ready), hadEndpoints: served.has(refKey(refOf(service))) };
  });
  const judge = (one: JudgedService): ServiceEndpoints => judgeService(one.service, observer.seen, ready);
  const isSettled = (one: JudgedService): boolean => {
    const { kind } = judge(one);
    return kind === 'served' || (kind === 'empty' && !needsEndpoints(one));
  };
  await observer.waitUntil(() => services.every(isSettled), confirmMs);
  const runners = new Runners(ctx.cluster, observer.seen, planned.map(liveOf));
  const found = services.map(one => ({ service: one.service, pods: strangersOf(ctx, one, judge(one)) }));
  const strangers = (await Promise.all(found.map(one => runners.strangersBehind(one.service, one.pods)))).flat();
  for (const one of strangers) ctx.log.warning(describeStrangers(one));
  return strangers;
}

interface JudgedService {
  readonly service: KubeObject;
  /** What of the revision it selects. */
  readonly selected: 'pods' | 'workloads' | 'none';
  readonly hadEndpoints: boolean;
}

/** Whether a Service must lead to a pod. One of others may be restarting, so that it is not ready for a moment. */
function needsEndpoints({ selected, hadEndpoints }: JudgedService): boolean {
  return selected === 'pods' || (selected === 'none' && hadEndpoints);
}

function strangersOf(ctx: RunContext, judged: JudgedService, endpoints: ServiceEndpoints): readonly KubeObject[] {
  const { service, selected } = judged;
  switch (endpoints.kind) {
    case 'served':
      return endpoints.strangers;
    case 'lagging':
      throw didNotFollow(service, endpoints.reason);
    case 'empty':
      if (selected === 'pods') throw didNotFollow(service, 'no pod that it selects is ready');
      if (needsEndpoints(judged)) throw lostItsPods(service, endpoints.pods);
      if (selected === 'none')
        ctx.log.warning(`${leadsNowhere(service, endpoints.pods)}: nobody gets an answer through it`);
      return [];
    default:
      return endpoints satisfies never;
  }
}

/** What of the revision a Service selects: ready pods, workloads that are scaled to zero, or nothing. */
function podsOf(
  service: KubeObject,
  planned: readonly PlannedChange[],
  ready: readonly ReadyWorkload[],
): JudgedService['selected'] {
  const selected = new Set(
    planned
      .map(liveOf)
      .filter(object => routesTo(service, object))
      .map(object => refKey(refOf(object))),
  );
  const workloads = ready.filter(({ ref }) => isServingWorkload(ref) && selected.has(refKey(ref)));
  if (workloads.some(({ pods }) => pods.length > 0)) return 'pods';
  return workloads.length > 0 ? 'workloads' : 'none';
}

/** The Services as they are live after the deploy: others may have added to a selector. */
export function selectingServices(planned: readonly PlannedChange[]): readonly KubeObject[] {
  return planned.map(liveOf).filter(object => isService(object) && Object.keys(selectorOf(object)).length > 0);
}

/** The object as it is live after the deploy. */
export function liveOf({ after, resource }: PlannedChange): KubeObject {
  return after ?? resource.object;
}

/** `pods`: how many the Service selects; none of them is ready. */
function leadsNowhere(service: KubeObject, pods: number): string {
  const selector = `${describeRef(refOf(service))} has the selector ${labelSelectorOf(service)}`;
  if (pods === 0) return `${selector}, which selects no pod`;
  return `${selector}, and ${pods === 1 ? 'the 1 pod that it selects is not' : `none of the ${pods} pods that it selects is`} ready`;
}

function didNotFollow(service: KubeObject, reason: string): CutoverError {
  const name = describeRef(refOf(service));
  return new CutoverError(`The endpoints of ${name} are not the ready pods after ${confirmMs / 1000} s: ${reason}`, {
    code: 'switch',
    object: name,
    hint: 'Look at the EndpointSlices of the Service and at the endpointslice controller of the cluster.',
  });
}

function lostItsPods(service: KubeObject, pods: number): CutoverError {
  return new CutoverError(`${leadsNowhere(service, pods)}: before this deploy it had endpoints`, {
    code: 'switch',
    object: describeRef(refOf(service)),
    hint:
      pods === 0
        ? 'Users would get no answer. Correct the selector, or the labels of the pod template that it should select.'
        : `Users would get no answer. The pods had ${confirmMs / 1000} s to become ready: look at their events and logs.`,
  });
}
