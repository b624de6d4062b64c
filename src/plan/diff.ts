import { isFields } from '../kubernetes/fields.js';
import type { KubeObject } from '../kubernetes/object.js';
import { canonical, content } from './change.js';

/** One field that a deploy changes, as text for people: JSON, secrets as `***`, of long values the length. */
export interface FieldChange {
  /** `spec.template.spec.containers[web].image`. */
  readonly path: string;
  /** Absent: the field is new. */
  readonly from?: string;
  /** Absent: the field goes. */
  readonly to?: string;
}

/** What there is of one field: live, as it would be stored, and as the manifest says it. */
interface Sides {
  readonly live: unknown;
  readonly after: unknown;
  readonly wanted: unknown;
}

/**
 * Field by field, what storing `after` changes of `live`, in the order of their names. What the API server would fill in by
 * itself, since `wanted` (the manifest) does not say it, is left out. Values of Secrets are never shown, nor are those of
 * environment variables and keys that are named as secrets are.
 */
export function fieldChanges(live: KubeObject, after: KubeObject, wanted: KubeObject): readonly FieldChange[] {
  const sides = { live: content(live), after: content(after), wanted: content(wanted) };
  return [...changesAt({ kind: live.kind, path: '' }, sides)];
}

/** `spec.replicas: 2 → 3`, `… added`, `… removed`. */
export function describeFieldChange({ path, from, to }: FieldChange): string {
  if (from === undefined) return `${path}: added, ${to ?? ''}`;
  return to === undefined ? `${path}: removed, it was ${from}` : `${path}: ${from} → ${to}`;
}

interface Place {
  readonly kind: string;
  readonly path: string;
}

function* changesAt(place: Place, sides: Sides): Generator<FieldChange> {
  const { live, after, wanted } = sides;
  if (canonical(live) === canonical(after)) return;
  if (isFields(live) && isFields(after)) {
    const names = [...new Set([...Object.keys(live), ...Object.keys(after)])].sort();
    for (const name of names) {
      const below = { live: live[name], after: after[name], wanted: isFields(wanted) ? wanted[name] : undefined };
      yield* changesAt({ ...place, path: memberPath(place.path, name) }, below);
    }
    return;
  }
  if (Array.isArray(live) && Array.isArray(after)) {
    yield* changesInList(place, { live, after, wanted: Array.isArray(wanted) ? wanted : undefined });
    return;
  }
  if (isFilledIn(sides)) return;
  yield {
    path: place.path,
    ...(live !== undefined && { from: shownValue(place, live) }),
    // As it was written: the API server's defaults inside of it say nothing to the reader.
    ...(after !== undefined && { to: shownValue(place, isComposite(after) && live === undefined ? wanted : after) }),
  };
}

function* changesInList(
  place: Place,
  {
    live,
    after,
    wanted,
  }: { live: readonly unknown[]; after: readonly unknown[]; wanted: readonly unknown[] | undefined },
): Generator<FieldChange> {
  const key = keyOf([...live, ...after], live, after);
  if (key === undefined) {
    if (isFilledIn({ live, after, wanted })) return;
    yield { path: place.path, from: shownValue(place, live), to: shownValue(place, after) };
    return;
  }
  const nameOf = (item: unknown): string => String((item as Record<string, unknown>)[key]);
  const named = (list: readonly unknown[]) => new Map(list.filter(isFields).map(item => [nameOf(item), item]));
  const [before, then, meant] = [named(live), named(after), named(wanted ?? [])];
  let found = false;
  for (const name of new Set([...before.keys(), ...then.keys()])) {
    const below = { live: before.get(name), after: then.get(name), wanted: meant.get(name) };
    for (const change of changesAt({ ...place, path: `${place.path}[${name}]` }, below)) {
      found = true;
      yield change;
    }
  }
  // A variable can refer to those before it only, so order is content.
  if (!found && wanted !== undefined)
    yield { path: place.path, from: shownValue(place, [...before.keys()]), to: shownValue(place, [...then.keys()]) };
}

/** Whether the value comes from the API server or a controller, and not from the manifest. */
function isFilledIn({ after, wanted }: Sides): boolean {
  return wanted === undefined && after !== undefined;
}

const keys = ['name', 'mountPath', 'devicePath', 'containerPort', 'port', 'ip', 'topologyKey', 'key', 'type'];

/** The member by which items of both lists can be told apart; `undefined` when there is none. */
function keyOf(items: readonly unknown[], ...lists: readonly (readonly unknown[])[]): string | undefined {
  return keys.find(
    key =>
      items.every(item => isFields(item) && item[key] !== undefined) &&
      lists.every(list => new Set(list.map(item => (item as Record<string, unknown>)[key])).size === list.length),
  );
}

function memberPath(path: string, name: string): string {
  if (/[./]/.test(name)) return `${path}["${name}"]`;
  return path === '' ? name : `${path}.${name}`;
}

const secretName = /passw|secret|token|credential|private|api.?key|auth/i;
/** Longer ones are not shown at all: the runner masks whole secrets, and half of one would get through. */
const longest = 300;

/** A field's value as text for people; `path` is the field's, `kind` the object's. */
export function shownValue({ kind, path }: Place, value: unknown): string {
  if (value === undefined) return 'absent';
  if (isSensitive(kind, path)) return '***';
  const text = JSON.stringify(redacted(value));
  return text.length <= longest ? text : `(${text.length} characters)`;
}

function isSensitive(kind: string, path: string): boolean {
  if (kind === 'Secret' && /^(string)?[dD]ata\b/.test(path)) return true;
  if (path.includes('last-applied-configuration')) return true;
  const variable = /\benv\[(?:name=)?"?([^\]"]+)"?\]\.value$/.exec(path)?.[1];
  const entry = kind === 'ConfigMap' ? /^(?:binaryData|data)(?:\.|\[")([^"]+)/.exec(path)?.[1] : undefined;
  return secretName.test(variable ?? entry ?? '');
}

/** The value without what environment variables and keys that are named as secrets hold. */
function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted);
  if (!isFields(value)) return value;
  const { name, value: held } = value;
  const secret = typeof name === 'string' && held !== undefined && secretName.test(name);
  return Object.fromEntries(
    Object.entries(value).map(([member, item]) => {
      const hidden = (secret && member === 'value') || member.endsWith('last-applied-configuration');
      return [member, hidden ? '***' : redacted(item)];
    }),
  );
}

function isComposite(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
