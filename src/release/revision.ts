import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { CutoverError } from '../errors.js';
import type { StrategyName } from '../inputs/actions.js';
import type { Check, CiRun } from '../inputs/inputs.js';
import { isSecret } from '../kubernetes/kinds.js';
import { describeRef, refOf, type KubeObject, type ObjectRef } from '../kubernetes/object.js';
import { canonical, type Snapshot } from '../plan/change.js';
import { recordData, recordLimit, recordRef, recordSecret } from './record-secret.js';
import type { HistoryEntry } from './state.js';

/** Bytes that a revision may have when it is unpacked. */
const unpackedLimit = 200_000_000;

/** A Secret in the record, without its data. */
export interface RecordedSecret {
  readonly ref: ObjectRef;
  /** SHA-256 of its type and data. */
  readonly hash: string;
}

/** An object to be deleted. */
export interface ObjectToDelete {
  readonly ref: ObjectRef;
  /** Delete only the object with this uid. Absent: any object with the name. */
  readonly uid?: string;
}

/** An approval by the reviewers of a GitHub environment. */
export interface RecordedApproval {
  readonly environment: string;
  readonly by: readonly string[];
  readonly comment: string;
}

/** One deployment of a release, as it was rendered; kept in Secret `cutover-<release>-<n>`. */
export interface Revision {
  readonly number: number;
  readonly strategy: StrategyName;
  /** Blue/green only: the role that it was staged on. */
  readonly role?: string;
  /** Applied objects, in order, without Secrets; blue/green: the objects of the role. */
  readonly objects: readonly KubeObject[];
  readonly secrets: readonly RecordedSecret[];
  /** Blue/green: the public Service as this revision renders it, applied by the switch. */
  readonly publicService?: KubeObject;
  /** Blue/green: shared objects as applied while staging, without Secrets; a rollback does not change them. */
  readonly shared: readonly KubeObject[];
  /** Blue/green: objects that are applied after the switch (autoscalers of the role). */
  readonly applyAfterSwitch: readonly KubeObject[];
  /** Blue/green: objects of the previous revision of the role that are not needed after the switch. Absent: none. */
  readonly deleteAfterSwitch?: readonly ObjectToDelete[];
  /** Snapshots of the live objects before the first write of the operation, without data of Secrets. */
  readonly before: readonly Snapshot[];
  /**
   * Blue/green: the same before the first of several stagings on the role, which `reject` restores. Absent: nothing else was
   * staged, so it is `before`.
   */
  readonly beforeStaging?: readonly Snapshot[];
  /** Checks that promote and rollback run again. */
  readonly checks: readonly Check[];
  /** Whether fields of other managers are taken over (`force-conflicts`). */
  readonly force: boolean;
  /** SHA-256 of all rendered objects, for both roles: equal for equal manifests and variables. */
  readonly contentHash: string;
  readonly images: readonly string[];
  readonly sha: string;
  readonly run: string;
  readonly actor: string;
  /** ISO 8601. */
  readonly at: string;
  readonly approval?: RecordedApproval;
}

/** The Secret that holds a revision. Throws `record` when it would be too big. */
export function encodeRevision(
  revision: Revision,
  release: { readonly name: string; readonly namespace: string },
): KubeObject {
  const { objects, before, beforeStaging, publicService, shared, applyAfterSwitch, ...rest } = revision;
  const bulk = gzipSync(JSON.stringify({ objects, before, beforeStaging, publicService, shared, applyAfterSwitch }), {
    level: 9,
  });
  const info = Buffer.from(JSON.stringify(rest, null, 1));
  const ref = recordRef(release.name, release.namespace, revision.number);
  const bytes = bulk.length + info.length;
  if (bytes > recordLimit) {
    throw new CutoverError(
      `Revision ${revision.number} of ${release.name} is too big for its record: ${bytes} bytes compressed, but a Secret is limited to ${recordLimit}`,
      {
        code: 'record',
        object: describeRef(ref),
        hint: 'Split the manifests into several releases, or deploy big ConfigMaps in a step of their own.',
      },
    );
  }
  return recordSecret(ref, { release: release.name, part: 'revision', data: { info, bulk } });
}

/** Decodes the Secret of a revision. Throws `record` when it is invalid. */
export function decodeRevision(secret: KubeObject): Revision {
  try {
    const info = recordData(secret, 'info');
    const bulk = recordData(secret, 'bulk');
    // A small Secret can hold data that unpacks to gigabytes.
    const unpacked = gunzipSync(bulk, { maxOutputLength: unpackedLimit }).toString('utf8');
    return { ...(JSON.parse(info.toString('utf8')) as object), ...(JSON.parse(unpacked) as object) } as Revision;
  } catch (error) {
    const name = describeRef(refOf(secret));
    throw new CutoverError(`The record of this revision cannot be read: ${name}`, {
      code: 'record',
      object: name,
      hint: 'It was changed manually or written by another version. Deploy again to create a new revision.',
      cause: error,
    });
  }
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

/** SHA-256 of the value's canonical JSON, in hex. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex');
}

/** Images of all containers of the objects, sorted, without duplicates. */
export function imagesOf(objects: readonly KubeObject[]): readonly string[] {
  const images = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (value !== null && typeof value === 'object') {
      for (const [key, item] of Object.entries(value)) {
        const isList = (key === 'containers' || key === 'initContainers') && Array.isArray(item);
        // In custom resources and schemas, fields of these names may have any content.
        for (const container of isList ? (item as unknown[]) : []) {
          const { image } = (container ?? {}) as { image?: unknown };
          if (typeof image === 'string') images.add(image);
        }
        if (!isList) visit(item);
      }
    }
  };
  objects.forEach(object => visit(object['spec']));
  return [...images].sort();
}

/** A history entry for a revision, with the current time. */
export function historyEntry(
  run: CiRun,
  revision: Pick<Revision, 'number' | 'images' | 'role'>,
  outcome: HistoryEntry['outcome'],
): HistoryEntry {
  return {
    ...authorOf(run),
    revision: revision.number,
    outcome,
    at: new Date().toISOString(),
    images: revision.images,
    ...(revision.role !== undefined && { role: revision.role }),
  };
}

/** The author fields of a revision or history entry. */
export function authorOf(run: CiRun): { readonly sha: string; readonly run: string; readonly actor: string } {
  return { sha: run.sha, run: run.url, actor: run.actor };
}
