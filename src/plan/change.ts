import { canonical } from '../kubernetes/canonical.js';
import type { KubeObject, ObjectRef } from '../kubernetes/object.js';
import type { Resource } from '../manifests/resource.js';

/** What a deploy does to one object. */
export type ChangeKind = 'created' | 'changed' | 'unchanged' | 'recreated' | 'deleted';

/** An object as it was before the run changed it. */
export interface Snapshot {
  readonly ref: ObjectRef;
  /** Absent: it did not exist, or is `withheld`. */
  readonly object?: KubeObject;
  /** It existed, but is a Secret, whose data is never recorded: it cannot be restored from the record. */
  readonly withheld?: true;
  /** Whether it existed could not be asked: the kind was not served yet. Only what is proved to be created is deleted. */
  readonly unseen?: true;
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
  /** Fields that nobody owns are claimed before the apply, so that it removes them: with them, the object would be refused. */
  readonly claims?: true;
  /** A Job that has run as it is in the manifests, and that its TTL has deleted since: there is nothing to do or to wait for. */
  readonly finished?: true;
  /** Whether it exists could not be asked: its kind is not served yet. Its group may be, in another version. */
  readonly unseen?: true;
  /** The live object, where it had to be read: `changed`, `recreated`, and `unchanged` without proof on record. */
  readonly live?: KubeObject;
  /** What the API server warns of in its answer to the dry run, such as a policy that the object violates. Absent: nothing. */
  readonly warnings?: readonly string[];
  /**
   * What the server would store (for a new object: the manifest). Absent where no dry run was possible: a namespace or kind
   * that this deploy creates, a custom kind whose definition it changes, a webhook without dry run.
   */
  readonly after?: KubeObject;
  /** Without `after`: the API server refuses the object by the definition of its custom kind, which this deploy changes first. */
  readonly newSchema?: true;
}

/**
 * The identity of the last apply of each object, by `refKey`. An object without one has none that proves anything. The values
 * are opaque: `appliedHash` makes them.
 */
export type AppliedHashes = Readonly<Record<string, string>>;

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
