import { dryRunAll } from '../cluster/apply/dry-run-all.js';
import { describeRef, refKey, refOf } from '../kubernetes/object.js';
import type { PlannedChange } from '../plan/change.js';
import { describeFieldChange } from '../plan/diff.js';
import { imageChanges, previewed, replacedWorkloads, type Preview, type PreviewedObject } from '../plan/preview.js';
import type { ReleaseState } from '../release/state.js';
import { comingNamespace } from './shared/namespace.js';
import { logPlan } from './shared/log-plan.js';
import { FailedStep, type Outcome } from './shared/outcome.js';
import { combined } from './shared/refusals.js';
import { nothingToDo, surveyRolling, type RollingDeploy } from './rolling/deploy.js';
import { facts, servingNow } from './blue-green/staging/stage.js';
import { decideStaging, isStagedAlready } from './blue-green/staging/staging-decision.js';
import type { BlueGreenDeploy, Staging } from './blue-green/staging/staging.js';
import type { RunContext } from '../run/context.js';

type Known = Omit<Outcome, 'outcome' | 'changes' | 'checks' | 'preview'>;

/** Tells what a rolling deploy of these manifests would do now. Writes nothing, and takes no lock. */
export async function planRolling(ctx: RunContext, deploy: RollingDeploy): Promise<Outcome> {
  const { inputs, state } = deploy;
  const { planned, refusals } = await surveyRolling(ctx, deploy);
  const unchanged = nothingToDo(planned, state);
  const revision = state.latest + 1;
  const rolling = replacedWorkloads(planned).map(describeRef);
  const story = unchanged
    ? [`Nothing would be changed: revision ${state.current ?? 0} is exactly these manifests.`]
    : [
        `Revision ${revision} would be deployed.`,
        rolling.length === 0
          ? 'No pod that runs now would be replaced.'
          : `Pods would be replaced, a few at a time: ${rolling.join(', ')}.`,
      ];
  const { current } = state;
  const serving =
    current === undefined ? 'No revision is deployed yet.' : `Revision ${current} serves users, as before.`;
  const preview: Preview = {
    revision,
    story: [...story, ...unfinished(state)],
    objects: [
      ...(await namespaceOf(ctx, { planned, createNamespace: inputs.createNamespace })),
      ...previewed(planned, 'deploy'),
    ],
    images: imageChanges(planned, new Map()),
    users: [],
  };
  return told(ctx, { known: { ...about(ctx, 'rolling'), serving }, preview, unchanged, refusals });
}

/** Tells what a blue/green deploy of these manifests would do now, and its switch. Writes nothing, and takes no lock. */
export async function planBlueGreen(ctx: RunContext, deploy: BlueGreenDeploy): Promise<Outcome> {
  const { state, inputs } = deploy;
  const decision = await decideStaging(ctx, deploy);
  const { refusals } = decision;
  const revision = state.latest + 1;
  if (decision.kind === 'serving') {
    const { role, planned } = decision;
    const story = [`Nothing would be changed: users are on ${role}, and it is exactly these manifests.`];
    const preview = { revision, story, objects: previewed(planned, 'deploy'), images: [], users: [] };
    const known = {
      ...about(ctx, 'blue-green'),
      activeRole: role,
      ...stagedOf(state),
      serving: `Users are on ${role}, as before.`,
    };
    return told(ctx, { known, preview, unchanged: true, refusals });
  }
  const { staging } = decision;
  const { planned, staleObjects, plannedAfterSwitch, role } = staging;
  if (plannedAfterSwitch.length > 0) {
    ctx.log.info('At the switch, later:');
    logPlan(ctx.log, plannedAfterSwitch);
  }
  const unchanged = isStagedAlready(staging);
  const namespace = await namespaceOf(ctx, { planned, createNamespace: inputs.createNamespace });
  const preview: Preview = {
    revision,
    ...(!unchanged && { role }),
    story: [
      ...(unchanged
        ? [`Nothing would be changed: revision ${state.staged?.revision ?? 0} is staged on ${role} already.`]
        : storyOf(staging)),
      ...unfinished(state),
    ],
    objects: [...namespace, ...previewed(planned, 'deploy'), ...staleObjects.map(removed), ...atSwitch(staging)],
    images: imageChanges(planned, staging.counterparts),
    users: unchanged ? [] : await comparedForUsers(ctx, staging),
  };
  const { changes: _changes, testUrl: _url, previousRevision: _previous, ...roles } = facts(ctx, staging);
  return told(ctx, {
    known: { ...roles, ...stagedOf(state), serving: servingNow(staging) },
    preview,
    unchanged,
    refusals,
  });
}

/**
 * What users would notice: the objects of the role that they are on, as a dry run of these manifests would change them. The
 * idle role's own objects are mostly new, or were changed long ago, and say nothing of that.
 */
async function comparedForUsers(ctx: RunContext, { deploy, active }: Staging): Promise<readonly PreviewedObject[]> {
  if (active.kind === 'none' || deploy.adoption !== undefined) return [];
  const { inputs, resources } = deploy;
  const own = resources.of[active.role] ?? [];
  const { planned } = await dryRunAll({ cluster: ctx.cluster, resources: own, force: inputs.forceConflicts });
  const changing = previewed(planned, 'switch').filter(({ change }) => change !== 'unchanged');
  if (changing.length > 0) ctx.log.info(`Compared with ${active.role}, where users are:`);
  for (const { ref, change, fields } of changing) {
    ctx.log.info(`${describeRef(ref)}: ${change === 'created' ? 'new' : 'other'}`);
    for (const field of fields) ctx.log.info(`  ${describeFieldChange(field)}`);
  }
  return changing;
}

/** Logs the plan, and ends the step: as failed where a deploy would be refused. */
function told(
  ctx: RunContext,
  end: {
    readonly known: Known;
    readonly preview: Preview;
    readonly unchanged: boolean;
    readonly refusals: Parameters<typeof combined>[0];
  },
): Outcome {
  const { preview, unchanged, refusals } = end;
  for (const line of preview.story) ctx.log.info(line);
  const known = {
    ...end.known,
    preview,
    changes: preview.objects.map(({ ref, change }) => ({ ref, change })),
    checks: [],
  };
  const error = combined(refusals);
  if (error !== undefined) throw new FailedStep(error, known);
  return { ...known, outcome: unchanged ? 'unchanged' : 'planned' };
}

function storyOf({ deploy, active, role }: Staging): readonly string[] {
  const { inputs, state, resources } = deploy;
  const { staged } = state;
  const service = resources.publicService[role];
  const name = service === undefined ? 'the public Service' : describeRef(refOf(service.object));
  const who = inputs.switch === 'auto' ? 'The same step would then' : '`promote` would later';
  const { adoption } = deploy;
  return [
    ...(adoption === undefined
      ? []
      : [
          `${name} would first be pinned to the pods that it selects now: ${describeRef(refOf(adoption.deployment))} serves on as ${adoption.role}, untouched.`,
        ]),
    `Revision ${state.latest + 1} would be staged on ${role}, where no user is.`,
    ...(staged === undefined
      ? []
      : [`It would take the place of revision ${staged.revision}, which is staged on ${staged.role}.`]),
    active.kind === 'none'
      ? `${who} make ${name} and let users in to ${role}.`
      : `${who} switch ${name} from ${active.role} to ${role}: all users would move at once.`,
  ];
}

/** What an earlier run began and did not finish decides what a deploy finds. */
function unfinished({ operation }: ReleaseState): readonly string[] {
  if (operation === undefined) return [];
  const { kind, revision, role, run } = operation;
  const where = role === undefined ? '' : ` (${role})`;
  const then =
    kind === 'switch'
      ? 'no deploy begins before `promote` or `rollback` has finished it'
      : 'the next deploy finishes it or starts from what it had found';
  return [`Unfinished: ${kind} of revision ${revision}${where}, begun by ${run}; ${then}.`];
}

async function namespaceOf(
  ctx: RunContext,
  deploy: { readonly planned: readonly PlannedChange[]; readonly createNamespace: boolean },
): Promise<readonly PreviewedObject[]> {
  const object = await comingNamespace(ctx, deploy);
  const listed = deploy.planned.some(({ resource }) => resource.object === object);
  return object === undefined || listed ? [] : [{ ref: refOf(object), when: 'deploy', change: 'created', fields: [] }];
}

function removed(object: Staging['staleObjects'][number]): PreviewedObject {
  return { ref: refOf(object), when: 'deploy', change: 'deleted', fields: [] };
}

/** What staging removes first is made again by the switch. */
function atSwitch({ plannedAfterSwitch, staleObjects, deleteAfterSwitch }: Staging): readonly PreviewedObject[] {
  const gone = new Set(staleObjects.map(object => refKey(refOf(object))));
  const moved = previewed(plannedAfterSwitch, 'switch').map((one): PreviewedObject =>
    gone.has(refKey(one.ref)) ? { ...one, change: 'created', fields: [] } : one,
  );
  const useless = deleteAfterSwitch.map(({ ref }): PreviewedObject => ({
    ref,
    when: 'switch',
    change: 'deleted',
    fields: [],
  }));
  return [...moved, ...useless];
}

function about(ctx: RunContext, strategy: Outcome['strategy']) {
  return { release: ctx.records.release, namespace: ctx.records.namespace, strategy };
}

function stagedOf({ staged }: ReleaseState) {
  return staged === undefined ? {} : { stagedRole: staged.role };
}
