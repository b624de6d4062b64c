import {
  fromFieldsV1,
  toFieldsV1,
  union,
  minus,
  outside,
  joinPath,
  memberElement,
  type FieldSet,
} from './field-set.js';
import {
  childOf,
  equal,
  erase,
  isObject,
  objectAt,
  objectsAt,
  textAt,
  timestamp,
  type JsonObject,
} from '../schema/json.js';
import type { Kind } from '../schema/kinds.js';
import { difference, type Difference } from '../schema/typed.js';
import type { Schema } from '../schema/schema.js';
import type { Versions } from '../schema/versions.js';

/** One entry of `metadata.managedFields`. */
export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  /** `status`, `scale`; '' for the object itself. */
  readonly subresource: string;
  readonly time: string;
  readonly fields: FieldSet;
}

/** Managers by their identity; an applier is the same whatever version it applies. */
export type Managers = ReadonlyMap<string, Manager>;

/** The writer, its API version and the subresource that it uses. */
export interface Writer {
  readonly name: string;
  readonly apiVersion: string;
  readonly subresource: string;
}

export function identity(writer: Writer, operation: 'Apply' | 'Update'): string {
  return [operation, writer.name, operation === 'Apply' ? '' : writer.apiVersion, writer.subresource].join('\u0000');
}

export function managersOf(object: JsonObject): Managers {
  const managers = new Map<string, Manager>();
  for (const entry of objectsAt(object, 'metadata', 'managedFields')) {
    const manager: Manager = {
      name: textAt(entry, 'manager') ?? '',
      operation: entry.operation === 'Apply' ? 'Apply' : 'Update',
      apiVersion: textAt(entry, 'apiVersion') ?? '',
      subresource: textAt(entry, 'subresource') ?? '',
      time: textAt(entry, 'time') ?? '',
      fields: fromFieldsV1(objectAt(entry, 'fieldsV1')),
    };
    if (manager.apiVersion !== '') managers.set(identity(manager, manager.operation), manager);
  }
  return managers;
}

const rank = (manager: Manager): string =>
  [manager.operation, manager.time, manager.name, manager.apiVersion, manager.subresource].join('\u0000');

/** Writes the entries back; none left removes the member. */
export function setManagers(object: JsonObject, managers: Managers): void {
  const metadata = childOf(object, 'metadata');
  const owners = [...managers.values()].filter(manager => manager.fields.size > 0);
  if (owners.length === 0) {
    erase(metadata, 'managedFields');
    return;
  }
  metadata.managedFields = owners
    .sort((left, right) => (rank(left) < rank(right) ? -1 : 1))
    .map(manager => ({
      manager: manager.name,
      operation: manager.operation,
      apiVersion: manager.apiVersion,
      ...(manager.time === '' ? {} : { time: manager.time }),
      fieldsType: 'FieldsV1',
      fieldsV1: toFieldsV1(manager.fields),
      ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
    }));
}

const metadataOf = (...names: readonly string[]): string[] =>
  names.map(name => joinPath(memberElement('metadata'), memberElement(name)));

/** Set by the server or part of the object's name: never owned. */
const neverOwned = new Set([
  ...['apiVersion', 'kind', 'metadata'].map(memberElement),
  ...metadataOf('name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation'),
  ...metadataOf('managedFields', 'resourceVersion', 'generateName', 'deletionTimestamp', 'deletionGracePeriodSeconds'),
]);

/** Fields that a write of this kind through this subresource cannot set, and so does not own. */
export function closedFields(kind: Pick<Kind, 'group' | 'kind' | 'status'>, subresource: string): readonly string[] {
  if (subresource === '') return kind.status ? [memberElement('status')] : [];
  if (subresource !== 'status') return [];
  return [memberElement('spec'), ...(annotatedByStatus(kind) ? metadataOf('labels') : [memberElement('metadata')])];
}

/** Whether a write of the status takes annotations too: the revision of a Deployment comes with its status. */
export function annotatedByStatus({ group, kind }: Pick<Kind, 'group' | 'kind'>): boolean {
  return group === 'apps' && kind === 'Deployment';
}

export function ownable(set: FieldSet, closed: readonly string[]): FieldSet {
  return outside(minus(set, neverOwned), closed);
}

/** What a write changes, in the fields of a version. */
export type ChangesIn = (apiVersion: string) => Difference;

/** `own` is what the write changes in the fields of the writer's version. */
export function changesIn(
  { live, next, writer, versions, closed }: Omit<Update, 'schema'>,
  own: Difference,
): ChangesIn {
  return apiVersion => {
    if (apiVersion === writer.apiVersion) return own;
    const before = versions?.(live, apiVersion);
    const after = versions?.(next, apiVersion);
    if (before === undefined || after === undefined) return own;
    return open(difference(before.object, after.object, after.schema), closed);
  };
}

const open = ({ added, modified, removed }: Difference, closed: readonly string[]): Difference => ({
  added: outside(added, closed),
  modified: outside(modified, closed),
  removed: outside(removed, closed),
});

/** Removes the changed fields from all entries but `self`: they were set by another manager or removed. */
export function withoutChanges(managers: Managers, changesOf: ChangesIn, self: string): Managers {
  const left = [...managers].map(([id, manager]): [string, Manager] => {
    if (id === self) return [id, manager];
    const changes = changesOf(manager.apiVersion);
    const taken = union(changes.added, changes.modified, changes.removed);
    return [id, { ...manager, fields: minus(manager.fields, taken) }];
  });
  return new Map(left.filter(([id, manager]) => id === self || manager.fields.size > 0));
}

/** What {@link recordUpdate} looks at. */
export interface Update {
  /** The stored object; empty for a creation. */
  readonly live: JsonObject;
  /** The object to be stored; its managedFields are set here. */
  readonly next: JsonObject;
  readonly schema: Schema;
  readonly writer: Writer;
  /** Fields that the write cannot set. */
  readonly closed: readonly string[];
  /** Absent: all versions of the kind have the same fields. */
  readonly versions?: Versions;
}

/** Both objects without the top members that are the same in both: nothing of these has changed. */
function withoutSame(live: JsonObject, next: JsonObject): [JsonObject, JsonObject] {
  const differs = (name: string): boolean => !equal(live[name], next[name]);
  const part = (object: JsonObject): JsonObject =>
    Object.fromEntries(Object.entries(object).filter(([name]) => differs(name)));
  return [part(live), part(next)];
}

/**
 * Ownership after a create, update or patch: the writer owns what it changed. `next` may carry managedFields of its
 * own, as a client that puts an object back does; then those are the starting point.
 */
export function recordUpdate(update: Update): void {
  const { live, next, schema, writer, closed } = update;
  const sent = objectAt(next, 'metadata').managedFields;
  const reset = Array.isArray(sent) && sent.length === 1 && isObject(sent[0]) && Object.keys(sent[0]).length === 0;
  const brought = writer.subresource === '' ? managersOf(next) : new Map<string, Manager>();
  const creation = textAt(objectAt(live, 'metadata'), 'uid') === undefined;
  const before: Managers = reset ? new Map() : brought.size > 0 ? brought : managersOf(live);
  if (before.size === 0 && !creation) {
    setManagers(next, before);
    return;
  }
  const changes = open(difference(...withoutSame(live, next), schema), closed);
  const self = identity(writer, 'Update');
  // The writer's own entry gives up what it removed, and takes what it set, like everyone's.
  const managers = new Map(withoutChanges(before, changesIn(update, changes), ''));
  const set = ownable(union(changes.added, changes.modified), closed);
  // A Scale leaves out a zero, so nobody owns replicas that were scaled to none.
  const none = writer.subresource === 'scale' && objectAt(next, 'spec').replicas === 0;
  if (set.size > 0 && !none) {
    const fields = union(set, managers.get(self)?.fields ?? new Set());
    managers.set(self, { ...writer, operation: 'Update', time: timestamp(), fields });
  }
  setManagers(next, managers);
}

/** Whether two states of an object differ in nothing but the times of managedFields: then there is nothing to store. */
export function sameButTimes(left: JsonObject, right: JsonObject): boolean {
  const timeless = (object: JsonObject): JsonObject => {
    const metadata = objectAt(object, 'metadata');
    const managedFields = objectsAt(metadata, 'managedFields').map(entry => ({ ...entry, time: '' }));
    return { ...object, metadata: { ...metadata, managedFields } };
  };
  return equal(timeless(left), timeless(right));
}
