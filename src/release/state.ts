import { CutoverError } from '../errors.js';
import type { KubeObject, ObjectRef } from '../kubernetes/object.js';
import type { Snapshot } from '../plan/change.js';

/** What a role needs to be recognised without its manifests. */
export interface RoleRecord {
  /** Labels of the pods that the public Service selects when this role is active. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** Deployments of the role. */
  readonly deployments: readonly ObjectRef[];
  /** Name of the role's test Service; absent when there is none. */
  readonly testService?: string;
  /** Revision that the role runs; absent before its first one. */
  readonly revision?: number;
  /** What that revision was rendered from (its `contentHash`). */
  readonly contentHash?: string;
}

/** One workload as it was when it was verified; promote accepts nothing else. */
export interface VerifiedWorkload {
  readonly ref: ObjectRef;
  readonly uid: string;
  readonly generation: number;
  readonly templateHash: string;
}

export interface StagedRecord {
  readonly revision: number;
  readonly role: string;
  readonly workloads: readonly VerifiedWorkload[];
  /** What was known of the role before staging, for `reject`; absent when it had never been used. */
  readonly previous?: RoleRecord;
}

/** A step that had begun to write. It stays in the record until the step is finished or undone. */
export interface Operation {
  readonly kind: 'deploy' | 'stage' | 'switch' | 'finish';
  readonly revision: number;
  /** Role that the step works towards (`stage`, `switch`), or the one whose idle policy is pending (`idle`). */
  readonly role?: string;
  /** The run's page. */
  readonly run: string;
  /**
   * `switch`, and a `stage` that adopts: the public Service as it was, for the way back; the other snapshots lie in the
   * revision.
   */
  readonly previousService?: Snapshot;
}

/** How a step ended, for the next run and for `status`. */
export interface HistoryEntry {
  readonly revision: number;
  readonly outcome: 'deployed' | 'staged' | 'switched' | 'rolled-back' | 'rejected' | 'failed';
  /** ISO 8601. */
  readonly at: string;
  readonly run: string;
  readonly actor: string;
  readonly sha: string;
  readonly role?: string;
  readonly images: readonly string[];
}

/** What the next job or run needs to know of a release; kept in ConfigMap `cutover-<release>`. */
export interface ReleaseState {
  readonly format: 1;
  readonly release: string;
  readonly strategy: 'rolling' | 'blue-green';
  /** Highest revision number given out so far. */
  readonly latest: number;
  /** Revisions whose ConfigMaps are there. */
  readonly revisions: readonly number[];
  /** Revision that serves users; absent before the first release is complete. */
  readonly current?: number;
  /** Blue/green only. */
  readonly publicService?: ObjectRef;
  /** Blue/green only: the two names, in order. */
  readonly roleNames?: readonly [string, string];
  readonly roles?: Readonly<Record<string, RoleRecord>>;
  readonly staged?: StagedRecord;
  readonly operation?: Operation;
  /** Newest first. */
  readonly history: readonly HistoryEntry[];
}

/** The number that stands for what was live before the first revision, and was adopted. */
export const adoptedRevision = 0;

/** The state of a release that was never deployed. */
export function newState(release: string, strategy: ReleaseState['strategy']): ReleaseState {
  return { format: 1, release, strategy, latest: 0, revisions: [], history: [] };
}

export function recordName(release: string): string {
  return `cutover-${release}`;
}

/** The ConfigMap that holds the state. */
export function encodeState(state: ReleaseState, namespace: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: recordName(state.release),
      namespace,
      labels: { 'app.kubernetes.io/managed-by': 'cutover', 'cutover/record': 'state' },
      annotations: { 'cutover/release': state.release },
    },
    data: { state: JSON.stringify(state, null, 1) },
  };
}

/** The state out of its ConfigMap. Throws `record` when it is not one that this version understands. */
export function decodeState(object: KubeObject): ReleaseState {
  const name = `ConfigMap ${object.metadata.namespace ?? ''}/${object.metadata.name}`;
  const text = (object['data'] as { state?: string } | undefined)?.state;
  const broken = (why: string, cause?: unknown): CutoverError =>
    new CutoverError(`The release record in ${name} cannot be used: ${why}`, {
      code: 'record',
      object: name,
      hint: 'Restore it from a backup, or delete it: the next deploy then starts a new record (revisions begin at 1).',
      cause,
    });
  if (text === undefined) throw broken('it has no key "state"');
  let state: unknown;
  try {
    state = JSON.parse(text);
  } catch (error) {
    throw broken('its key "state" is not JSON', error);
  }
  if (!isState(state)) throw broken('it was written by another version of Cutover, or by hand');
  return state;
}

function isState(value: unknown): value is ReleaseState {
  if (value === null || typeof value !== 'object') return false;
  const { format, release, strategy, latest, revisions, history } = value as Record<string, unknown>;
  return (
    format === 1 &&
    typeof release === 'string' &&
    (strategy === 'rolling' || strategy === 'blue-green') &&
    typeof latest === 'number' &&
    Array.isArray(revisions) &&
    Array.isArray(history)
  );
}
