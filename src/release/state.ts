import { CutoverError } from '../errors.js';
import { isStrategyName, type StrategyName } from '../inputs/actions.js';
import type { KubeObject, ObjectRef } from '../kubernetes/object.js';
import type { Snapshot } from '../plan/change.js';

/** What identifies a role without its manifests. */
export interface RoleRecord {
  /** Labels of the pods that the public Service selects when this role is active. */
  readonly podLabels: Readonly<Record<string, string>>;
  /** Deployments of the role. */
  readonly deployments: readonly ObjectRef[];
  /** Name of the role's test Service; absent when there is none. */
  readonly testService?: string;
  /** Revision that the role runs; absent before its first one. */
  readonly revision?: number;
  /** `contentHash` of that revision; absent before its first one. */
  readonly contentHash?: string;
}

/** A workload as it was verified; promote requires that it has not changed. */
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
  /** The role before staging, for `reject`; absent when it had never been used. */
  readonly previous?: RoleRecord;
}

/** An operation in progress. It stays in the record until it is completed or restored. */
export interface Operation {
  readonly kind: 'deploy' | 'stage' | 'switch' | 'finish';
  readonly revision: number;
  /** Target role (`stage`, `switch`), or the role whose idle policy is pending (`finish`). */
  readonly role?: string;
  /** The run's page. */
  readonly run: string;
  /**
   * `switch`, and a `stage` that adopts: snapshot of the public Service, to restore it; the other snapshots are in the
   * revision.
   */
  readonly previousService?: Snapshot;
}

/** The outcome of a step, for the next run and for `status`. */
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

/** State of a release for the next job or run; stored in ConfigMap `cutover-<release>`. */
export interface ReleaseState {
  readonly format: 1;
  readonly release: string;
  readonly strategy: StrategyName;
  /** Highest revision number so far; 0 before the first one. */
  readonly latest: number;
  /** Revisions that have a ConfigMap. */
  readonly revisions: readonly number[];
  /** Active revision; absent before the first deploy is complete. */
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

/** Revision number of the live objects that were adopted before the first revision. */
export const adoptedRevision = 0;

/** The state of a release that was never deployed. */
export function newState(release: string, strategy: StrategyName): ReleaseState {
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

/** Decodes the ConfigMap of a state. Throws `record` when it is invalid or of another format. */
export function decodeState(object: KubeObject): ReleaseState {
  const name = `ConfigMap ${object.metadata.namespace ?? ''}/${object.metadata.name}`;
  const text = (object['data'] as { state?: string } | undefined)?.state;
  const recordError = (reason: string, cause?: unknown): CutoverError =>
    new CutoverError(`The release record in ${name} cannot be used: ${reason}`, {
      code: 'record',
      object: name,
      hint: 'Restore it from a backup, or delete it: the next deploy then starts a new record (revisions begin at 1).',
      cause,
    });
  if (text === undefined) throw recordError('it has no key "state"');
  let state: unknown;
  try {
    state = JSON.parse(text);
  } catch (error) {
    throw recordError('its key "state" is not JSON', error);
  }
  if (!isState(state)) throw recordError('it was written by another version of Cutover, or manually');
  return state;
}

function isState(value: unknown): value is ReleaseState {
  if (value === null || typeof value !== 'object') return false;
  const { format, release, strategy, latest, revisions, history } = value as Record<string, unknown>;
  return (
    format === 1 &&
    typeof release === 'string' &&
    isStrategyName(strategy) &&
    typeof latest === 'number' &&
    Array.isArray(revisions) &&
    Array.isArray(history)
  );
}
