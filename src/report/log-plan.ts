import { describeRef, refOf } from '../kubernetes/object.js';
import type { Log } from '../log.js';
import { hideSensitive } from '../manifests/sensitive-fields.js';
import type { PlannedChange } from '../plan/change.js';
import { describeFieldChange, fieldChanges } from '../plan/diff.js';
import type { PreviewedObject } from '../plan/preview.js';

/** What objects get beside their manifests. */
const additions =
  'What objects get beside their manifests, such as the annotation cutover/release and a preStop sleep (input pre-stop), is in docs/leaving.md';

/** Fields of one object beyond these are only counted. */
const mostFields = 20;

/**
 * Logs what a deploy is about to do: each object that changes, field by field, and the count of those that do not; and what the
 * API server warns of.
 */
export function logPlan(log: Log, planned: readonly PlannedChange[]): void {
  hideSensitive(
    log,
    planned.flatMap(({ live }) => (live === undefined ? [] : [live])),
  );
  for (const one of planned) {
    if (one.finished)
      log.info(
        `${describeRef(refOf(one.resource.object))}: not run again; its TTL has deleted it since it ran unchanged`,
      );
    for (const warning of one.warnings ?? [])
      log.warning(`${describeRef(refOf(one.resource.object))}: ${warning}`, one.resource.at);
    if (one.change === 'unchanged') continue;
    log.info(`${describeRef(refOf(one.resource.object))}: to be ${one.change}${reasonOf(one)}`);
    for (const line of fieldLines(one)) log.info(`  ${line}`);
  }
  const count = (kind: PlannedChange['change']): number => planned.filter(({ change }) => change === kind).length;
  const recreated = count('recreated') === 0 ? '' : `${count('recreated')} to delete and recreate, `;
  if (count('created') > 0) log.info(additions);
  log.info(`${count('created')} to create, ${count('changed')} to change, ${recreated}${count('unchanged')} unchanged`);
}

/** The lines that compare what users have on the active role with what they would get. */
export function comparisonLines(activeRole: string, changes: readonly PreviewedObject[]): readonly string[] {
  if (changes.length === 0) return [];
  return [
    `Compared with ${activeRole}, where users are:`,
    ...changes.flatMap(({ ref, change, fields }) => [
      `${describeRef(ref)}: ${change === 'created' ? 'new' : 'different'}`,
      ...fields.map(field => `  ${describeFieldChange(field)}`),
    ]),
  ];
}

function reasonOf({ change, from, live, after, newSchema }: PlannedChange): string {
  if (change === 'recreated') return ' (deleted and recreated, since it cannot be changed)';
  if (from !== undefined)
    return `, and taken over from ${from.join(' and ')}: fields that only they had set are removed`;
  if (after !== undefined) return '';
  if (newSchema) return ' (not checked: this deploy changes the definition of its kind)';
  return live === undefined
    ? ' (not checked: what it needs is created by this deploy)'
    : ' (not checked: a webhook of the cluster does not support dry run)';
}

function fieldLines({ change, live, after, resource }: PlannedChange): readonly string[] {
  if (change === 'created' || live === undefined || after === undefined) return [];
  const lines = fieldChanges(live, after, resource.object).map(describeFieldChange);
  const more = lines.length - mostFields;
  return more > 0 ? [...lines.slice(0, mostFields), `and ${more} more fields`] : lines;
}
