import { refOf, type KubeObject } from '../../kubernetes/object.js';
import type { PlannedChange } from '../../plan/change.js';
import { imageChanges, previewed, replacedWorkloads, type PreviewedObject } from '../../plan/preview.js';
import type { RunContext } from '../../run/context.js';
import { outcomeBase, type Outcome } from '../outcome/outcome.js';
import type { PlannedDeploy, PlanNote } from '../outcome/plan-note.js';
import { leftNote, namespaceToCreate, planOutcome, unfinishedNote } from '../shared/plan-outcome.js';
import type { LeavePlan } from './leave-roles/leave-plan.js';
import { planLeave } from './leave-roles/plan-leave.js';
import { dryRunRolling, isUnchanged } from './deploy.js';
import type { RollingDeploy } from './rolling-deploy.js';

/** What a rolling deploy of these manifests would do now. Writes nothing, and takes no lock. */
export async function planRolling(ctx: RunContext, deploy: RollingDeploy): Promise<Outcome> {
  const { inputs, state, leaves } = deploy;
  const { planned, refusals, left } = await dryRunRolling(ctx, deploy);
  const leave = leaves && (await planLeave(ctx, { state: leaves, planned, isPlan: true }));
  const isSame = leave === undefined && isUnchanged(planned, state);
  const unchanged = isSame && refusals.length === 0;
  const revision = state.latest + 1;
  const { current } = state;
  const notes: readonly PlanNote[] = isSame
    ? [unchanged ? { kind: 'unchanged', revision: current ?? 0 } : { kind: 'refused' }]
    : [{ kind: 'to-deploy', revision }, ...(leave === undefined ? replacements(planned) : [noteOf(leave)])];
  const preview: PlannedDeploy = {
    revision,
    notes: [...notes, ...leftNote(leave?.left ?? left), ...unfinishedNote(leaves ?? state)],
    objects: [
      ...(await namespaceToCreate(ctx, { planned, createNamespace: inputs.createNamespace })),
      ...previewed(planned, 'deploy'),
      ...[...(leave?.ofIdle ?? []), ...(leave?.ofActive ?? [])].map(deleted),
    ],
    images: imageChanges(planned, new Map()),
    users: [],
  };
  const serving = { kind: 'planned', ...(current !== undefined && { current }) } as const;
  return planOutcome({ base: { ...outcomeBase(ctx, 'rolling'), serving }, preview, unchanged, refusals });
}

function replacements(planned: readonly PlannedChange[]): readonly PlanNote[] {
  const notes = [...replacedWorkloads(planned)].map(([how, workloads]): PlanNote => ({
    kind: 'pods-to-replace',
    how,
    workloads,
  }));
  return notes.length > 0 ? notes : [{ kind: 'pods-to-replace', how: 'few', workloads: [] }];
}

function noteOf({ state, active }: LeavePlan): PlanNote {
  return { kind: 'to-leave-roles', services: state.publicServices, active, roles: state.roleNames };
}

function deleted(object: KubeObject): PreviewedObject {
  return { ref: refOf(object), when: 'deploy', change: 'deleted', fields: [] };
}
