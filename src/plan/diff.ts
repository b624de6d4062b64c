import { isFields } from '../kubernetes/fields.js';
import { listKey } from '../kubernetes/list-keys.js';
import type { KubeObject } from '../kubernetes/object.js';
import { canonical } from '../kubernetes/canonical.js';
import { sensitiveFields, sensitiveIn, sensitiveInItem } from '../manifests/sensitive-fields.js';
import { content } from './change.js';
import { isHidden, shownValue, type FieldPlace } from './shown-value.js';
import { changedLines } from './text-changes.js';

/** One field that a deploy changes. Values are JSON text, with secrets as `***` and the length instead of a long value. */
export interface FieldChange {
  /** `spec.template.spec.containers[web].image`. */
  readonly path: string;
  /** Absent: the field is new. */
  readonly from?: string;
  /** Absent: the field is removed. */
  readonly to?: string;
  /** The changed lines of a text of several lines. Absent: it is no such text, or is secret. */
  readonly lines?: readonly string[];
}

/** The values of one field: live, as it would be stored, and in the manifest. */
interface Sides {
  readonly live: unknown;
  readonly after: unknown;
  readonly manifest: unknown;
}

/**
 * The fields in which `after` differs from `live`, in the order of their names. Left out is only what the API server or a
 * controller adds by itself: what is not live, nor in the `manifest`. Values of Secrets and of the environment are never shown,
 * nor are those of variables and keys with the name of a secret.
 */
export function fieldChanges(live: KubeObject, after: KubeObject, manifest: KubeObject): readonly FieldChange[] {
  const sides = { live: ownContent(live), after: ownContent(after), manifest: ownContent(manifest) };
  const sensitive = [live, manifest].flatMap(sensitiveFields);
  return [...changesAt({ kind: live.kind, path: '', sensitive }, sides)];
}

/** The content without what tells one object from another of the same name. */
function ownContent(object: KubeObject): unknown {
  const { metadata, ...rest } = content(object);
  const { uid: _uid, creationTimestamp: _created, ...kept } = metadata as KubeObject['metadata'];
  return { ...rest, metadata: kept };
}

/** `spec.replicas: 2 → 3`, `… added`, `… removed`. A text of several lines is followed by its changed lines. */
export function describeFieldChange({ path, from, to, lines }: FieldChange): string {
  if (lines !== undefined) return [`${path}:`, ...lines].join('\n    ');
  if (from === undefined) return `${path}: added, ${to ?? ''}`;
  return to === undefined ? `${path}: removed, it was ${from}` : `${path}: ${from} → ${to}`;
}

function* changesAt(field: FieldPlace, sides: Sides): Generator<FieldChange> {
  const { live, after, manifest } = sides;
  if (canonical(live) === canonical(after)) return;
  if (isFields(live) && isFields(after)) {
    const names = [...new Set([...Object.keys(live), ...Object.keys(after)])].sort();
    for (const name of names) {
      const member = { live: memberOf(live, name), after: memberOf(after, name), manifest: memberOf(manifest, name) };
      const sensitive = sensitiveIn(field.sensitive, name);
      yield* changesAt({ ...field, path: memberPath(field.path, name), sensitive }, member);
    }
    return;
  }
  if (Array.isArray(live) && Array.isArray(after)) {
    yield* changesInList(field, { live, after, manifest: Array.isArray(manifest) ? manifest : [] });
    return;
  }
  if (isFilledIn(field, sides)) return;
  const lines = typeof live === 'string' && typeof after === 'string' ? linesOf(field, live, after) : undefined;
  yield {
    path: field.path,
    ...(live !== undefined && { from: shownValue(field, live) }),
    // As in the manifest: a reader does not need the API server's defaults inside of it.
    ...(after !== undefined && { to: shownValue(field, isComposite(after) && live === undefined ? manifest : after) }),
    ...(lines !== undefined && { lines }),
  };
}

interface Lists {
  readonly live: readonly unknown[];
  readonly after: readonly unknown[];
  readonly manifest: readonly unknown[];
}

function* changesInList(field: FieldPlace, { live, after, manifest }: Lists): Generator<FieldChange> {
  const key = listKey(live, after);
  if (key === undefined) {
    yield { path: field.path, from: shownValue(field, live), to: shownValue(field, after) };
    return;
  }
  const named = (list: readonly unknown[]) =>
    new Map(list.map((item, index) => [String(memberOf(item, key)), { item, index }]));
  const [liveItems, afterItems, manifestItems] = [named(live), named(after), named(manifest)];
  for (const name of new Set([...liveItems.keys(), ...afterItems.keys()])) {
    const [old, now] = [liveItems.get(name), afterItems.get(name)];
    const sensitive = [old, now].flatMap(one =>
      one === undefined ? [] : sensitiveInItem(field.sensitive, one.item, one.index),
    );
    const member = { live: old?.item, after: now?.item, manifest: manifestItems.get(name)?.item };
    yield* changesAt({ ...field, path: `${field.path}[${name}]`, sensitive }, member);
  }
  // A variable can refer to those before it only, so order is content.
  const [from, to] = [[...liveItems.keys()], [...afterItems.keys()]];
  const common = (own: readonly string[], other: ReadonlyMap<string, unknown>) => own.filter(name => other.has(name));
  if (canonical(common(from, afterItems)) !== canonical(common(to, liveItems)))
    yield { path: field.path, from: shownValue(field, from), to: shownValue(field, to) };
}

/** Whether the API server or a controller adds the value: it is neither live nor in the manifest. */
function isFilledIn({ kind, path }: FieldPlace, { live, after, manifest }: Sides): boolean {
  // Each Job gets labels of its own.
  if (kind === 'Job' && manifest === undefined && /(?:controller-uid|job-name)(?:"\])?$/.test(path)) return true;
  return live === undefined && manifest === undefined && after !== undefined;
}

function linesOf(field: FieldPlace, live: string, after: string): readonly string[] | undefined {
  return isHidden(field) ? undefined : changedLines(live, after);
}

function memberOf(value: unknown, name: string): unknown {
  return isFields(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function memberPath(path: string, name: string): string {
  if (/[./]/.test(name)) return `${path}["${name}"]`;
  return path === '' ? name : `${path}.${name}`;
}

function isComposite(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
