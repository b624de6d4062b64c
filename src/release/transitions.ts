import { refKey, type ObjectRef } from '../kubernetes/object.js';
import type { AppliedHashes } from '../plan/change.js';
import { hasServed } from './retention.js';
import type {
  BlueGreenState,
  FormerObject,
  HistoryEntry,
  ReleaseState,
  RoleRecord,
  RollingState,
  StagedRecord,
} from './state.js';
import type { AdoptOperation, FinishOperation, LeaveOperation, SwitchedService, SwitchOperation } from './operation.js';

/** Number of history entries in the state, which limits its size; older ones are kept only as the target of a rollback. */
const historyEntries = 50;

/** The operation of a state of this type. */
export type OperationOf<S extends ReleaseState> = NonNullable<S['operation']>;

/** A state with an operation in progress. */
export type InProgress<S extends ReleaseState = ReleaseState> = S & { readonly operation: OperationOf<S> };

/** The state with the operation in progress. An operation that was in progress before is replaced: this one resumes it. */
export function begin<S extends ReleaseState>(state: S, operation: OperationOf<S>): InProgress<S> {
  const { revision } = operation;
  const begun = {
    ...state,
    latest: Math.max(state.latest, revision),
    revisions: [...new Set([...state.revisions, revision])],
    operation,
  };
  return begun;
}

/** The state without its operation: what it had changed is restored, or users never noticed it. `entry` absent: no history. */
export function abandon<S extends ReleaseState>(state: S, entry?: HistoryEntry): S {
  return ended(state, entry);
}

/** A `deploy` or `rollback` that is verified: its revision serves users. */
export function completeRollout(state: RollingState, entry: HistoryEntry, applied: AppliedHashes): RollingState {
  return { ...ended(state, entry), current: entry.revision, applied };
}

/** The state of a rolling release as its adoption begins: numbers, revisions and history go on. */
export function asBlueGreen(
  { operation: _none, strategy: _rolling, ...rest }: RollingState,
  names: Pick<BlueGreenState, 'publicServices' | 'roleNames'>,
): BlueGreenState {
  return { ...rest, ...names, strategy: 'blue-green', roles: {} };
}

/** Whether anything has ever been on a role, users or a staged revision. */
export function hasRoles({ roles }: BlueGreenState): boolean {
  return Object.values(roles).some(({ revision }) => revision !== undefined);
}

/** The state of a blue/green release as it leaves its roles, or as its adoption is abandoned. */
export function asRolling(state: BlueGreenState): RollingState {
  const { format, release, latest, revisions, expired, current, applied, history, left, base } = state;
  const common = { format, release, latest, revisions, applied, history, base };
  const optional = {
    ...(expired !== undefined && { expired }),
    ...(current !== undefined && { current }),
    ...(left !== undefined && { left }),
  };
  return { ...common, ...optional, strategy: 'rolling' };
}

/** A state with an adoption in progress. */
export type Adopting = BlueGreenState & { readonly operation: AdoptOperation };

/** The state once the narrowing of a public Service is about to be sent: the journal says so. */
export function withNarrowing(state: Adopting, service: ObjectRef): Adopting {
  const { sent = [] } = state.operation;
  if (sent.some(ref => refKey(ref) === refKey(service))) return state;
  return { ...state, operation: { ...state.operation, sent: [...sent, service] } };
}

/** An `adopt` whose role serves users: the adopted Deployments are no longer reached. */
export function completeAdopt(state: Adopting, entry: HistoryEntry, record: RoleRecord): BlueGreenState {
  const { role, revision, deployments } = state.operation;
  const { roles, ...rest } = ended<BlueGreenState>(state, entry);
  const adopted = deployments.map(({ ref, uid }) => ({ ref, uid }));
  return { ...rest, current: revision, adopted, roles: { ...roles, [role]: record } };
}

/** An `adopt` that was restored: users are on the live Deployments. */
export function abandonAdopt(state: Adopting, entry: HistoryEntry): ReleaseState {
  const abandoned = ended<BlueGreenState>(state, entry);
  return state.operation.wasRolling ? asRolling(abandoned) : abandoned;
}

/** A state in which the roles are being left. */
export type Leaving = BlueGreenState & { readonly operation: LeaveOperation };

/** A `leave` whose revision serves users, and whose roles are gone. What was applied last is compared by the next deploy. */
export function completeLeave(state: Leaving, entry: HistoryEntry): RollingState {
  return { ...asRolling(ended<BlueGreenState>(state, entry)), current: entry.revision, applied: {} };
}

/** A state with a switch in progress. */
export type Switching = BlueGreenState & { readonly operation: SwitchOperation };

/** The state once the write of a public Service is about to be sent: the journal says so. */
export function withSent(state: Switching, service: ObjectRef): Switching {
  const key = refKey(service);
  const services = state.operation.services.map((one): SwitchedService =>
    refKey(one.before.ref) === key ? { ...one, sent: true } : one,
  );
  return { ...state, operation: { ...state.operation, services } };
}

/** What a completed staging leaves. */
export interface CompletedStaging {
  readonly entry: HistoryEntry;
  readonly staged: StagedRecord;
  /** The role with the staged revision. */
  readonly record: RoleRecord;
  readonly applied: AppliedHashes;
  /** Objects of earlier revisions that stay. */
  readonly left: readonly FormerObject[];
}

/** A `stage` that is verified. */
export function completeStage(
  state: BlueGreenState,
  { entry, staged, record, applied, left }: CompletedStaging,
): BlueGreenState {
  const { role } = staged;
  const { left: _before, ...rest } = ended(state, entry);
  return {
    ...rest,
    ...(left.length > 0 && { left }),
    ...{ roles: { ...state.roles, [role]: record }, staged, applied },
  };
}

/** A `reject` that restored the role: nothing is staged on it, and it runs what it ran before. */
export function completeReject(state: BlueGreenState, entry: HistoryEntry): BlueGreenState {
  return ended(withoutStaged(state), entry);
}

/** A `switch` that is verified: its revision serves users, and the work after the switch is left. `left`: what users left. */
export function completeSwitch(
  state: BlueGreenState,
  entry: HistoryEntry,
  left: Pick<FinishOperation, 'leftRole' | 'leftPods'>,
): InProgress<BlueGreenState> {
  const { operation: _ended, staged, ...rest } = ended(state, entry);
  const { operation: switching } = state;
  if (switching?.kind !== 'switch') throw new Error('no switch is in progress');
  const { direction, revision, run, holder } = switching;
  return {
    ...rest,
    ...(staged !== undefined && staged.revision !== revision && { staged }),
    current: revision,
    operation: { kind: 'finish', direction, revision, run, holder, ...left },
  };
}

/** A `finish`, or a `prepare` that is followed by nothing. After a promotion, what had been adopted is gone. */
export function completeFinish(state: BlueGreenState): BlueGreenState {
  const { operation } = state;
  const { adopted, ...rest } = ended(state);
  const isPromoted = operation?.kind === 'finish' && operation.direction === 'promote';
  return adopted === undefined || isPromoted ? rest : { ...rest, adopted };
}

/** A `finish` that has made the role that users left the hot backup. `record`: what identifies that role now. */
export function completeBackup(
  state: BlueGreenState,
  { role, record }: { readonly role: string; readonly record: RoleRecord },
): BlueGreenState {
  const { applied: _applied, previous: _backup, ...previous } = state.roles[role] ?? record;
  const done = completeFinish(state);
  return { ...done, roles: { ...done.roles, [role]: { ...record, previous } } };
}

/** The state in which a role that was the hot backup is what it was before; unchanged if it was no backup. */
export function withoutBackup(state: BlueGreenState, role: string): BlueGreenState {
  const { previous } = state.roles[role] ?? {};
  return previous === undefined ? state : { ...state, roles: { ...state.roles, [role]: previous } };
}

/** The state once nothing is staged: the role runs what it ran before. Unchanged where nothing is staged. */
export function withoutStaged(state: BlueGreenState): BlueGreenState {
  const { staged, ...rest } = state;
  if (staged === undefined) return state;
  const { [staged.role]: current, ...others } = state.roles;
  const {
    revision: _revision,
    contentHash: _hash,
    applied: _applied,
    ...neverUsed
  } = current ?? { podLabels: [], deployments: [] };
  return { ...rest, roles: { ...others, [staged.role]: staged.previous ?? neverUsed } };
}

/** The state with one more entry of history. */
export function withHistory<S extends ReleaseState>(state: S, entry: HistoryEntry): S {
  const history = [entry, ...state.history];
  const served = history.filter(hasServed);
  // However many deploys have failed since: a rollback goes to what served before.
  const isTarget = (one: HistoryEntry): boolean =>
    state.revisions.includes(one.revision) && one === served.find(({ revision }) => revision === one.revision);
  const kept = history.filter((one, at) => at < historyEntries || isTarget(one));
  return { ...state, history: kept };
}

function ended<S extends ReleaseState>(state: S, entry?: HistoryEntry): S {
  const { operation: _ended, ...rest } = state;
  const without = rest as S;
  return entry === undefined ? without : withHistory(without, entry);
}
