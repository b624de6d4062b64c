import { CutoverError } from '../errors.js';
import { describePath, isFields } from '../kubernetes/fields.js';
import type { KubeObject, ObjectRef } from '../kubernetes/object.js';
import { WrongField, type Guard } from './guards/guard.js';

/** Type of every Secret of the record. A Secret's type cannot be changed, so one of another type is not ours. */
const recordType = 'cutover/record';

/** Value of the label `cutover/record`: which part of the record a Secret holds. */
export type RecordPart = 'state' | 'revision';

/** Bytes of data that a Secret may hold; Kubernetes limits it to 1 MiB. */
export const recordLimit = 1_000_000;

/** Name of the state's Secret and of the Lease. */
export function recordName(release: string): string {
  return `cutover-${release}`;
}

/**
 * Reference to the Secret of the state, or of a revision. The name of a release is a DNS label and has no dot, so no revision
 * has the name of another release's state.
 */
export function recordRef(release: string, namespace: string, revision?: number): ObjectRef {
  const suffix = revision === undefined ? '' : `.${revision}`;
  return { apiVersion: 'v1', kind: 'Secret', namespace, name: `${recordName(release)}${suffix}` };
}

/** A Secret of the record. `data`: raw bytes by key. */
export function recordSecret(
  ref: ObjectRef,
  { release, part, data }: { release: string; part: RecordPart; data: Readonly<Record<string, Buffer>> },
): KubeObject {
  const { name, namespace = '' } = ref;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace,
      labels: { 'app.kubernetes.io/managed-by': 'cutover', 'cutover/record': part },
      annotations: { 'cutover/release': release },
    },
    type: recordType,
    data: Object.fromEntries(Object.entries(data).map(([key, bytes]) => [key, bytes.toString('base64')])),
  };
}

/** The bytes of a key. Throws `record` when the Secret is of another type, or has no such key. */
export function recordData(secret: KubeObject, key: string): Buffer {
  if (secret['type'] !== recordType) throw unusable(secret, `it is not of type ${recordType}`);
  const data = secret['data'];
  const text = isFields(data) && Object.hasOwn(data, key) ? data[key] : undefined;
  if (typeof text !== 'string') throw unusable(secret, `it has no key "${key}"`);
  return Buffer.from(text, 'base64');
}

/** The JSON of a key, of any type. Throws `record` when it is none. */
export function recordJson(secret: KubeObject, key: string, bytes = recordData(secret, key)): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    // The error of the parser quotes the text, which may hold secrets.
    throw unusable(secret, `its key "${key}" is not JSON`);
  }
}

/** Parses what a Secret of the record holds. Throws `record` with the path of the first field that is not of its type. */
export function guarded<T>(secret: KubeObject, guard: Guard<T>, value: unknown): T {
  try {
    return guard(value, []);
  } catch (error) {
    if (!(error instanceof WrongField)) throw error;
    const { path, expected } = error;
    const field = path.length === 0 ? 'it' : `its field ${describePath(path)}`;
    throw unusable(secret, `${field} is not as Cutover writes it (expected: ${expected})`);
  }
}

/** Throws `record` unless the Secret has the name and the annotation of this part of the release's record. */
export function requireRecordOf(secret: KubeObject, release: string, revision?: number): void {
  const { name, annotations } = secret.metadata;
  if (annotations?.['cutover/release'] !== release)
    throw unusable(secret, 'its annotation cutover/release names another release');
  if (name !== recordRef(release, '', revision).name) throw unusable(secret, 'it has the name of another record');
}

/** The error of a Secret that cannot be used as a record. It quotes nothing that the Secret holds. */
export function unusable({ metadata }: KubeObject, reason: string, cause?: unknown): CutoverError {
  const name = `Secret ${metadata.namespace ?? ''}/${metadata.name}`;
  return new CutoverError(`The release record in ${name} cannot be used: ${reason}`, {
    code: 'record',
    object: name,
    hint: 'It was changed manually, or written by another version. Restore it from a backup, or delete the Secrets of this release that have the label cutover/record: the next deploy then starts a new record (revisions begin at 1).',
    cause,
  });
}
