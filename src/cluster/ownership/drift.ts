import { fieldSetOf, hasFieldAt, replicasField } from '../apply/field-set.js';
import { fieldManager } from '../apply/field-manager.js';
import { entriesOf, type FieldTree, type ManagedFieldsEntry } from '../apply/owned-fields.js';
import type { KubeObject } from '../../kubernetes/object.js';

/** Fields of an object that another manager has changed since Cutover applied it. */
export interface TakenOver {
  readonly manager: string;
  /** When it wrote last, in ISO 8601. Absent: it is not known. */
  readonly at?: string;
  /** As in `spec.selector.role`, sorted. */
  readonly fields: readonly string[];
}

/**
 * Who owns fields now that Cutover set in `applied` and that it does not own any more: whoever changes the value of a field takes it
 * over. Replicas do not count, and neither do fields that others have added.
 */
export function takenOver(applied: KubeObject, live: KubeObject): readonly TakenOver[] {
  const entries = entriesOf(live) as readonly (ManagedFieldsEntry & { readonly time?: unknown })[];
  const isOurs = ({ manager, operation, subresource }: ManagedFieldsEntry): boolean =>
    manager === fieldManager && operation === 'Apply' && !subresource;
  const ours = fieldSetOf(entries.find(isOurs)?.fieldsV1);
  return entries.flatMap(entry => {
    const { manager = 'an unknown manager', fieldsV1 = {}, subresource, time } = entry;
    if (isOurs(entry) || subresource) return [];
    const fields = leavesOf(fieldsV1).filter(path => {
      const field = JSON.stringify(path);
      return field !== replicasField && !ours.has(field) && hasFieldAt(applied, field);
    });
    if (fields.length === 0) return [];
    return [{ manager, ...(typeof time === 'string' && { at: time }), fields: fields.map(shownField).sort() }];
  });
}

/** The paths that have nothing below them; not the membership of maps and items, which several managers share. */
function leavesOf(tree: FieldTree, path: readonly string[] = []): readonly (readonly string[])[] {
  return Object.entries(tree).flatMap(([step, below]) => {
    if (step === '.') return [];
    return Object.keys(below).length === 0 ? [[...path, step]] : leavesOf(below, [...path, step]);
  });
}

/** `spec.ports[{"port":80}].name` of `f:spec`, `f:ports`, `k:{"port":80}`, `f:name`. */
function shownField(path: readonly string[]): string {
  return path.reduce((text, step) => {
    const name = step.slice(2);
    if (!step.startsWith('f:')) return `${text}[${name}]`;
    return text === '' ? name : `${text}.${name}`;
  }, '');
}
