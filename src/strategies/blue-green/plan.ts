import { dryRunAll } from '../../cluster/apply/dry-run-all.js';
import { refKey, refOf } from '../../kubernetes/object.js';
import { imageChanges, previewed, type PreviewedObject } from '../../plan/preview.js';
import type { BlueGreenState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import { outcomeBase, type Outcome } from '../outcome/outcome.js';
import type { PlannedDeploy, PlanNote } from '../outcome/plan-note.js';
import { appliedTo } from '../shared/applied.js';
import { leftNote, namespaceToCreate, planOutcome, unfinishedNote } from '../shared/plan-outcome.js';
import { planAdoption } from './adoption/plan-adoption.js';
import { endedBackup } from './backup/ended-backup.js';
import { planClosing } from './closing/plan-closing.js';
import { decideStaging } from './staging/staging-decision.js';
import { stagingOutcome, usersBefore } from './staging/staging-outcome.js';
import type { BlueGreenDeploy, Staging } from './staging/staging.js';

/**
 * What a blue/green deploy of these manifests would do now, and its switch. Writes nothing, and takes no lock. `render` renders
 * the manifests as the revision after a state: an adoption takes a number first.
 */
export async function planBlueGreen(
  ctx: RunContext,
  deploy: BlueGreenDeploy,
  render: (state: BlueGreenState) => Promise<Pick<BlueGreenDeploy, 'resources' | 'contentHash'>>,
): Promise<Outcome> {
  const { state, inputs } = deploy;
  const adoption = await planAdoption(ctx, deploy);
  const latest = state.latest + (adoption?.revisions ?? 0);
  const revision = latest + 1;
  const { resources, contentHash } = latest === state.latest ? deploy : await render({ ...state, latest });
  const decision = await decideStaging(
    ctx,
    { ...deploy, resources, contentHash },
    { isPlan: true, ...(adoption !== undefined && { adoption: adoption.adopted }) },
  );
  const { refusals } = decision;
  const stagedRole = state.staged === undefined ? {} : { stagedRole: state.staged.role };
  if (decision.kind === 'serving') {
    const { role, planned, left } = decision;
    const notes: readonly PlanNote[] = [
      refusals.length === 0 ? { kind: 'active-unchanged', role } : { kind: 'refused' },
      ...leftNote(left),
    ];
    const preview = { revision, notes, objects: previewed(planned, 'deploy'), images: [], users: [] };
    const serving = { kind: 'staging', users: { kind: 'role', role }, result: { kind: 'none' } } as const;
    const base = { ...outcomeBase(ctx, 'blue-green'), activeRole: role, ...stagedRole, serving };
    return planOutcome({ base, preview, unchanged: true, refusals });
  }
  const { staging, isStaged: isSame } = decision;
  const { planned, staleObjects, plannedAfterSwitch, role } = staging;
  if (plannedAfterSwitch.length > 0) {
    ctx.log.info('At the switch, later:');
    ctx.logPlan(plannedAfterSwitch);
  }
  const unchanged = isSame && refusals.length === 0;
  const namespace = await namespaceToCreate(ctx, { planned, createNamespace: inputs.createNamespace });
  const notes: readonly PlanNote[] = isSame
    ? [unchanged ? { kind: 'staged-before', revision: state.staged?.revision ?? 0, role } : { kind: 'refused' }]
    : [...(adoption?.notes ?? []), ...stagingNotes(staging, revision), ...(await planClosing(ctx, staging))];
  const preview: PlannedDeploy = {
    revision,
    ...(!isSame && { role }),
    notes: [...notes, ...leftNote(staging.left), ...unfinishedNote(state)],
    objects: [
      ...namespace,
      ...(adoption?.objects ?? []),
      ...previewed(planned, 'deploy'),
      ...staleObjects.map(deleted),
      ...atSwitch(staging),
    ],
    images: imageChanges(planned, staging.counterparts),
    users: isSame ? [] : await changesForUsers(ctx, staging),
  };
  const { release, strategy, namespace: releaseNamespace, activeRole, idleRole } = stagingOutcome(ctx, staging);
  const base = {
    release,
    namespace: releaseNamespace,
    strategy,
    ...(activeRole !== undefined && { activeRole }),
    idleRole,
    ...stagedRole,
    serving: { kind: 'staging', users: usersBefore(staging), result: { kind: 'none' } },
  } as const;
  return planOutcome({ base, preview, unchanged, refusals });
}

/**
 * What users would notice: the objects of the active role, as a dry run of these manifests would change them. The idle role's
 * own objects are mostly new, or were changed long ago, so comparing with them would not show it.
 */
async function changesForUsers(
  ctx: RunContext,
  { deploy, active, adoption }: Staging,
): Promise<readonly PreviewedObject[]> {
  // The objects of a role that is adopted first do not exist yet.
  if (active.kind === 'none' || adoption !== undefined) return [];
  const { inputs, resources, state } = deploy;
  const own = resources.of[active.role] ?? [];
  const { planned } = await dryRunAll({
    cluster: ctx.cluster,
    resources: own,
    force: inputs.forceConflicts,
    applied: appliedTo(state, active.role),
    recent: ctx.recentApplies,
  });
  return previewed(planned, 'switch').filter(({ change }) => change !== 'unchanged');
}

function stagingNotes({ deploy, active, role }: Staging, revision: number): readonly PlanNote[] {
  const { inputs, state, resources } = deploy;
  const { staged } = state;
  const services = (resources.publicServices[role] ?? []).map(({ object }) => refOf(object));
  const by = inputs.switch === 'auto' ? ('deploy' as const) : ('promote' as const);
  const toReplace: readonly PlanNote[] =
    staged === undefined ? [] : [{ kind: 'to-replace-staged', revision: staged.revision, role: staged.role }];
  return [
    { kind: 'to-stage', revision, role },
    ...toReplace,
    ...endedBackup(state, role),
    {
      kind: 'to-switch',
      services,
      ...(active.kind === 'role' && { from: active.role }),
      to: role,
      by,
    },
    ...(inputs.idlePolicy.policy === 'hot-backup' && active.kind === 'role'
      ? [{ kind: 'to-back-up', role: active.role, revision, drainMs: inputs.drainMs, by } as const]
      : []),
  ];
}

function deleted(object: Staging['staleObjects'][number]): PreviewedObject {
  return { ref: refOf(object), when: 'deploy', change: 'deleted', fields: [] };
}

/** What staging deletes first is created again by the switch. */
function atSwitch({ plannedAfterSwitch, staleObjects, deleteAfterSwitch }: Staging): readonly PreviewedObject[] {
  const staleKeys = new Set(staleObjects.map(object => refKey(refOf(object))));
  const applied = previewed(plannedAfterSwitch, 'switch').map((one): PreviewedObject =>
    staleKeys.has(refKey(one.ref)) ? { ...one, change: 'created', fields: [] } : one,
  );
  const removed = deleteAfterSwitch.map(({ ref }): PreviewedObject => ({
    ref,
    when: 'switch',
    change: 'deleted',
    fields: [],
  }));
  return [...applied, ...removed];
}
