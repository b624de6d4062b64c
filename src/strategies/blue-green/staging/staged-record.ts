import { refKey, refOf } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import { authorOf, imagesOf, withoutSecrets, type Revision } from '../../../release/revision.js';
import type { ReleaseState, RoleRecord, StagedRecord } from '../../../release/state.js';
import type { ReadyWorkload } from '../../../rollout/observer.js';
import type { RunContext } from '../../../run/context.js';
import { changesSinceVerified } from '../../../traffic/active-role.js';
import type { Staging } from './staging.js';

/** What is recorded of a revision that is about to be staged. */
export function revisionOf(ctx: RunContext, staging: Staging, before: readonly Snapshot[]): Revision {
  const { deploy, role, planned, applyAfterSwitch, deleteAfterSwitch } = staging;
  const { inputs, state, resources, contentHash } = deploy;
  const objects = planned.map(({ resource }) => resource.object);
  const sharedObjects = new Set(resources.shared.map(({ object }) => object));
  const own = withoutSecrets(objects.filter(object => !sharedObjects.has(object)));
  const publicService = resources.publicService[role]?.object;
  return {
    ...own,
    ...authorOf(ctx.run),
    number: state.latest + 1,
    strategy: 'blue-green',
    role,
    shared: withoutSecrets([...sharedObjects]).objects,
    applyAfterSwitch,
    deleteAfterSwitch,
    before,
    checks: inputs.verify,
    force: inputs.forceConflicts,
    contentHash,
    images: imagesOf(own.objects),
    at: new Date().toISOString(),
    ...(publicService !== undefined && { publicService }),
  };
}

/** What was staged, and on what. */
export interface StagedRevision {
  readonly staging: Staging;
  readonly ready: readonly ReadyWorkload[];
  /** Number of the revision. */
  readonly number: number;
  /** The role before anything was staged on it; `undefined` when it had never been used. */
  readonly previous: RoleRecord | undefined;
}

/** The state once a revision is staged: what was verified, and what the role was before. Not yet written. */
export function withStagedRecord(state: ReleaseState, stagedRevision: StagedRevision): ReleaseState {
  const { staging, ready, number, previous } = stagedRevision;
  const { role, records, deploy } = staging;
  const rendered = records[role] ?? { podLabels: {}, deployments: [] };
  return {
    ...state,
    roles: { ...state.roles, [role]: { ...rendered, revision: number, contentHash: deploy.contentHash } },
    staged: {
      revision: number,
      role,
      workloads: ready
        .filter(({ ref }) => ref.kind === 'Deployment')
        .map(({ ref, uid, generation, templateHash }) => ({ ref, uid, generation, templateHash: templateHash ?? '' })),
      ...(previous !== undefined && { previous }),
    },
  };
}

/** The state once a role is restored to what it was before staging: nothing is staged, and the role runs its earlier revision. */
export function withoutStagedRecord(state: ReleaseState, role: string): ReleaseState {
  const { staged, roles, ...rest } = state;
  const { [role]: current, ...others } = roles ?? {};
  if (staged !== undefined && staged.role !== role) return state;
  const { revision, contentHash, ...labels } = current ?? { podLabels: {}, deployments: [] };
  // Without a staged revision on record, the role's entry was not yet changed.
  const unchanged = {
    ...labels,
    ...(revision !== undefined && { revision }),
    ...(contentHash !== undefined && { contentHash }),
  };
  const before = staged === undefined ? unchanged : (staged.previous ?? labels);
  return { ...rest, roles: { ...others, [role]: before } };
}

/** Whether the staged workloads still are those that were verified; a dry run returns the generation that is live. */
export function isAsVerified(staging: Staging, staged: StagedRecord | undefined): boolean {
  const live = new Map(staging.planned.map(({ resource, after }) => [refKey(refOf(resource.object)), after]));
  return (staged?.workloads ?? []).every(
    verified => changesSinceVerified(verified, live.get(refKey(verified.ref))).length === 0,
  );
}
