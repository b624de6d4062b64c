import type { KubeObject, ObjectRef } from '../kubernetes/object.js';
import type { Resource } from '../manifests/resource.js';

/** What a deploy does to one object. */
export type ChangeKind = 'created' | 'changed' | 'unchanged' | 'recreated' | 'deleted';

/** By the key of an object: what was applied to it last, as `cluster/apply` identifies it. */
export type AppliedHashes = Readonly<Record<string, string>>;

/** An object as it was before the run changed it. */
export interface Snapshot {
  readonly ref: ObjectRef;
  /** Absent: it did not exist, or is `withheld`. */
  readonly object?: KubeObject;
  /** It existed, but is a Secret, whose data is never recorded: it cannot be restored from the record. */
  readonly withheld?: true;
  /** The run deletes and recreates it, so that the live object is another one afterwards. */
  readonly recreated?: true;
}

/** What a deploy would do to one object. */
export interface PlannedChange {
  readonly resource: Resource;
  readonly change: 'created' | 'changed' | 'unchanged' | 'recreated';
  /** The apply takes over fields of other managers, for this object alone. */
  readonly force?: true;
  /** Managers that applied the object's manifest before Cutover, and whose fields Cutover takes over now. */
  readonly from?: readonly string[];
  /** The live object, where it had to be read (`changed`, `recreated`). */
  readonly live?: KubeObject;
  /**
   * What the server would store (for a new object: the manifest). Absent where no dry run was possible: a namespace or kind
   * that this deploy creates, a webhook without dry run.
   */
  readonly after?: KubeObject;
}

/** The answer to a dry-run apply. */
export interface DryRunAnswer {
  readonly object: KubeObject;
  readonly created: boolean;
  /** The API server's clock at this answer, milliseconds since 1970. */
  readonly serverTimeMs: number;
}

/**
 * Times in managedFields have whole seconds, and two API servers of one control plane may differ a little: an entry
 * this recent may come from this dry run.
 */
const recentMs = 2_000;

/**
 * What follows from a dry run alone. An apply that changes nothing keeps the time of its manager's entry, so an old entry
 * proves `unchanged` without a read; a recent one proves nothing, and the live object must be compared.
 */
export function judgeDryRun(answer: DryRunAnswer, manager: string): 'created' | 'unchanged' | 'compare' {
  if (answer.created) return 'created';
  const entry = (answer.object.metadata.managedFields ?? []).find(
    candidate => isApplyEntry(candidate) && candidate.manager === manager,
  );
  if (entry === undefined || !isApplyEntry(entry)) return 'compare';
  return Date.parse(entry.time) < answer.serverTimeMs - recentMs ? 'unchanged' : 'compare';
}

/** Whether the objects differ in anything but their status and the metadata that the API server maintains. */
export function differs(live: KubeObject, after: KubeObject): boolean {
  return canonical(content(live)) !== canonical(content(after));
}

/** The object without its status and the metadata that the API server maintains. */
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
