import { isFields } from '../kubernetes/fields.js';
import type { KubeObject } from '../kubernetes/object.js';
import { canonical } from '../kubernetes/canonical.js';
import { content } from './change.js';

/** One field that a deploy changes. Values are JSON text, with secrets as `***` and the length instead of a long value. */
export interface FieldChange {
  /** `spec.template.spec.containers[web].image`. */
  readonly path: string;
  /** Absent: the field is new. */
  readonly from?: string;
  /** Absent: the field is removed. */
  readonly to?: string;
}

/** The values of one field: live, as it would be stored, and in the manifest. */
interface Sides {
  readonly live: unknown;
  readonly after: unknown;
  readonly manifest: unknown;
}

/**
 * The fields in which `after` differs from `live`, in the order of their names, without those that the API server or a
 * controller sets by itself, since the `manifest` does not have them. Values of Secrets are never shown, nor are those of
 * environment variables and keys with the name of a secret.
 */
export function fieldChanges(live: KubeObject, after: KubeObject, manifest: KubeObject): readonly FieldChange[] {
  const sides = { live: content(live), after: content(after), manifest: content(manifest) };
  return [...changesAt({ kind: live.kind, path: '' }, sides)];
}

/** `spec.replicas: 2 → 3`, `… added`, `… removed`. */
export function describeFieldChange({ path, from, to }: FieldChange): string {
  if (from === undefined) return `${path}: added, ${to ?? ''}`;
  return to === undefined ? `${path}: removed, it was ${from}` : `${path}: ${from} → ${to}`;
}

interface FieldPlace {
  readonly kind: string;
  readonly path: string;
}

function* changesAt(field: FieldPlace, sides: Sides): Generator<FieldChange> {
  const { live, after, manifest } = sides;
  if (canonical(live) === canonical(after)) return;
  if (isFields(live) && isFields(after)) {
    const names = [...new Set([...Object.keys(live), ...Object.keys(after)])].sort();
    for (const name of names) {
      const member = {
        live: live[name],
        after: after[name],
        manifest: isFields(manifest) ? manifest[name] : undefined,
      };
      yield* changesAt({ ...field, path: memberPath(field.path, name) }, member);
    }
    return;
  }
  if (Array.isArray(live) && Array.isArray(after)) {
    yield* changesInList(field, { live, after, manifest: Array.isArray(manifest) ? manifest : undefined });
    return;
  }
  if (isFilledIn(sides)) return;
  yield {
    path: field.path,
    ...(live !== undefined && { from: shownValue(field, live) }),
    // As in the manifest: a reader does not need the API server's defaults inside of it.
    ...(after !== undefined && { to: shownValue(field, isComposite(after) && live === undefined ? manifest : after) }),
  };
}

function* changesInList(
  field: FieldPlace,
  {
    live,
    after,
    manifest,
  }: { live: readonly unknown[]; after: readonly unknown[]; manifest: readonly unknown[] | undefined },
): Generator<FieldChange> {
  const key = keyOf([...live, ...after], live, after);
  if (key === undefined) {
    if (isFilledIn({ live, after, manifest })) return;
    yield { path: field.path, from: shownValue(field, live), to: shownValue(field, after) };
    return;
  }
  const nameOf = (item: unknown): string => String((item as Record<string, unknown>)[key]);
  const named = (list: readonly unknown[]) => new Map(list.filter(isFields).map(item => [nameOf(item), item]));
  const [liveItems, afterItems, manifestItems] = [named(live), named(after), named(manifest ?? [])];
  let found = false;
  for (const name of new Set([...liveItems.keys(), ...afterItems.keys()])) {
    const member = { live: liveItems.get(name), after: afterItems.get(name), manifest: manifestItems.get(name) };
    for (const change of changesAt({ ...field, path: `${field.path}[${name}]` }, member)) {
      found = true;
      yield change;
    }
  }
  // A variable can refer to those before it only, so order is content.
  if (!found && manifest !== undefined)
    yield {
      path: field.path,
      from: shownValue(field, [...liveItems.keys()]),
      to: shownValue(field, [...afterItems.keys()]),
    };
}

/** Whether the value comes from the API server or a controller, and not from the manifest. */
function isFilledIn({ after, manifest }: Sides): boolean {
  return manifest === undefined && after !== undefined;
}

const keys = ['name', 'mountPath', 'devicePath', 'containerPort', 'port', 'ip', 'topologyKey', 'key', 'type'];

/** The member that identifies the items of both lists; `undefined` when there is none. */
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
/** Longer values are not shown at all: the runner masks whole secrets only, not a part of one. */
const maxLength = 300;

/** A field's value as text; `path` is the field's, `kind` the object's. */
export function shownValue({ kind, path }: FieldPlace, value: unknown): string {
  if (value === undefined) return 'absent';
  if (isSensitive(kind, path)) return '***';
  const text = JSON.stringify(redacted(value));
  return text.length <= maxLength ? text : `(${text.length} characters)`;
}

function isSensitive(kind: string, path: string): boolean {
  if (kind === 'Secret' && /^(string)?[dD]ata\b/.test(path)) return true;
  if (path.includes('last-applied-configuration')) return true;
  const variable = /\benv\[(?:name=)?"?([^\]"]+)"?\]\.value$/.exec(path)?.[1];
  const entry = kind === 'ConfigMap' ? /^(?:binaryData|data)(?:\.|\[")([^"]+)/.exec(path)?.[1] : undefined;
  return secretName.test(variable ?? entry ?? '');
}

/** The value with `***` for environment variables and keys with the name of a secret. */
function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted);
  if (!isFields(value)) return value;
  const { name } = value;
  const secret = typeof name === 'string' && value['value'] !== undefined && secretName.test(name);
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
