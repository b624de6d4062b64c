import type { Log } from '../../log.js';
import { describeRef, refOf } from '../../kubernetes/object.js';
import type { PlannedChange } from '../../plan/change.js';
import { describeFieldChange, fieldChanges } from '../../plan/diff.js';

/** Fields of one object beyond these are counted, not told. */
const mostFields = 20;

/** Tells what a deploy is about to do: each object that changes, field by field, and the count of those that do not. */
export function logPlan(log: Log, planned: readonly PlannedChange[]): void {
  for (const one of planned) {
    if (one.change === 'unchanged') continue;
    log.info(`${describeRef(refOf(one.resource.object))}: to be ${one.change}${reasonOf(one)}`);
    for (const line of fieldLines(one)) log.info(`  ${line}`);
  }
  const count = (kind: PlannedChange['change']): number => planned.filter(({ change }) => change === kind).length;
  const recreated = count('recreated') === 0 ? '' : `${count('recreated')} to delete and make anew, `;
  log.info(`${count('created')} to create, ${count('changed')} to change, ${recreated}${count('unchanged')} unchanged`);
}

function reasonOf({ change, from, live, after }: PlannedChange): string {
  if (change === 'recreated') return ' (deleted and made anew, since it cannot be changed)';
  if (from !== undefined) return `, and taken over from ${from.join(' and ')}: what only they had set goes`;
  if (after !== undefined) return '';
  return live === undefined
    ? ' (not checked: what it needs is made by this deploy)'
    : ' (not checked: a webhook of the cluster has no dry run)';
}

function fieldLines({ change, live, after, resource }: PlannedChange): readonly string[] {
  if (change === 'created' || live === undefined || after === undefined) return [];
  const lines = fieldChanges(live, after, resource.object).map(describeFieldChange);
  const more = lines.length - mostFields;
  return more > 0 ? [...lines.slice(0, mostFields), `and ${more} more fields`] : lines;
}
