import { refKey, refOf } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import { authorOf, imagesOf, withoutSecrets, type Revision } from '../../../release/revision.js';
import type { ReleaseState, RoleRecord, StagedRecord } from '../../../release/state.js';
import type { ReadyWorkload } from '../../../rollout/observer.js';
import { changesSinceVerified } from '../../../traffic/active-role.js';
import type { Staging } from './staging.js';
import type { RunContext } from '../../../run/context.js';

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

/** The state once a revision is staged: what was verified, and what the role had been before. Not yet written. */
export function withStagedRecord(
  state: ReleaseState,
  wanted: {
    readonly staging: Staging;
    readonly ready: readonly ReadyWorkload[];
    readonly number: number;
    readonly previous: RoleRecord | undefined;
  },
): ReleaseState {
  const { staging, ready, number, previous } = wanted;
  const { role, records, deploy } = staging;
  const known = records[role] ?? { podLabels: {}, deployments: [] };
  return {
    ...state,
    roles: { ...state.roles, [role]: { ...known, revision: number, contentHash: deploy.contentHash } },
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

/** Whether the staged workloads still are those that were verified; a dry run tells the generation that is live. */
export function isAsVerified(staging: Staging, staged: StagedRecord | undefined): boolean {
  const live = new Map(staging.planned.map(({ resource, after }) => [refKey(refOf(resource.object)), after]));
  return (staged?.workloads ?? []).every(
    verified => changesSinceVerified(verified, live.get(refKey(verified.ref))).length === 0,
  );
}
