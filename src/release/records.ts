import type { Cluster } from '../cluster/cluster.js';
import { asCutoverError, CutoverError } from '../errors.js';
import type { Log } from '../log.js';
import type { KubeObject } from '../kubernetes/object.js';
import { decodeRevision, encodeRevision, revisionName, type Revision } from './revision.js';
import { decodeState, encodeState, recordName, type HistoryEntry, type ReleaseState } from './state.js';

/** The release record in the cluster: one ConfigMap for the state, one per revision. */
export interface Records {
  readonly release: string;
  readonly namespace: string;
  /** `undefined`: the release was never deployed. */
  readState(): Promise<ReleaseState | undefined>;
  /** Writes the state; throws `changed` if another run wrote it since it was last read or written here. */
  writeState(state: ReleaseState): Promise<void>;
  /** Throws `no-revision` when it does not exist or was deleted. */
  readRevision(number: number): Promise<Revision>;
  writeRevision(revision: Revision): Promise<void>;
  /**
   * Writes the last state of a step, as `writeState` does; then deletes the revisions that are no longer needed. If this
   * fails, a warning is logged and the next run deletes them. `history`: number of revisions to keep.
   */
  finish(state: ReleaseState, history: number, log: Log): Promise<void>;
}

export function openRecords(options: {
  readonly cluster: Cluster;
  readonly release: string;
  readonly namespace: string;
  /** Called before each write of the record, which is before any other write of a step. Absent: nothing is called. */
  readonly onWrite?: () => void;
}): Records {
  const { cluster, release, namespace, onWrite } = options;
  const stateRef = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: recordName(release) };
  const revisionRef = (number: number) => ({ ...stateRef, name: revisionName(release, number) });
  // The ConfigMap as it was last read or written here; `undefined`: it did not exist.
  let lastSeen: KubeObject | undefined;

  function write(object: KubeObject): Promise<KubeObject> {
    const resourceVersion = lastSeen?.metadata.resourceVersion;
    if (resourceVersion === undefined) return cluster.create(object);
    return cluster.replace({ ...object, metadata: { ...object.metadata, resourceVersion } });
  }

  /** The live ConfigMap after a failed write; throws unless its state is the written one or the last seen one. */
  async function resolveFailedWrite(object: KubeObject, error: unknown): Promise<KubeObject> {
    const { code } = asCutoverError(error);
    const isAnswerLost = lastSeen === undefined && (code === 'unreachable' || code === 'api');
    if (code !== 'moved' && code !== 'exists' && !isAnswerLost) throw error;
    const live = await cluster.get(stateRef);
    if (live !== undefined && [textOf(object), textOf(lastSeen)].includes(textOf(live))) return live;
    if (isAnswerLost && live === undefined) throw error;
    throw new CutoverError(`Another run changed the record of release ${release} during this step`, {
      code: 'changed',
      object: `ConfigMap ${namespace}/${recordName(release)}`,
      hint: 'Run this step again: it plans from the current state. With `concurrency` in the workflow, runs wait for each other.',
    });
  }

  async function writeState(state: ReleaseState): Promise<void> {
    onWrite?.();
    // The lock excludes other runs; the precondition also stops a run that has lost its lock without noticing.
    const object = encodeState(state, namespace);
    for (let attempt = 1; ; attempt += 1) {
      try {
        lastSeen = await write(object);
        return;
      } catch (error) {
        if (attempt >= maxAttempts) throw error;
        lastSeen = await resolveFailedWrite(object, error);
        if (textOf(lastSeen) === textOf(object)) return;
      }
    }
  }

  return {
    release,
    namespace,
    async readState() {
      lastSeen = await cluster.get(stateRef);
      return lastSeen === undefined ? undefined : decodeState(lastSeen);
    },
    async readRevision(number) {
      const object = await cluster.get(revisionRef(number));
      if (object !== undefined) return decodeRevision(object);
      throw new CutoverError(`Revision ${number} of ${release} is not in the record`, {
        code: 'no-revision',
        object: `ConfigMap ${namespace}/${revisionName(release, number)}`,
        hint: 'Run `action: status` to see which revisions are there; the input `history-limit` sets how many are kept.',
      });
    },
    async writeRevision(revision) {
      onWrite?.();
      await cluster.apply(encodeRevision(revision, { name: release, namespace }), { force: true });
    },
    writeState,
    async finish(state, history, log) {
      await writeState(state);
      const needed = neededRevisions(state, history);
      const expired = state.revisions.filter(number => !needed.has(number));
      if (expired.length === 0) return;
      try {
        for (const number of expired) await cluster.remove(revisionRef(number));
        await writeState({ ...state, revisions: state.revisions.filter(number => needed.has(number)) });
      } catch (error) {
        log.warning(
          `Revisions beyond \`history-limit\` are left for the next run to delete: ${asCutoverError(error).message}`,
        );
      }
    },
  };
}

/** Another client may change the ConfigMap, such as an annotation, without changing the state: the write is then retried. */
const maxAttempts = 3;

function textOf(record: KubeObject | undefined): string | undefined {
  return (record?.['data'] as { readonly state?: string } | undefined)?.state;
}

/**
 * Writes the state after a failure. The failure itself is what the step must end with, so this never throws: it returns why
 * the record could not be written, `undefined` when it was.
 */
export async function recordFailure(records: Records, state: ReleaseState): Promise<string | undefined> {
  try {
    await records.writeState(state);
    return undefined;
  } catch (error) {
    return asCutoverError(error).message;
  }
}

/** Revisions to keep: the newest `history` ones, and all that are active, staged or the target of a rollback. */
export function neededRevisions(state: ReleaseState, history: number): ReadonlySet<number> {
  const needed = new Set<number>();
  for (let number = state.latest; number > Math.max(0, state.latest - history); number -= 1) needed.add(number);
  const { current, staged, operation } = state;
  const referenced = [
    current,
    previousRevision(state),
    staged?.revision,
    staged?.previous?.revision,
    operation?.revision,
  ];
  for (const number of referenced) if (number !== undefined) needed.add(number);
  for (const role of Object.values(state.roles ?? {})) if (role.revision !== undefined) needed.add(role.revision);
  return needed;
}

/**
 * The target of a `rolling` rollback: the last revision that was active before the current one and is still on record,
 * without failed revisions and those that were rolled back. `undefined`: there is none.
 */
export function previousRevision(state: ReleaseState): number | undefined {
  const served: number[] = [];
  for (const { revision, outcome } of [...state.history].reverse()) {
    if (outcome !== 'deployed' && outcome !== 'rolled-back') continue;
    while ((served.at(-1) ?? -1) >= revision) served.pop();
    served.push(revision);
  }
  return served.reverse().find(number => number < (state.current ?? Infinity) && state.revisions.includes(number));
}

/** Number of history entries in the state, which limits its size. */
const historyEntries = 50;

/** The state with one more entry of history. */
export function withHistory(state: ReleaseState, entry: HistoryEntry): ReleaseState {
  return { ...state, history: [entry, ...state.history].slice(0, historyEntries) };
}

/**
 * The only release on record in a namespace, for a step without the input `release`. Throws `input` when there is none or
 * there are several, with their names.
 */
export async function onlyRelease(cluster: Cluster, namespace: string): Promise<string> {
  const configMaps = await cluster.list(
    { apiVersion: 'v1', kind: 'ConfigMap', namespace },
    { labelSelector: 'cutover/record=state' },
  );
  const names = configMaps.map(object => decodeState(object).release).sort();
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) return only;
  throw new CutoverError(
    only === undefined
      ? `There is no release in namespace ${namespace}`
      : `There are ${names.length} releases in namespace ${namespace}: ${names.join(', ')}`,
    {
      code: 'input',
      hint:
        only === undefined
          ? 'Check the input `namespace`, or deploy first.'
          : 'Set the input `release` to one of them.',
    },
  );
}
