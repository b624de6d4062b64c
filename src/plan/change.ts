import type { KubeObject, ObjectRef } from '../kubernetes/object.js';
import type { Resource } from '../manifests/resource.js';

/** What becomes of one object. */
export type ChangeKind = 'created' | 'changed' | 'unchanged' | 'recreated' | 'deleted';

/** An object as it was before a step touched it; `object` is absent when it did not exist. */
export interface Snapshot {
  readonly ref: ObjectRef;
  readonly object?: KubeObject;
  /** It did exist, but is a Secret, whose data is never recorded: it cannot be put back from the record. */
  readonly withheld?: true;
  /** The step deletes it and makes it anew, so that what is live later is another object. */
  readonly recreated?: true;
}

/** What a deploy would do to one object. */
export interface PlannedChange {
  readonly resource: Resource;
  readonly change: 'created' | 'changed' | 'unchanged' | 'recreated';
  /** Fields of other managers are taken over for this object, though not for all. */
  readonly force?: true;
  /** Managers that wrote the object's manifest before Cutover and give their fields up now. */
  readonly from?: readonly string[];
  /** The live object, where it had to be read (`changed`, `recreated`). */
  readonly live?: KubeObject;
  /** What the server would store (of what is new: the manifest); absent where it could not be asked (a namespace or kind that this deploy makes, a webhook without dry run). */
  readonly after?: KubeObject;
}

/** An answer to a dry-run apply, as far as the decision needs it. */
export interface DryRunAnswer {
  readonly object: KubeObject;
  readonly created: boolean;
  /** The API server's clock at this answer, milliseconds since 1970. */
  readonly serverTimeMs: number;
}

/**
 * Times in managedFields have whole seconds, and two API servers of one control plane may disagree a little: an entry
 * this young may have been made by this very dry run.
 */
const freshMs = 2_000;

/**
 * What a dry run alone tells. An apply that changes nothing leaves the time of its manager's entry as it was, so an old
 * entry proves `unchanged` without a read; a fresh one proves nothing, and the live object must be compared.
 */
export function judgeDryRun(answer: DryRunAnswer, manager: string): 'created' | 'unchanged' | 'compare' {
  if (answer.created) return 'created';
  const entry = (answer.object.metadata.managedFields ?? []).find(
    candidate => isApplyEntry(candidate) && candidate.manager === manager,
  );
  if (entry === undefined || !isApplyEntry(entry)) return 'compare';
  return Date.parse(entry.time) < answer.serverTimeMs - freshMs ? 'unchanged' : 'compare';
}

/** Whether an apply would change the live object in anything but the server's own bookkeeping and its status. */
export function differs(live: KubeObject, after: KubeObject): boolean {
  return canonical(content(live)) !== canonical(content(after));
}

/** The object without what the API server and controllers keep for themselves. */
export function content(object: KubeObject): Record<string, unknown> {
  const { metadata, status: _status, ...rest } = object;
  const { managedFields: _fields, resourceVersion: _version, generation: _generation, ...kept } = metadata;
  return { ...rest, metadata: kept };
}

/** JSON with sorted keys: equal text for equal values. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    item !== null && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : item,
  );
}

interface ApplyEntry {
  readonly manager: string;
  readonly operation: 'Apply';
  readonly time: string;
}

function isApplyEntry(entry: unknown): entry is ApplyEntry {
  if (entry === null || typeof entry !== 'object') return false;
  const { manager, operation, time, subresource } = entry as Record<string, unknown>;
  return typeof manager === 'string' && operation === 'Apply' && typeof time === 'string' && !subresource;
}
