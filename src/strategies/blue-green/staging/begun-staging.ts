import { refOf } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import { authorOf, imagesOf, withoutSecrets, type Revision } from '../../../release/revision.js';
import { own } from '../../../own.js';
import type { BlueGreenState, RoleRecord } from '../../../release/state.js';
import { begin, type InProgress } from '../../../release/transitions.js';
import { begunBy } from '../../../run/begun.js';
import type { RunContext } from '../../../run/context.js';
import { checksToRecord } from '../../../verify/recorded-checks.js';
import { requireOwnedSnapshots } from '../../recorded/owned-objects.js';
import { earliest, recordable, snapshotsOf } from '../../shared/snapshots.js';
import { backupOf } from '../backup/backup-of.js';
import { discardable } from '../operation/discard.js';
import type { Staging } from './staging.js';

/** A staging as it is recorded before its first write, and what a failure restores. */
export interface BegunStaging {
  readonly revision: Revision;
  /** The state with the staging in progress. */
  readonly state: InProgress<BlueGreenState>;
  /** What a failure of this step restores. */
  readonly snapshots: readonly Snapshot[];
  /** The role before anything was staged on it; `undefined` when it had never been used. */
  readonly previous: RoleRecord | undefined;
}

/** Decides what is recorded of a staging before its first write. Only reads. */
export async function beginStaging(ctx: RunContext, staging: Staging): Promise<BegunStaging> {
  const { deploy, role, planned, staleObjects, records } = staging;
  const { state } = deploy;
  const found: readonly Snapshot[] = [
    ...snapshotsOf(planned),
    ...staleObjects.map(object => ({ ref: refOf(object), object })),
  ];
  const { operation, staged } = state;
  // An interrupted staging left its own changes, so its snapshots are restored, not what is live now.
  const interrupted = operation?.kind === 'stage' && operation.role === role ? operation.revision : undefined;
  const snapshots =
    interrupted === undefined
      ? found
      : earliest(await requireOwnedSnapshots(ctx, (await ctx.records.readRevision(interrupted)).before), found);
  const earlier = discardable(state);
  const first = earlier?.role === role ? await ctx.records.readRevision(earlier.revision) : undefined;
  const beforeStaging = first && earliest(first.beforeStaging ?? first.before, snapshots);
  const revision = revisionOf(ctx, staging, {
    before: recordable(snapshots),
    ...(beforeStaging !== undefined && { beforeStaging: recordable(beforeStaging) }),
  });
  return {
    revision,
    state: begin(
      { ...state, roles: { ...records, ...state.roles } },
      { kind: 'stage', revision: revision.number, role, ...begunBy(ctx) },
    ),
    snapshots,
    previous: staged?.role === role ? staged.previous : state.roles[role],
  };
}

/** What is recorded of a revision that is about to be staged. */
export function revisionOf(
  ctx: RunContext,
  staging: Staging,
  snapshots: Pick<Revision, 'before' | 'beforeStaging'>,
): Revision {
  const { deploy, role, planned, applyAfterSwitch, deleteAfterSwitch } = staging;
  const { inputs, state, resources, contentHash } = deploy;
  const objects = planned.map(({ resource }) => resource.object);
  const sharedObjects = new Set(resources.shared.map(({ object }) => object));
  const ofRole = withoutSecrets(objects.filter(object => !sharedObjects.has(object)));
  const backup = backupOf(staging);
  const publicServices = (own(resources.publicServices, role) ?? []).map(({ object }) => object);
  return {
    ...ofRole,
    ...authorOf(ctx.run),
    number: state.latest + 1,
    strategy: 'blue-green',
    role,
    publicServices,
    shared: withoutSecrets([...sharedObjects]).objects,
    applyAfterSwitch,
    deleteAfterSwitch,
    ...snapshots,
    ...(backup !== undefined && { backup }),
    checks: checksToRecord(inputs.verify),
    force: inputs.forceConflicts,
    contentHash,
    images: imagesOf(ofRole.objects),
    at: new Date().toISOString(),
  };
}
