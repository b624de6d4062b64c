import { CutoverError } from '../../errors.js';
import { describeRef, refKey, refOf, type KindRef, type KubeObject } from '../../kubernetes/object.js';
import { isService, labelSelectorOf, routesTo, selectorOf } from '../../kubernetes/selectors.js';
import { isServingWorkload } from '../../kubernetes/workload.js';
import type { PlannedChange } from '../../plan/change.js';
import type { Observer, ReadyWorkload } from '../../rollout/observer.js';
import type { RunContext } from '../../run/context.js';
import { confirmMs } from '../../traffic/endpoint-slices.js';
import {
  describeStrangers,
  endpointSliceKind,
  hasEndpoints,
  judgeService,
  type ServiceEndpoints,
  type Strangers,
} from '../../traffic/service-endpoints.js';

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
 * has none now.
 */
export async function confirmServices(ctx: RunContext, rolledOut: RolledOut): Promise<readonly Strangers[]> {
  const { planned, ready, observer } = rolledOut;
  const services = selectingServices(planned).map(service => ({ service, has: podsOf(service, planned, ready) }));
  const judge = (): readonly ServiceEndpoints[] =>
    services.map(({ service }) => judgeService(service, observer.seen, ready));
  await observer.waitUntil(
    () =>
      judge().every(({ kind }, index) => kind === 'served' || (kind === 'empty' && services[index]?.has !== 'pods')),
    confirmMs,
  );
  const strangers = judge().flatMap((endpoints, index) => {
    const one = services[index];
    return one === undefined ? [] : strangersOf(ctx, rolledOut, { ...one, endpoints });
  });
  for (const one of strangers) ctx.log.warning(describeStrangers(one));
  return strangers;
}

interface JudgedService {
  readonly service: KubeObject;
  readonly endpoints: ServiceEndpoints;
  readonly has: 'pods' | 'workloads' | 'none';
}

function strangersOf(
  ctx: RunContext,
  { served }: RolledOut,
  { service, endpoints, has }: JudgedService,
): readonly Strangers[] {
  switch (endpoints.kind) {
    case 'served':
      return endpoints.strangers;
    case 'behind':
      throw didNotFollow(service, endpoints.reason);
    case 'empty':
      if (has === 'pods') throw didNotFollow(service, 'no pod that it selects is ready');
      if (has === 'none' && served.has(refKey(refOf(service)))) throw lostItsPods(service);
      if (has === 'none') ctx.log.warning(`${selectsNoPod(service)}: nobody gets an answer through it`);
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
): JudgedService['has'] {
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
function selectingServices(planned: readonly PlannedChange[]): readonly KubeObject[] {
  return planned.map(liveOf).filter(object => isService(object) && Object.keys(selectorOf(object)).length > 0);
}

function liveOf({ after, resource }: PlannedChange): KubeObject {
  return after ?? resource.object;
}

function selectsNoPod(service: KubeObject): string {
  return `${describeRef(refOf(service))} has the selector ${labelSelectorOf(service)}, which selects no pod`;
}

function didNotFollow(service: KubeObject, reason: string): CutoverError {
  const name = describeRef(refOf(service));
  return new CutoverError(`The endpoints of ${name} are not the ready pods after ${confirmMs / 1000} s: ${reason}`, {
    code: 'switch',
    object: name,
    hint: 'Look at the EndpointSlices of the Service and at the endpointslice controller of the cluster.',
  });
}

function lostItsPods(service: KubeObject): CutoverError {
  return new CutoverError(`${selectsNoPod(service)}: before this deploy it had endpoints`, {
    code: 'switch',
    object: describeRef(refOf(service)),
    hint: 'Users would get no answer. Correct the selector, or the labels of the pod template that it should select.',
  });
}
