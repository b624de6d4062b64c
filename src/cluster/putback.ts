import { asCutoverError, type CutoverError } from '../errors.js';
import type { Log } from '../log.js';
import { describeRef, type KubeObject, type ObjectRef } from '../manifests/object.js';
import { differs, type Snapshot } from '../plan/change.js';
import type { Cluster } from './cluster.js';
import { appliedBy } from './owned-fields.js';
import { fieldManager } from './preflight.js';

/** What putting back came to. */
export interface Putback {
  /** Objects that were changed by it. */
  readonly restored: readonly ObjectRef[];
  readonly failed: readonly { readonly ref: ObjectRef; readonly error: CutoverError }[];
}

/** Writes of controllers (status) move the version all the time; a write of ours is tried again on the newest one. */
const attempts = 10;

/**
 * Puts objects back to what they were. What Cutover had applied before is applied again, so that ownership stays as it was;
 * what others had made is replaced by the very snapshot; what did not exist is deleted if it carries this release's
 * annotation. One that fails does not keep the others from being put back.
 */
export async function putBack(options: {
  readonly cluster: Cluster;
  readonly snapshots: readonly Snapshot[];
  readonly release: string;
  readonly log: Log;
}): Promise<Putback> {
  const { cluster, snapshots, release, log } = options;
  const restored: ObjectRef[] = [];
  const failed: { ref: ObjectRef; error: CutoverError }[] = [];
  // Last applied first: workloads go back while the configuration that the new ones read is still there.
  for (const snapshot of [...snapshots].reverse()) {
    try {
      const what = await putBackOne({ cluster, snapshot, release });
      if (what === undefined) continue;
      restored.push(snapshot.ref);
      log.info(`${describeRef(snapshot.ref)} ${what}`);
    } catch (thrown) {
      const error = asCutoverError(thrown);
      failed.push({ ref: snapshot.ref, error });
      log.error(`${describeRef(snapshot.ref)} could not be put back: ${error.message}`);
    }
  }
  return { restored, failed };
}

async function putBackOne(options: {
  readonly cluster: Cluster;
  readonly snapshot: Snapshot;
  readonly release: string;
}): Promise<string | undefined> {
  const { cluster, snapshot, release } = options;
  const { ref, object } = snapshot;
  for (let attempt = 1; ; attempt += 1) {
    const live = await cluster.get(ref);
    if (object === undefined) {
      if (live?.metadata.uid === undefined) return undefined;
      if (live.metadata.annotations?.['cutover/release'] !== release) return undefined;
      await cluster.remove(ref, { uid: live.metadata.uid });
      return 'removed again';
    }
    if (live !== undefined && !differs(live, withIdentity(object, live.metadata))) return undefined;
    const applied = appliedBy(object, fieldManager);
    if (applied !== undefined) {
      await cluster.apply(applied, { force: true });
      return live === undefined ? 'made again' : 'put back';
    }
    if (live === undefined) {
      await cluster.create(withIdentity(object, {}));
      return 'made again';
    }
    try {
      await cluster.replace(withIdentity(object, live.metadata));
      return 'put back';
    } catch (thrown) {
      if (asCutoverError(thrown).code !== 'moved' || attempt >= attempts) throw thrown;
    }
  }
}

/** The snapshot, addressed to the object that is live now (or to a new one). */
function withIdentity(
  object: KubeObject,
  live: { readonly uid?: string; readonly resourceVersion?: string; readonly creationTimestamp?: string },
): KubeObject {
  const {
    uid: _uid,
    resourceVersion: _version,
    creationTimestamp: _created,
    generation: _generation,
    ...kept
  } = object.metadata;
  return {
    ...object,
    metadata: {
      ...kept,
      ...(live.uid !== undefined && { uid: live.uid }),
      ...(live.resourceVersion !== undefined && { resourceVersion: live.resourceVersion }),
      ...(live.creationTimestamp !== undefined && { creationTimestamp: live.creationTimestamp }),
    },
  };
}
