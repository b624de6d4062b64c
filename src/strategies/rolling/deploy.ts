import { dryRunAll } from '../../cluster/apply/dry-run-all.js';
import type { CutoverError } from '../../errors.js';
import { refOf } from '../../kubernetes/object.js';
import type { PlannedChange, Snapshot } from '../../plan/change.js';
import type { LintContext } from '../../plan/lint/rule.js';
import { authorOf, imagesOf, sizeRefusal, withoutSecrets, type Revision } from '../../release/revision.js';
import type { FormerObject, ReleaseState, RollingState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import { underLock } from '../../run/under-lock.js';
import { checksToRecord } from '../../verify/recorded-checks.js';
import { requireOwnedSnapshots } from '../recorded/owned-objects.js';
import { besideImageCheck } from '../shared/dry-run-with-images.js';
import { lint } from '../shared/report-findings.js';
import { portRefusal, servingService } from '../shared/checks.js';
import { ensureNamespace } from '../shared/namespace.js';
import type { Outcome } from '../outcome/outcome.js';
import { throwAny } from '../shared/refusals.js';
import { earliest, recordable, snapshotsOf } from '../shared/snapshots.js';
import { leaveRoles, resumeLeaving } from './leave-roles/leave.js';
import { adoptedOf, planLeave, sizedAsLive } from './leave-roles/plan-leave.js';
import { leftByRollout } from './left-by-rollout.js';
import { lostServicesError } from './refuse-lost-services.js';
import type { RollingDeploy } from './rolling-deploy.js';
import { confirmUnchanged, rollOut, type Rollout } from './rollout.js';

/**
 * The rolling strategy: Kubernetes replaces the pods in place, a few at a time. Plan, apply, wait, verify; on failure
 * everything is restored. `read` reads the record and renders the revision after it again, for example when another run held the
 * lock in the meantime.
 */
export async function deployRolling(
  ctx: RunContext,
  first: RollingDeploy,
  read: () => Promise<RollingDeploy>,
): Promise<Outcome> {
  let deploy = first;
  if (deploy.leaves?.operation?.kind === 'leave' && deploy.leaves.operation.verified) {
    await resumeLeaving(ctx, deploy.inputs);
    deploy = await read();
  }
  const rollout = await planRollout(ctx, deploy);
  if (rollout.leave === undefined && isUnchanged(rollout.planned, deploy.state)) return confirmUnchanged(ctx, rollout);
  const { createNamespace, lockTimeoutMs } = deploy.inputs;
  await ensureNamespace(ctx, { planned: rollout.planned, createNamespace });
  return underLock(ctx, lockTimeoutMs, async locked => {
    const now = locked.waited ? await planRollout(locked, await read()) : rollout;
    if (now.leave !== undefined) return leaveRoles(locked, { rollout: now, plan: now.leave });
    return isUnchanged(now.planned, now.state) ? confirmUnchanged(locked, now) : rollOut(locked, now);
  });
}

async function planRollout(ctx: RunContext, deploy: RollingDeploy): Promise<Rollout> {
  const { inputs, state, leaves } = deploy;
  const { planned, refusals, left } = await dryRunRolling(ctx, deploy);
  throwAny(refusals);
  const leave = leaves && (await planLeave(ctx, { state: leaves, planned }));
  const ofIdle = (leave?.ofIdle ?? []).map((object): Snapshot => ({ ref: refOf(object), object }));
  const found = [...snapshotsOf(planned), ...ofIdle];
  const snapshots = earliest(await interruptedSnapshots(ctx, leaves ?? state), found);
  return {
    kind: 'deploy',
    state,
    revision: revisionOf(ctx, { deploy, planned, snapshots }),
    planned,
    snapshots,
    waitOptions: { timeoutMs: inputs.timeoutMs, stableForMs: inputs.stableForMs },
    checks: inputs.verify,
    force: inputs.forceConflicts,
    rollbackOnFailure: inputs.rollbackOnFailure,
    historyLimit: inputs.historyLimit,
    left: leave?.left ?? left,
    ...(leave !== undefined && { leave }),
  };
}

/** What is recorded of a revision that is about to be deployed. */
function revisionOf(
  ctx: RunContext,
  request: {
    readonly deploy: RollingDeploy;
    readonly planned: readonly PlannedChange[];
    readonly snapshots: readonly Snapshot[];
  },
): Revision {
  const { deploy, snapshots } = request;
  const { inputs, state, contentHash } = deploy;
  const rendered = request.planned.map(({ resource }) => resource.object);
  return {
    ...withoutSecrets(rendered),
    ...authorOf(ctx.run),
    number: state.latest + 1,
    strategy: 'rolling',
    ...(inputs.services?.[0] !== undefined && { service: inputs.services[0] }),
    publicServices: [],
    shared: [],
    applyAfterSwitch: [],
    before: recordable(snapshots),
    checks: checksToRecord(inputs.verify),
    force: inputs.forceConflicts,
    contentHash,
    images: imagesOf(rendered),
    at: new Date().toISOString(),
  };
}

/** What a deploy would change, why it must not be made, and what it would leave of earlier revisions. */
interface DryRunOfDeploy {
  readonly planned: readonly PlannedChange[];
  readonly refusals: readonly CutoverError[];
  readonly left: readonly FormerObject[];
}

/** Finds out by dry run what a deploy would change, and every reason not to do it. Writes nothing. */
export async function dryRunRolling(ctx: RunContext, deploy: RollingDeploy): Promise<DryRunOfDeploy> {
  const { inputs, leaves } = deploy;
  const { recreate, forceConflicts: force } = inputs;
  const resources = await sizedAsLive(ctx, deploy);
  const replaced = leaves === undefined ? [] : await adoptedOf(ctx, leaves, resources);
  const comingNamespaces = inputs.createNamespace ? [ctx.records.namespace] : [];
  return ctx.phase('Plan', async () => {
    const { dryRun, missing } = await besideImageCheck(ctx, { check: inputs.imageCheck, resources }, () =>
      dryRunAll({
        cluster: ctx.cluster,
        resources: resources.filter(one => !replaced.some(({ resource }) => resource === one)),
        force,
        comingNamespaces,
        recreate,
        applied: deploy.state.applied,
        recent: ctx.recentApplies,
      }),
    );
    const { rejection } = dryRun;
    const planned = [...dryRun.planned, ...replaced];
    ctx.logPlan(planned);
    const context: LintContext = {
      strategy: 'rolling',
      resources,
      planned,
      idle: new Set(),
      active: [],
      publicServices: [],
    };
    const found = lint(ctx, inputs.lint, context);
    const lost = await lostServicesError(ctx, planned);
    // Of a release that leaves its roles, the plan for that says it.
    const left = leaves === undefined ? await leftByRollout(ctx, deploy.state, resources) : [];
    const workloads = resources.map(({ object }) => object);
    const service = servingService(workloads, inputs.services?.[0]);
    const unchecked = portRefusal(ctx, { checks: inputs.verify, service, workloads });
    // An unchanged deploy writes no record.
    const tooBig = isUnchanged(planned, deploy.state)
      ? undefined
      : sizeRefusal(revisionOf(ctx, { deploy, planned, snapshots: snapshotsOf(planned) }), ctx.records);
    const refusals = [rejection, missing, found, lost, unchecked, tooBig].filter(error => error !== undefined);
    return { planned, left, refusals };
  });
}

/** Whether the current revision already has these manifests. */
export function isUnchanged(planned: readonly PlannedChange[], { current, operation }: RollingState): boolean {
  return current !== undefined && operation === undefined && planned.every(({ change }) => change === 'unchanged');
}

/**
 * What an interrupted deploy had found before its first write. That is the state to restore: what is live now may be its
 * half-done work.
 */
export async function interruptedSnapshots(
  ctx: RunContext,
  { operation }: Pick<ReleaseState, 'operation'>,
): Promise<readonly Snapshot[]> {
  if (operation === undefined) return [];
  return requireOwnedSnapshots(ctx, (await ctx.records.readRevision(operation.revision)).before);
}
