import { requirePlan, dryRunAll } from '../../cluster/apply/dry-run-all.js';
import { CutoverError } from '../../errors.js';
import type { DeployRolling, Rollback } from '../../inputs/inputs.js';
import type { KubeObject } from '../../kubernetes/object.js';
import type { Resource } from '../../manifests/resource.js';
import type { PlannedChange, Snapshot } from '../../plan/change.js';
import type { LintContext } from '../../plan/lint/finding.js';
import { previousRevision } from '../../release/records.js';
import { authorOf, imagesOf, withoutSecrets, type RecordedApproval, type Revision } from '../../release/revision.js';
import type { ReleaseState } from '../../release/state.js';
import { merged, recordable, snapshotsOf } from '../shared/bring-up.js';
import { besideImageCheck } from '../shared/image-check.js';
import { confirmUnchanged, rollOut, type Rollout } from './rollout.js';
import { lint } from '../shared/lint.js';
import { ensureNamespace } from '../shared/namespace.js';
import { logPlan } from '../shared/log-plan.js';
import type { Outcome } from '../shared/outcome.js';
import { isRolledBack, rolledBackAlready, recordedResource, warnOfSecrets } from '../shared/recorded-objects.js';
import { throwAny } from '../shared/refusals.js';
import { underLock, type RunContext } from '../../run/context.js';

/** What a rolling deploy starts from. */
export interface RollingDeploy {
  readonly inputs: DeployRolling;
  readonly state: ReleaseState;
  /** Rendered for revision `state.latest + 1`. */
  readonly resources: readonly Resource[];
  readonly contentHash: string;
}

/**
 * The rolling strategy: Kubernetes replaces the pods in place, a few at a time. Plan, apply, wait, verify; on failure
 * everything goes back to what it was.
 */
export async function deployRolling(ctx: RunContext, deploy: RollingDeploy): Promise<Outcome> {
  const { inputs, state, contentHash } = deploy;
  const { planned, refusals } = await surveyRolling(ctx, deploy);
  throwAny(refusals);
  const rendered: readonly KubeObject[] = planned.map(({ resource }) => resource.object);
  const snapshots = merged(await unfinishedBefore(ctx, state), snapshotsOf(planned));
  const revision: Revision = {
    ...withoutSecrets(rendered),
    ...authorOf(ctx.run),
    number: state.latest + 1,
    strategy: 'rolling',
    shared: [],
    applyAfterSwitch: [],
    before: recordable(snapshots),
    checks: inputs.verify,
    force: inputs.forceConflicts,
    contentHash,
    images: imagesOf(rendered),
    at: new Date().toISOString(),
  };
  const rollout: Rollout = {
    ...inputs,
    state,
    revision,
    planned,
    snapshots,
    waitOptions: inputs,
    checks: inputs.verify,
    force: inputs.forceConflicts,
    outcome: 'deployed',
  };
  if (state.current !== undefined && nothingToDo(planned, state)) return confirmUnchanged(ctx, rollout, state.current);
  await ensureNamespace(ctx, { planned, createNamespace: inputs.createNamespace });
  return underLock(ctx, state, locked => rollOut(locked, rollout));
}

/** Asks by dry run what a deploy would do, and for every reason not to do it. Writes nothing. */
export async function surveyRolling(
  ctx: RunContext,
  { inputs, resources }: RollingDeploy,
): Promise<{ readonly planned: readonly PlannedChange[]; readonly refusals: readonly CutoverError[] }> {
  const { recreate, forceConflicts: force } = inputs;
  const comingNamespaces = inputs.createNamespace ? [ctx.records.namespace] : [];
  return ctx.phase('Plan', async () => {
    const { survey: surveyed, missing } = await besideImageCheck(ctx, { check: inputs.imageCheck, resources }, () =>
      dryRunAll({ cluster: ctx.cluster, resources, force, comingNamespaces, recreate }),
    );
    const { planned, rejection: refusal } = surveyed;
    logPlan(ctx.log, planned);
    const context: LintContext = { strategy: 'rolling', resources, planned, idle: new Set(), active: [] };
    const found = lint(ctx, inputs.lint, context);
    return { planned, refusals: [refusal, missing, found].filter(error => error !== undefined) };
  });
}

/** Whether the current revision is what these manifests say, to the letter. */
export function nothingToDo(planned: readonly PlannedChange[], { current, operation }: ReleaseState): boolean {
  return current !== undefined && operation === undefined && planned.every(({ change }) => change === 'unchanged');
}

/** Re-applies an earlier revision exactly as it was recorded, ConfigMaps included. */
export async function rollBackRolling(
  ctx: RunContext,
  rollback: {
    readonly inputs: Rollback;
    readonly state: ReleaseState;
    readonly approve?: () => Promise<RecordedApproval>;
  },
): Promise<Outcome> {
  const { inputs, state, approve } = rollback;
  if (inputs.revision === undefined && isRolledBack(state)) return rolledBackAlready(ctx, state);
  const target = inputs.revision ?? previousRevision(state);
  if (target === undefined) {
    throw new CutoverError(`Release ${state.release} has no earlier revision to go back to`, {
      code: 'no-revision',
      hint: 'Run `action: status` to see its history; deploy the version that you want instead.',
    });
  }
  const approval = approve && (await ctx.phase('Confirm', approve));
  return underLock(ctx, state, async locked => {
    const recorded = await locked.records.readRevision(target);
    await warnOfSecrets(locked, recorded);
    // A Job of back then has done its work; run again, an old migration would undo a newer one.
    const objects = recorded.objects.filter(({ kind }) => kind !== 'Job');
    const resources = objects.map(object => recordedResource(object, recorded.number));
    const planned = await plan(locked, { resources, force: recorded.force });
    const snapshots = merged(await unfinishedBefore(locked, state), snapshotsOf(planned));
    const revision = {
      ...recorded,
      before: recordable(snapshots),
      ...(approval !== undefined && { approval }),
    };
    const checks = inputs.verify ?? recorded.checks;
    return rollOut(locked, {
      ...inputs,
      state,
      revision,
      planned,
      snapshots,
      waitOptions: inputs,
      checks,
      force: recorded.force,
      outcome: 'rolled-back',
    });
  });
}

/**
 * What an unfinished deploy had found before its first write: the state to go back to, since what is there now may be its
 * half-done work.
 */
async function unfinishedBefore(ctx: RunContext, { operation }: ReleaseState): Promise<readonly Snapshot[]> {
  if (operation?.kind !== 'deploy') return [];
  return (await ctx.records.readRevision(operation.revision)).before;
}

async function plan(
  ctx: RunContext,
  wanted: {
    readonly resources: readonly Resource[];
    readonly force: boolean;
  },
): Promise<readonly PlannedChange[]> {
  return ctx.phase('Plan', async () => {
    const planned = await requirePlan({ cluster: ctx.cluster, ...wanted });
    logPlan(ctx.log, planned);
    return planned;
  });
}
