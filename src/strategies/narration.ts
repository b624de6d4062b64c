import type { Log } from '../log.js';
import { describeRef, refOf } from '../manifests/object.js';
import type { PlannedChange } from '../plan/change.js';

/** Tells what a deploy is about to do: a line for each object that changes, and the count of those that do not. */
export function narratePlan(log: Log, planned: readonly PlannedChange[]): void {
  for (const { resource, change } of planned) {
    if (change !== 'unchanged') log.info(`${describeRef(refOf(resource.object))}: to be ${change}`);
  }
  const count = (kind: PlannedChange['change']): number => planned.filter(({ change }) => change === kind).length;
  log.info(`${count('created')} to create, ${count('changed')} to change, ${count('unchanged')} unchanged`);
}
