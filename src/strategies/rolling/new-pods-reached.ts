import { isDeepStrictEqual } from 'node:util';
import { refKey, refOf, type KubeObject } from '../../kubernetes/object.js';
import { sameTemplate } from '../../kubernetes/pods/pod-template.js';
import { routesTo } from '../../kubernetes/selectors.js';
import { isServingWorkload, specOf } from '../../kubernetes/workload.js';
import type { PlannedChange, Snapshot } from '../../plan/change.js';
import type { ReadyWorkload } from '../../rollout/observer.js';
import { liveOf, selectingServices } from './confirm-services.js';

/** A set that is ready. */
export interface ReadySet {
  readonly planned: readonly PlannedChange[];
  readonly ready: readonly ReadyWorkload[];
  /** What its objects were before this step, or before an earlier one that was interrupted. Those without one are as they were. */
  readonly snapshots: readonly Snapshot[];
}

/**
 * Whether a Service of the set leads users to ready pods that it did not lead to before. A Service that is new has led nobody
 * elsewhere, so only the pods count.
 */
export function reachesNewPods({ planned, ready, snapshots }: ReadySet): boolean {
  const found = new Map(snapshots.map(snapshot => [refKey(snapshot.ref), snapshot]));
  const before = (object: KubeObject): Snapshot | undefined => found.get(refKey(refOf(object)));
  const withPods = new Set(ready.filter(({ pods }) => pods.length > 0).map(({ ref }) => refKey(ref)));
  const workloads = planned.map(liveOf).filter(one => isServingWorkload(one) && withPods.has(refKey(refOf(one))));
  return selectingServices(planned).some(service => {
    const earlier = before(service)?.object ?? service;
    return workloads.some(one => routesTo(service, one) && !ledTo(earlier, one, before(one)));
  });
}

/** Whether a Service, as it was before, led to the pods that the workload has now. */
function ledTo(service: KubeObject, workload: KubeObject, before: Snapshot | undefined): boolean {
  if (before === undefined) return routesTo(service, workload);
  const { object, recreated } = before;
  return object !== undefined && recreated !== true && hadAll(object, workload) && routesTo(service, object);
}

/** Whether no pod of the workload is new. A lower `partition`, for example, replaces pods although the template is the same. */
function hadAll(before: KubeObject, after: KubeObject): boolean {
  const [was, is] = [specOf(before), specOf(after)];
  return (
    sameTemplate(was.template, is.template) &&
    isDeepStrictEqual([was.paused, was.updateStrategy], [is.paused, is.updateStrategy]) &&
    (was.replicas ?? 1) >= (is.replicas ?? 1)
  );
}
