import type { Cluster, ObjectWriter } from '../cluster/cluster.js';
import { asCutoverError, CutoverError } from '../errors.js';
import type { Log } from '../log.js';
import { describeRef, refOf, type KubeObject } from '../kubernetes/object.js';
import { hideSensitive } from '../manifests/sensitive-fields.js';
import { asOwned, objectsIn, snapshotsIn } from './owned-revision.js';
import { recordRef } from './record-secret.js';
import { neededRevisions } from './retention.js';
import { decodeRevision, encodeRevision, type Revision } from './revision.js';
import { decodeState, encodeState } from './state-record.js';
import type { RecordBase } from './record-base.js';
import type { ReleaseState } from './state.js';

/** The release record in the cluster: one Secret for the state, one per revision. */
export interface Records {
  readonly release: string;
  readonly namespace: string;
  /** `undefined`: the release was never deployed. */
  readState(): Promise<ReleaseState | undefined>;
  /** Throws `no-revision` when it does not exist or was deleted. */
  readRevision(number: number): Promise<Revision>;
  /** The same records, which can be written through the port. */
  writable(port: RecordPort): RecordWriter;
}

/** Writes of the record. */
export type RecordPort = Pick<ObjectWriter, 'apply' | 'create' | 'replace' | 'remove'>;

/** The release record, for a run that holds the lock. */
export interface RecordWriter extends Omit<Records, 'writable'> {
  /**
   * Writes the state; throws `changed` if another run wrote it since the state was read that this one was made from, and
   * `record-unknown` if the API server did not tell whether it is written. After that, nothing else can be written.
   */
  writeState(state: ReleaseState): Promise<void>;
  /** Writes a revision that goes with a state; throws `changed` if it is new, and another run has recorded its number since. */
  writeRevision(revision: Revision, state: ReleaseState): Promise<void>;
  /**
   * Writes the last state of a step, as `writeState` does; then deletes the revisions that are no longer needed, and writes the
   * state without them. One that cannot be deleted is logged and stays on record, and the next run deletes it. `history`: number
   * of revisions to keep.
   */
  finish(state: ReleaseState, history: number): Promise<void>;
}

/** Opens the record of a release for reading. `onWrite` is called before each write; absent: nothing is called. */
export function openRecords(options: {
  readonly cluster: Cluster;
  readonly release: string;
  readonly namespace: string;
  /** Hides recorded values of the environment, and gets the warnings of revisions that cannot be deleted. */
  readonly log: Log;
  readonly onWrite?: () => void;
}): Records {
  const { cluster, release, namespace, log, onWrite = () => undefined } = options;
  const stateRef = recordRef(release, namespace);

  const reading = {
    release,
    namespace,
    async readState(): Promise<ReleaseState | undefined> {
      const secret = await cluster.get(stateRef);
      if (secret === undefined) return undefined;
      const state = decodeState(secret);
      hideSensitive(log, snapshotsIn(state));
      return state;
    },
    async readRevision(number: number): Promise<Revision> {
      const ref = recordRef(release, namespace, number);
      const secret = await cluster.get(ref);
      if (secret !== undefined) {
        const revision = asOwned(decodeRevision(secret), { release, namespace });
        hideSensitive(log, objectsIn(revision));
        return revision;
      }
      throw new CutoverError(`Revision ${number} of ${release} is not in the record`, {
        code: 'no-revision',
        object: describeRef(ref),
        hint: 'Run `action: status` to see which revisions are there; the input `history-limit` sets how many are kept.',
      });
    },
  };

  function writable(port: RecordPort): RecordWriter {
    function write(secret: KubeObject, base: KubeObject | undefined): Promise<KubeObject> {
      const resourceVersion = base?.metadata.resourceVersion;
      if (resourceVersion === undefined) return port.create(secret);
      return port.replace({ ...secret, metadata: { ...secret.metadata, resourceVersion } });
    }

    /** The live Secret after a failed write; throws unless its state is the written one, or that of the base. */
    async function resolveFailedWrite(secret: KubeObject, thrown: unknown, base: RecordBase): Promise<KubeObject> {
      const error = asCutoverError(thrown);
      const isAnswerLost = error.code === 'unreachable' || error.code === 'api';
      if (error.code !== 'moved' && error.code !== 'exists' && !isAnswerLost) throw error;
      const live = await cluster.get(stateRef).catch(() => {
        // What is restored now may be on record as done: only the next run can tell.
        throw base.fail(error, describeRef(stateRef));
      });
      const text = textOf(live);
      if (text === textOf(secret)) return live as KubeObject;
      if (text !== textOf(base.secret)) throw recordChanged(release, describeRef(stateRef));
      if (isAnswerLost || live === undefined) throw error;
      return live;
    }

    /** The lock excludes other runs; the precondition also stops a run whose decision was made from an older state. */
    async function put(state: ReleaseState): Promise<void> {
      onWrite();
      hideSensitive(log, snapshotsIn(state));
      const { base } = state;
      if (base.failure !== undefined) throw base.failure;
      if (base.isEnded) throw recordChanged(release, describeRef(stateRef));
      const secret = encodeState(state, namespace);
      for (let attempt = 1; ; attempt += 1) {
        try {
          base.moveTo(await write(secret, base.secret));
          return;
        } catch (error) {
          if (attempt >= maxAttempts) throw error;
          base.moveTo(await resolveFailedWrite(secret, error, base));
          if (textOf(base.secret) === textOf(secret)) return;
        }
      }
    }

    /** Deletes these revisions; gives those that could not be deleted. */
    async function removeRevisions(numbers: readonly number[]): Promise<readonly number[]> {
      const undeleted: number[] = [];
      const remove = async (number: number): Promise<void> => {
        const ref = recordRef(release, namespace, number);
        try {
          const live = await cluster.get(ref);
          // Somebody else may have created a Secret of that name.
          if (live?.metadata.uid === undefined || !isRevisionOf(live, release)) return;
          await port.remove(ref, { uid: live.metadata.uid });
        } catch (error) {
          undeleted.push(number);
          log.warning(`Revision ${number} of ${release} could not be deleted: ${asCutoverError(error).message}`);
        }
      };
      await Promise.all(numbers.map(remove));
      return undeleted;
    }

    /**
     * Creates the Secret of a new revision. `false`: it may exist, as what a killed run left. Throws `changed` when it is the
     * revision of another run, which must not be overwritten.
     */
    async function createRevision(secret: KubeObject, { base }: ReleaseState): Promise<boolean> {
      try {
        await port.create(secret);
        return true;
      } catch (error) {
        if (!uncertainCodes.has(asCutoverError(error).code)) throw error;
        if (textOf(await cluster.get(stateRef)) !== textOf(base.secret))
          throw recordChanged(release, describeRef(stateRef));
        const live = await cluster.get(refOf(secret));
        if (live !== undefined && !isSamePart(live, secret)) throw nameTaken(live);
        return false;
      }
    }

    return {
      ...reading,
      async writeRevision(revision, state) {
        onWrite();
        // The snapshots have the values of before, which a restore may print.
        hideSensitive(log, objectsIn(revision));
        const secret = encodeRevision(revision, { name: release, namespace });
        const before = state.base.secret;
        const isOnRecord = before !== undefined && decodeState(before).revisions.includes(revision.number);
        if (isOnRecord || !(await createRevision(secret, state))) await port.apply(secret, { force: true });
      },
      async writeState(state) {
        await put(state);
        if (state.operation === undefined) state.base.end();
      },
      async finish(state, history) {
        // The record names expired revisions until they are deleted: otherwise a run that is killed now would leave revisions
        // that no state knows.
        const needed = neededRevisions(state, history);
        const { revisions, expired: former = [], ...rest } = state;
        const kept = revisions.filter(number => needed.has(number));
        const expired = [...new Set([...former, ...revisions])].filter(number => !needed.has(number));
        const naming = (left: readonly number[]): ReleaseState => ({
          ...rest,
          revisions: kept,
          ...(left.length > 0 && { expired: left }),
        });
        await put(naming(expired));
        try {
          const left = await removeRevisions(expired);
          if (left.length < expired.length) await put(naming(left));
        } catch (error) {
          const { message } = asCutoverError(error);
          log.warning(`The record of ${release} still names revisions that are deleted: ${message}`);
        } finally {
          state.base.end();
        }
      },
    };
  }

  return { ...reading, writable };
}

/** Errors of a create after which the object may exist. */
const uncertainCodes: ReadonlySet<string> = new Set(['exists', 'unreachable', 'api']);

/** Another client may change the Secret, such as an annotation, without changing the state: the write is then retried. */
const maxAttempts = 3;

/** Whether the Secret holds a revision of this release. */
function isRevisionOf({ metadata }: KubeObject, release: string): boolean {
  return metadata.labels?.['cutover/record'] === 'revision' && metadata.annotations?.['cutover/release'] === release;
}

/** Whether two Secrets hold the same part of the record of the same release. */
function isSamePart({ metadata: one }: KubeObject, { metadata: other }: KubeObject): boolean {
  return (
    one.labels?.['cutover/record'] === other.labels?.['cutover/record'] &&
    one.annotations?.['cutover/release'] === other.annotations?.['cutover/release']
  );
}

function nameTaken(live: KubeObject): CutoverError {
  const name = describeRef(refOf(live));
  return new CutoverError(`${name} is not a revision of this release, so the record cannot be written`, {
    code: 'record',
    object: name,
    hint: 'Another tool has created it. Delete or rename it, or give the release another name with the input `release`.',
  });
}

function textOf(secret: KubeObject | undefined): string | undefined {
  return (secret?.['data'] as { readonly state?: string } | undefined)?.state;
}

function recordChanged(release: string, object: string): CutoverError {
  return new CutoverError(`Another run changed the record of release ${release} during this step`, {
    code: 'changed',
    object,
    hint: 'Run this step again: it plans from the current state.',
  });
}
