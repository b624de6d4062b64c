import { refOf } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import type { Revision } from '../../../release/revision.js';
import type { ReleaseState, RoleRecord } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import { earliest, recordable, snapshotsOf } from '../../shared/snapshots.js';
import { revisionOf } from './staged-record.js';
import type { Staging } from './staging.js';

/** A staging as it is recorded before its first write, and what a failure restores. */
export interface BegunStaging {
  readonly revision: Revision;
  /** The state with the staging in progress. */
  readonly state: ReleaseState;
  /** What a failure of this step restores. */
  readonly snapshots: readonly Snapshot[];
  /** The public Service before an adoption narrowed its selector. Absent: nothing is adopted. */
  readonly previousService?: Snapshot;
  /** The role before anything was staged on it; `undefined` when it had never been used. */
  readonly previous: RoleRecord | undefined;
  /** Whether an earlier staging on this role was interrupted. */
  readonly isResumed: boolean;
}

/** Decides what is recorded of a staging before its first write. Only reads. */
export async function beginStaging(ctx: RunContext, staging: Staging): Promise<BegunStaging> {
  const { deploy, role, planned, staleObjects, records } = staging;
  const { inputs, state, adoption } = deploy;
  const { operation } = state;
  const earlier = state.staged?.role === role ? state.staged : undefined;
  const found: readonly Snapshot[] = [
    ...snapshotsOf(planned),
    ...staleObjects.map(object => ({ ref: refOf(object), object })),
  ];
  // An interrupted staging left its own changes, so its snapshots are restored, not what is live now.
  const interrupted = operation?.kind === 'stage' && operation.role === role ? operation : undefined;
  const snapshots = await withEarlier(ctx, interrupted?.revision, found);
  const before = await withEarlier(ctx, interrupted?.revision ?? earlier?.revision, found);
  const revision = revisionOf(ctx, staging, recordable(before));
  const previousService = adoption?.before ?? interrupted?.previousService;
  const begun: ReleaseState = {
    ...state,
    latest: revision.number,
    revisions: [...new Set([...state.revisions, revision.number])],
    roleNames: inputs.roles,
    roles: { ...records, ...state.roles },
    ...(revision.publicService !== undefined && { publicService: refOf(revision.publicService) }),
    operation: {
      kind: 'stage',
      revision: revision.number,
      role,
      run: ctx.run.url,
      ...(previousService !== undefined && { previousService }),
    },
  };
  return {
    revision,
    state: begun,
    snapshots,
    ...(previousService !== undefined && { previousService }),
    previous: earlier === undefined ? state.roles?.[role] : earlier.previous,
    isResumed: interrupted !== undefined,
  };
}

/** The snapshots, with those of an earlier revision in front. `revision` undefined: there is none. */
async function withEarlier(
  ctx: RunContext,
  revision: number | undefined,
  snapshots: readonly Snapshot[],
): Promise<readonly Snapshot[]> {
  if (revision === undefined) return snapshots;
  return earliest((await ctx.records.readRevision(revision)).before, snapshots);
}
