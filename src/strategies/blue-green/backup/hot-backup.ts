import type { Check } from '../../../inputs/inputs.js';
import { refKey, refOf } from '../../../kubernetes/object.js';
import type { Revision } from '../../../release/revision.js';
import { revisionOfRole } from '../../../release/revision-of-role.js';
import type { BlueGreenState, RoleRecord } from '../../../release/state.js';
import { completeBackup, type InProgress } from '../../../release/transitions.js';
import type { OperationContext } from '../../../run/context.js';
import { otherRole } from '../../../traffic/active-role.js';
import { findRevisionOfRole } from '../../recorded/find-revision.js';
import type { WaitOptions } from '../../shared/apply-and-wait.js';
import { guarded } from '../../shared/restore-objects.js';
import { reachedRole, requireUnreached } from '../operation/reached-role.js';
import { restoreRole } from '../rollback/restore-role.js';
import { backupSecrets } from './backup-secrets.js';

/** What becomes the hot backup of the role that users are on. */
export interface BackupRequest {
  /** Its operation is `finish`. */
  readonly state: InProgress<BlueGreenState>;
  /** The revision that users are on. It has a backup. */
  readonly revision: Revision;
  /** The role that users left. */
  readonly role: string;
  readonly checks: readonly Check[];
  readonly waitOptions: WaitOptions;
}

/** A hot backup that could not be made. */
export class BackupFailed extends Error {
  constructor(
    override readonly cause: unknown,
    /** The role that was to become the backup. */
    readonly role: string,
    /** What it runs for certain. Absent: it may have been changed in part. */
    readonly runs?: number,
  ) {
    super('the hot backup was not made', { cause });
  }
}

/**
 * Runs the revision of the users on the role that they left, too: applies the objects that are recorded for that, waits until they are
 * ready, and runs the staged checks. Before each write it looks again whether a public Service leads users to that role. Returns the
 * state as it is to be recorded. Throws {@link BackupFailed}: users stay where they are, and the same step can be run again.
 */
export async function makeHotBackup(ctx: OperationContext, request: BackupRequest): Promise<BlueGreenState> {
  const { state, revision, role } = request;
  const { operation } = state;
  const before = state.roles[role]?.revision;
  // An earlier run may have changed it.
  let isUntouched = operation.kind === 'finish' && operation.backup === undefined;
  try {
    const onRole = revisionOfRole(revision, role);
    const { backup } = revision;
    if (onRole === undefined || backup === undefined) throw new Error(`revision ${revision.number} has no backup`);
    await requireUnreached(ctx, state, { role, revision: onRole });
    const previous = await findRevisionOfRole(ctx, state.roles[role] ?? {}, role);
    const direction = operation.kind === 'finish' ? operation.direction : 'promote';
    const secrets = await backupSecrets(ctx, revision, direction);
    ctx.log.info(
      `${role} becomes the hot backup: it gets revision ${revision.number}, too, and its users are elsewhere`,
    );
    const begun = await recordBegun(ctx, state);
    isUntouched = false;
    const guard = guarded(ctx.writer, () => reachedRole(ctx, state, { role, revision: onRole }));
    // The groups of a log do not nest.
    const inGroup: OperationContext['phase'] = (_name, work) => work();
    const record: RoleRecord = {
      ...backup.record,
      ...{ revision: revision.number, contentHash: revision.contentHash },
    };
    const from = otherRole(state.roleNames, role);
    await restoreRole(
      { ...ctx, writer: guard.writer, phase: inGroup },
      {
        state: { ...begun, roles: { ...begun.roles, [role]: record } },
        revision: { ...onRole, secrets: [], applyAfterSwitch: autoscalersOf(onRole, previous) },
        ...{ role, secrets, from, active: from, liveBefore: [] },
        checks: request.checks,
        waitOptions: request.waitOptions,
      },
    );
    return completeBackup(begun, { role, record });
  } catch (error) {
    throw new BackupFailed(error, role, isUntouched ? before : undefined);
  }
}

/** On record before the first write: from then on, nobody knows what the role runs until this is done. */
async function recordBegun(
  ctx: OperationContext,
  state: InProgress<BlueGreenState>,
): Promise<InProgress<BlueGreenState>> {
  const { operation } = state;
  if (operation.kind !== 'finish' || operation.backup) return state;
  const { leftRole = '' } = operation;
  // What was applied last is no proof of anything then.
  const { applied: _applied, ...record } = state.roles[leftRole] ?? { podLabels: [], deployments: [] };
  const begun = {
    ...state,
    roles: { ...state.roles, [leftRole]: record },
    operation: { ...operation, backup: true as const },
  };
  await ctx.records.writeState(begun);
  return begun;
}

/** Every autoscaler of the role: without users, it would scale the backup down. */
function autoscalersOf(onRole: Revision, previous: Revision | undefined): Revision['applyAfterSwitch'] {
  const all = [...onRole.applyAfterSwitch, ...(previous?.applyAfterSwitch ?? [])];
  return [...new Map(all.map(object => [refKey(refOf(object)), object])).values()];
}
