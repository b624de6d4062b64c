import { common, showPath, union, minus, sameSet, type FieldSet } from './field-set.js';
import { equal, isObject, objectAt, objectsAt, textAt, timestamp, type JsonObject } from '../schema/json.js';
import { changesIn, identity, managersOf, ownable, recordUpdate, setManagers, withoutChanges } from './managed.js';
import type { ChangesIn, Manager, Managers, Writer } from './managed.js';
import type { Schema } from '../schema/schema.js';
import { refusal, type ApiError } from '../http/status.js';
import { difference, fieldsOf, merge, withParents, withoutFields } from '../schema/typed.js';
import type { Versions, View } from '../schema/versions.js';

/** A server-side apply. */
export interface Application {
  /** The stored object; `{apiVersion, kind, metadata: {name, …}}` alone when there is none. */
  readonly live: JsonObject;
  /** The applied configuration, already validated against the schema. */
  readonly config: JsonObject;
  readonly schema: Schema;
  readonly writer: Writer;
  /** Fields that the write cannot set. */
  readonly closed: readonly string[];
  /** Absent: all versions of the kind have the same fields. */
  readonly versions?: Versions;
  readonly force: boolean;
}

/** Fields of other managers that an apply would change. */
interface Conflict {
  readonly manager: Manager;
  readonly path: string;
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * The object after the apply, managedFields included; `undefined` when nothing changes. Throws the 409 that lists the
 * fields which others own, unless `force`.
 */
export function applyConfig(application: Application): JsonObject | undefined {
  const { config, schema, writer, closed } = application;
  const live = tracked(application);
  const before = managersOf(live);
  const self = identity(writer, 'Apply');
  const sent: FieldSet = new Set(fieldsOf(config, schema).keys());
  const fields = ownable(sent, closed);
  const previous = before.get(self);

  const merged = merge(live, config, schema) as JsonObject;
  const mine: Manager = { ...writer, operation: 'Apply', time: timestamp(), fields };
  const wanted: Managers = new Map([...before, [self, mine]]);
  const next = previous === undefined ? merged : withoutLeft(application, merged, { previous, wanted });

  const changes = difference(live, next, schema);
  const changesOf = changesIn({ ...application, live, next }, changes);
  const conflicts = conflictsOf(wanted, self, changesOf);
  if (!application.force && conflicts.length > 0) {
    const mayTake = writer.name === 'kubectl' ? clientSideApplied(live, schema) : new Set<string>();
    const refused = conflicts.filter(conflict => !mayTake.has(conflict.path));
    if (refused.length > 0) throw conflictError(refused);
  }
  // Items in another order are no field that differs, but another object.
  const unchanged = changes.added.size + changes.modified.size + changes.removed.size === 0 && equal(live, next);
  const sameOwner = previous?.apiVersion === writer.apiVersion && sameSet(previous.fields, fields);
  if (unchanged && sameOwner && live === application.live) return undefined;
  setManagers(next, withoutChanges(wanted, changesOf, self));
  return next;
}

/**
 * The merged object without what the manager owned before and owns no more, unless another manager owns it. Each owner's
 * fields are those of the version that it used.
 */
function withoutLeft(
  { schema, writer, versions }: Application,
  merged: JsonObject,
  { previous, wanted }: { readonly previous: Manager; readonly wanted: Managers },
): JsonObject {
  const as = (object: JsonObject, apiVersion: string): View => versions?.(object, apiVersion) ?? { object, schema };
  const ownedIn = (apiVersion: string, of: Schema): FieldSet =>
    withParents(union(...[...wanted.values()].filter(one => one.apiVersion === apiVersion).map(one => one.fields)), of);
  const all = as(merged, previous.apiVersion);
  const before = ownable(withParents(previous.fields, all.schema), []);
  const gone = minus(before, ownedIn(previous.apiVersion, all.schema));
  let left = withoutFields(all.object, gone, all.schema);
  const others = new Set([...wanted.values()].map(({ apiVersion }) => apiVersion));
  others.delete(previous.apiVersion);
  for (const apiVersion of others) {
    const whole = as(merged, apiVersion);
    const rest = fieldsOf(as(left, apiVersion).object, whole.schema, 'with containers');
    const fields: FieldSet = new Set(fieldsOf(whole.object, whole.schema, 'with containers').keys());
    const missing = minus(fields, union(new Set(rest.keys()), ownedIn(apiVersion, whole.schema)));
    left = withoutFields(whole.object, missing, whole.schema);
  }
  return as(left, writer.apiVersion).object;
}

/** The live object; without managedFields, its fields get the owner `before-first-apply`. */
function tracked({ live, schema, writer, closed }: Application): JsonObject {
  if (textAt(objectAt(live, 'metadata'), 'uid') === undefined) return live;
  if (objectsAt(live, 'metadata', 'managedFields').length > 0) return live;
  const next = structuredClone(live);
  const first: Writer = { ...writer, name: 'before-first-apply' };
  recordUpdate({ live: {}, next, schema, writer: first, closed });
  return next;
}

function conflictsOf(managers: Managers, self: string, changesOf: ChangesIn): Conflict[] {
  return [...managers].flatMap(([id, manager]) => {
    if (id === self) return [];
    const { added, modified } = changesOf(manager.apiVersion);
    return [...common(manager.fields, union(added, modified))].sort().map(path => ({ manager, path }));
  });
}

/** The fields of the last `kubectl apply` that are unchanged since: kubectl takes them over without force. */
function clientSideApplied(live: JsonObject, schema: Schema): FieldSet {
  const annotation = textAt(objectAt(live, 'metadata', 'annotations'), lastApplied);
  if (annotation === undefined) return new Set();
  const applied: unknown = JSON.parse(annotation);
  if (!isObject(applied) || applied.apiVersion !== live.apiVersion) return new Set();
  const now = fieldsOf(live, schema);
  const changed = difference(applied, live, schema).modified;
  return new Set([...fieldsOf(applied, schema).keys()].filter(path => now.has(path) && !changed.has(path)));
}

function showManager(manager: Manager): string {
  const through = manager.subresource === '' ? '' : ` with subresource "${manager.subresource}"`;
  const using = manager.operation === 'Apply' ? '' : ` using ${manager.apiVersion}`;
  return `"${manager.name}"${through}${using}`;
}

function conflictError(conflicts: readonly Conflict[]): ApiError {
  const [first] = conflicts;
  const causes = conflicts.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${showManager(manager)}`,
    field: showPath(path),
  }));
  const byManager = new Map<string, string[]>();
  for (const { manager, path } of conflicts) {
    const shown = showManager(manager);
    byManager.set(shown, [...(byManager.get(shown) ?? []), `- ${showPath(path)}`]);
  }
  const listed = [...byManager.keys()]
    .sort()
    .map(shown => [`conflicts with ${shown}:`, ...(byManager.get(shown) ?? [])]);
  const message =
    conflicts.length === 1 && first !== undefined
      ? `Apply failed with 1 conflict: conflict with ${showManager(first.manager)}: ${showPath(first.path)}`
      : `Apply failed with ${conflicts.length} conflicts: ${listed.flat().join('\n')}`;
  return refusal(409, 'Conflict', { message, details: { causes } });
}
