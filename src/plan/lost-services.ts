import { isService, PodIndex } from '../kubernetes/selectors.js';
import { isServingWorkload } from '../kubernetes/workload.js';
import type { PlannedChange } from './change.js';

/** The Services that lead to workloads of the plan now, and would lead to none of them: their users would lose their pods. */
export function lostServices(planned: readonly PlannedChange[]): readonly PlannedChange[] {
  const workloads = planned.filter(({ resource }) => isServingWorkload(resource.object));
  const [live, next] = [
    new PodIndex(workloads.flatMap(({ change, live, after }) => (change === 'created' ? [] : (live ?? after ?? [])))),
    new PodIndex(workloads.map(({ after, resource }) => after ?? resource.object)),
  ];
  return planned
    .filter(({ resource, change }) => isService(resource.object) && change !== 'created')
    .filter(({ live: service, after, resource }) => {
      const before = service ?? after;
      const isLed = before !== undefined && live.routedBy(before).length > 0;
      return isLed && next.routedBy(after ?? resource.object).length === 0;
    });
}
