import { gunzipSync, gzipSync } from 'node:zlib';
import { asCutoverError, CutoverError } from '../errors.js';
import type { CiRun } from '../inputs/inputs.js';
import { isFields, type Fields } from '../kubernetes/fields.js';
import { isSecret } from '../kubernetes/kinds.js';
import { describeRef, refOf, type KubeObject } from '../kubernetes/object.js';
import { hashOf } from '../kubernetes/canonical.js';
import { sensitiveTexts } from '../manifests/sensitive-fields.js';
import { revision } from './guards/revision.js';
import {
  guarded,
  recordData,
  recordJson,
  recordLimit,
  recordRef,
  recordSecret,
  requireRecordOf,
  unusable,
} from './record-secret.js';
import type { RecordedSecret, Revision } from './recorded-revision.js';
import type { HistoryEntry } from './state.js';

export type {
  ApprovalSubject,
  BackupSecret,
  JobProof,
  ObjectToDelete,
  RecordedApproval,
  RecordedSecret,
  Revision,
  RevisionBackup,
} from './recorded-revision.js';

/** Bytes that a revision may have when it is unpacked. */
const unpackedLimit = 200_000_000;

/** The Secret that holds a revision. Throws `record` when it would be too big. */
export function encodeRevision(
  given: Revision,
  release: { readonly name: string; readonly namespace: string },
): KubeObject {
  const { objects, before, beforeStaging, backup, publicServices, shared, applyAfterSwitch, ...rest } = given;
  const all = { objects, before, beforeStaging, backup, publicServices, shared, applyAfterSwitch };
  const bulk = gzipSync(JSON.stringify(all), { level: 9 });
  const info = Buffer.from(JSON.stringify(rest, null, 1));
  const ref = recordRef(release.name, release.namespace, given.number);
  const bytes = bulk.length + info.length;
  if (bytes > recordLimit) {
    throw new CutoverError(
      `Revision ${given.number} of ${release.name} is too big for its record: ${bytes} bytes compressed, but a Secret is limited to ${recordLimit}`,
      { code: 'record', object: describeRef(ref), hint: sizeRemedy([...objects, ...shared, ...applyAfterSwitch]) },
    );
  }
  return recordSecret(ref, { release: release.name, part: 'revision', data: { info, bulk } });
}

/** The error with which {@link encodeRevision} would refuse the revision; `undefined`: it fits. */
export function sizeRefusal(
  given: Revision,
  { release: name, namespace }: { readonly release: string; readonly namespace: string },
): CutoverError | undefined {
  try {
    encodeRevision(given, { name, namespace });
    return undefined;
  } catch (error) {
    return asCutoverError(error);
  }
}

/** An object is recorded as it is deployed, and again as it was before: one that fills half a record never fits. */
function sizeRemedy(objects: readonly KubeObject[]): string {
  const sized = objects.map(object => ({ object, bytes: gzipSync(JSON.stringify(object)).length }));
  const biggest = sized.reduce<(typeof sized)[number] | undefined>(
    (found, one) => (found !== undefined && found.bytes >= one.bytes ? found : one),
    undefined,
  );
  if (biggest === undefined || biggest.bytes * 2 < recordLimit) return 'Split the manifests into several releases.';
  const name = describeRef(refOf(biggest.object));
  return `${name} alone has ${biggest.bytes} bytes: put its files into the image of the pods that read it, or into a volume.`;
}

/** Decodes the Secret of a revision. Throws `record` when it is invalid, or of another release or revision. */
export function decodeRevision(secret: KubeObject): Revision {
  const info = recordJson(secret, 'info');
  const bulk = recordJson(secret, 'bulk', unpacked(secret, recordData(secret, 'bulk')));
  const decoded = guarded(secret, revision, { ...asFields(info), ...asFields(bulk) });
  requireRecordOf(secret, secret.metadata.annotations?.['cutover/release'] ?? '', decoded.number);
  return decoded;
}

/** A small Secret can hold data that unpacks to gigabytes. */
function unpacked(secret: KubeObject, packed: Buffer): Buffer {
  try {
    return gunzipSync(packed, { maxOutputLength: unpackedLimit });
  } catch (error) {
    throw unusable(secret, 'its key "bulk" cannot be unpacked', error);
  }
}

function asFields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** Splits rendered objects into those that are recorded and the hashes of Secrets. */
export function withoutSecrets(objects: readonly KubeObject[]): {
  readonly objects: readonly KubeObject[];
  readonly secrets: readonly RecordedSecret[];
} {
  return {
    objects: objects.filter(object => !isSecret(object)),
    secrets: objects.filter(isSecret).map(object => ({
      ref: { apiVersion: 'v1', kind: 'Secret', name: object.metadata.name, namespace: object.metadata.namespace ?? '' },
      hash: secretHash(object),
    })),
  };
}

/** SHA-256 of a Secret's type and data. */
export function secretHash(secret: KubeObject): string {
  return hashOf({ type: secret['type'] ?? 'Opaque', data: secret['data'] ?? {} });
}

/** Images of all containers of the objects, sorted, without duplicates; `***` where one comes from the environment. */
export function imagesOf(objects: readonly KubeObject[]): readonly string[] {
  const images = new Set<string>();
  const visit = (value: unknown, hidden: ReadonlySet<string>): void => {
    if (Array.isArray(value)) value.forEach(item => visit(item, hidden));
    else if (value !== null && typeof value === 'object') {
      for (const [key, item] of Object.entries(value)) {
        const isList = (key === 'containers' || key === 'initContainers') && Array.isArray(item);
        // In custom resources and schemas, fields of these names may have any content.
        for (const container of isList ? (item as unknown[]) : []) {
          const { image } = (container ?? {}) as { image?: unknown };
          if (typeof image === 'string') images.add(hidden.has(image) ? '***' : image);
        }
        if (!isList) visit(item, hidden);
      }
    }
  };
  objects.forEach(object => visit(object['spec'], sensitiveTexts(object)));
  return [...images].sort();
}

/** The objects that a rollback applies: Jobs have run. Running an old migration again could revert a newer one. */
export function repeatable(objects: readonly KubeObject[]): readonly KubeObject[] {
  return objects.filter(({ kind }) => kind !== 'Job');
}

/** A history entry for a revision, with the current time. */
export function historyEntry(
  run: CiRun,
  revision: Pick<Revision, 'number' | 'images' | 'role' | 'objects' | 'secrets'>,
  outcome: HistoryEntry['outcome'],
): HistoryEntry {
  const { role, objects, secrets } = revision;
  const isServed = role === undefined && (outcome === 'deployed' || outcome === 'rolled-back');
  return {
    ...authorOf(run),
    revision: revision.number,
    outcome,
    at: new Date().toISOString(),
    images: revision.images,
    ...(role !== undefined && { role }),
    ...(isServed && { content: hashOf([repeatable(objects), secrets]).slice(0, 32) }),
  };
}

/** The author fields of a revision or history entry. */
export function authorOf(run: CiRun): { readonly sha: string; readonly run: string; readonly actor: string } {
  return { sha: run.sha, run: run.url, actor: run.actor };
}
