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
  /** `undefined` when the release was never deployed. */
  readState(): Promise<ReleaseState | undefined>;
  /** Writes the state if nobody else did since it was last read or written here; otherwise throws `changed`. */
  writeState(state: ReleaseState): Promise<void>;
  /** Throws `no-revision` when it is not there (any more). */
  readRevision(number: number): Promise<Revision>;
  writeRevision(revision: Revision): Promise<void>;
  /**
   * Writes the last state of a step, as `writeState` does; then deletes the revisions that nobody needs any more. What goes
   * wrong with those is only warned of: the next run finds them in the state.
   */
  finish(state: ReleaseState, history: number, log: Log): Promise<void>;
}

export function openRecords(options: {
  readonly cluster: Cluster;
  readonly release: string;
  readonly namespace: string;
  /** Called before each write; every step that changes anything writes its record first. */
  readonly onWrite?: () => void;
}): Records {
  const { cluster, release, namespace, onWrite } = options;
  const stateRef = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: recordName(release) };
  const revisionRef = (number: number) => ({ ...stateRef, name: revisionName(release, number) });
  // The ConfigMap as it was last read or written here; `undefined`: there was none.
  let known: KubeObject | undefined;

  function write(object: KubeObject): Promise<KubeObject> {
    const resourceVersion = known?.metadata.resourceVersion;
    if (resourceVersion === undefined) return cluster.create(object);
    return cluster.replace({ ...object, metadata: { ...object.metadata, resourceVersion } });
  }

  /** What a write that was not taken left behind; throws unless the state is this run's or what it last knew. */
  async function afterRefused(object: KubeObject, error: unknown): Promise<KubeObject> {
    const { code } = asCutoverError(error);
    const lost = known === undefined && (code === 'unreachable' || code === 'api');
    if (code !== 'moved' && code !== 'exists' && !lost) throw error;
    const live = await cluster.get(stateRef);
    if (live !== undefined && [textOf(object), textOf(known)].includes(textOf(live))) return live;
    if (lost && live === undefined) throw error;
    throw new CutoverError(`Another run wrote the record of release ${release} meanwhile`, {
      code: 'changed',
      object: `ConfigMap ${namespace}/${recordName(release)}`,
      hint: 'Run this step again: it plans anew from what is there now. `concurrency` in the workflow makes runs wait for each other.',
    });
  }

  async function writeState(state: ReleaseState): Promise<void> {
    onWrite?.();
    // The lock keeps other runs out; the precondition also stops a run that lost its lock without knowing it.
    const object = encodeState(state, namespace);
    for (let attempt = 1; ; attempt += 1) {
      try {
        known = await write(object);
        return;
      } catch (error) {
        if (attempt >= attempts) throw error;
        known = await afterRefused(object, error);
        if (textOf(known) === textOf(object)) return;
      }
    }
  }

  return {
    release,
    namespace,
    async readState() {
      known = await cluster.get(stateRef);
      return known === undefined ? undefined : decodeState(known);
    },
    async readRevision(number) {
      const object = await cluster.get(revisionRef(number));
      if (object !== undefined) return decodeRevision(object);
      throw new CutoverError(`Revision ${number} of ${release} is not in the record (any more)`, {
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
      const spare = state.revisions.filter(number => !needed.has(number));
      if (spare.length === 0) return;
      try {
        for (const number of spare) await cluster.remove(revisionRef(number));
        await writeState({ ...state, revisions: state.revisions.filter(number => needed.has(number)) });
      } catch (error) {
        log.warning(
          `Revisions beyond \`history-limit\` are left for the next run to delete: ${asCutoverError(error).message}`,
        );
      }
    },
  };
}

/** Somebody may touch the ConfigMap (an annotation, say) without changing the state: then it is written again. */
const attempts = 3;

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

/** Revisions that must stay: the newest `history` ones, and whatever serves, waits or can be rolled back to. */
export function neededRevisions(state: ReleaseState, history: number): ReadonlySet<number> {
  const needed = new Set<number>();
  for (let number = state.latest; number > Math.max(0, state.latest - history); number -= 1) needed.add(number);
  const { current, staged, operation } = state;
  const used = [current, previousRevision(state), staged?.revision, staged?.previous?.revision, operation?.revision];
  for (const number of used) if (number !== undefined) needed.add(number);
  for (const role of Object.values(state.roles ?? {})) if (role.revision !== undefined) needed.add(role.revision);
  return needed;
}

/**
 * The revision that served before the current one and is still on record. One that failed never served, and one that was
 * rolled back from is not what anybody wants back. The way back of `rolling`.
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

/** Entries of history that the state keeps, so that it stays small whatever happens. */
const historyEntries = 50;

/** The state with one more entry of history. */
export function withHistory(state: ReleaseState, entry: HistoryEntry): ReleaseState {
  return { ...state, history: [entry, ...state.history].slice(0, historyEntries) };
}

/**
 * The only release on record in a namespace, for a step that names none. Throws `input` when there is none or there are
 * several; the message names them.
 */
export async function onlyRelease(cluster: Cluster, namespace: string): Promise<string> {
  const found = await cluster.list(
    { apiVersion: 'v1', kind: 'ConfigMap', namespace },
    { labelSelector: 'cutover/record=state' },
  );
  const names = found.map(object => decodeState(object).release).sort();
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) return only;
  throw new CutoverError(
    only === undefined
      ? `There is no release in namespace ${namespace}`
      : `There are ${names.length} releases in namespace ${namespace}: ${names.join(', ')}`,
    {
      code: 'input',
      hint:
        only === undefined ? 'Check the input `namespace`, or deploy first.' : 'Say which one in the input `release`.',
    },
  );
}
