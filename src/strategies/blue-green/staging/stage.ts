import { CutoverError } from '../../../errors.js';
import { describeRef, refOf } from '../../../kubernetes/object.js';
import type { Snapshot } from '../../../plan/change.js';
import { recordFailure, withHistory } from '../../../release/records.js';
import { historyEntry } from '../../../release/revision.js';
import type { ReleaseState, StagedRecord } from '../../../release/state.js';
import type { ReadyWorkload } from '../../../rollout/observer.js';
import type { CheckResult } from '../../../verify/verify.js';
import { confirmActive } from './confirm-active.js';
import { revisionOfAdopted, withoutAdopted } from '../adoption/adoption.js';
import { bringUp, merged, recordable, snapshotsOf } from '../../shared/bring-up.js';
import { assertPassed, checksOf, endpointOf, runChecks, type CheckSubject } from '../../shared/checks.js';
import { ensureNamespace } from '../../shared/namespace.js';
import { changesOf, FailedStep, type Outcome } from '../../shared/outcome.js';
import { narrowSelector, restoreBeforeStaging } from '../adoption/pin.js';
import { throwAny } from '../../shared/refusals.js';
import { decideStaging, isStagedAlready } from './staging-decision.js';
import { refuseMovedUsers } from './staging-plan.js';
import type { BlueGreenDeploy, Staging } from './staging.js';
import { revisionOf, withStagedRecord } from './staged-revision.js';
import { underLock, type RunContext } from '../../../run/context.js';
import { withoutStagedRecord } from './unstaged.js';

/**
 * Stages a revision: brings it up on the idle role, where no user is, and runs the staged checks. Neither the public
 * Service nor any object of the active role is written.
 */
export async function stage(ctx: RunContext, given: BlueGreenDeploy): Promise<Outcome> {
  refuseUnfinishedSwitch(given.state);
  const decision = await decideStaging(ctx, given);
  throwAny(decision.refusals);
  if (decision.kind === 'serving') return confirmActive(ctx, given, decision);
  const { staging } = decision;
  const { inputs, state } = staging.deploy;
  if (isStagedAlready(staging)) return stagedAlready(ctx, staging, state.staged);
  await ensureNamespace(ctx, { planned: staging.planned, createNamespace: inputs.createNamespace });
  return underLock(ctx, given.state, locked => bringUpStaged(locked, staging));
}

async function stagedAlready(ctx: RunContext, staging: Staging, staged: StagedRecord | undefined): Promise<Outcome> {
  const known = { ...facts(ctx, staging), ...(staged !== undefined && { revision: staged.revision }) };
  try {
    const { checks } = await readyAndVerified(ctx, staging);
    return {
      ...known,
      outcome: 'staged',
      stagedRole: staging.role,
      checks,
      serving: `${servingNow(staging)} Nothing was written: this was staged already.`,
    };
  } catch (error) {
    throw new FailedStep(error, { ...known, checks: checksOf(error), serving: servingNow(staging) });
  }
}

/** A switch that was not finished decides where users are; staging over it would take its way back. */
function refuseUnfinishedSwitch({ release, operation }: ReleaseState): void {
  if (operation?.kind !== 'switch') return;
  throw new CutoverError(
    `The switch of release ${release} to ${operation.role ?? 'the other role'}, revision ${operation.revision}, was never finished`,
    {
      code: 'changed',
      hint: `Finish it with \`action: promote\`, or send users back with \`action: rollback\`; then deploy. It was begun by ${operation.run}.`,
    },
  );
}

async function bringUpStaged(ctx: RunContext, staging: Staging): Promise<Outcome> {
  const { deploy, role, planned, staleObjects, records } = staging;
  const { inputs, state, adoption } = deploy;
  await refuseMovedUsers(ctx, staging);
  const { operation } = state;
  const earlier = state.staged?.role === role ? state.staged : undefined;
  const found: readonly Snapshot[] = [
    ...snapshotsOf(planned),
    ...staleObjects.map(object => ({ ref: refOf(object), object })),
  ];
  // What an unfinished staging left behind is no state to go back to; what it had found is.
  const half = operation?.kind === 'stage' && operation.role === role ? operation.revision : undefined;
  const snapshots = half === undefined ? found : merged((await ctx.records.readRevision(half)).before, found);
  const first = half ?? earlier?.revision;
  const before = recordable(
    first === undefined ? found : merged((await ctx.records.readRevision(first)).before, found),
  );
  const revision = revisionOf(ctx, staging, before);
  const { number } = revision;
  const pinned = adoption?.before ?? (half === undefined ? undefined : operation?.previousService);
  const previous = earlier === undefined ? state.roles?.[role] : earlier.previous;
  const begun: ReleaseState = {
    ...state,
    latest: number,
    revisions: [...new Set([...state.revisions, number])],
    roleNames: inputs.roles,
    roles: { ...records, ...state.roles },
    ...(revision.publicService !== undefined && { publicService: refOf(revision.publicService) }),
    operation: {
      kind: 'stage',
      revision: number,
      role,
      run: ctx.run.url,
      ...(pinned !== undefined && { previousService: pinned }),
    },
  };
  const { operation: pending, ...rest } = begun;
  const known = { ...facts(ctx, staging), revision: number };
  try {
    if (adoption !== undefined) await ctx.records.writeRevision(revisionOfAdopted(ctx, adoption));
    await ctx.records.writeRevision(revision);
    await ctx.records.writeState(begun);
  } catch (error) {
    throw new FailedStep(error, { ...known, checks: [], serving: `${servingNow(staging)} Nothing was changed.` });
  }

  let checks: readonly CheckResult[] = [];
  try {
    // Before anything is staged: its pods would get traffic at once, for they carry the labels that the Service selects.
    if (adoption !== undefined) await ctx.phase('Deploy', () => narrowSelector(ctx, adoption));
    for (const object of staleObjects) await ctx.cluster.remove(refOf(object), { uid: object.metadata.uid ?? '' });
    const verified = await readyAndVerified(ctx, staging);
    ({ checks } = verified);
    const done = withStagedRecord(rest, { staging, ready: verified.ready, number, previous });
    // What is on no record could not be promoted: it counts as failed.
    await ctx.records.finish(
      withHistory(done, historyEntry(ctx.run, revision, 'staged')),
      inputs.historyLimit,
      ctx.log,
    );
  } catch (error) {
    checks = [...checks, ...checksOf(error)];
    const failed = historyEntry(ctx.run, revision, 'failed');
    if (!inputs.rollbackOnFailure) {
      const note = await recordFailure(ctx.records, withHistory(begun, failed));
      throw new FailedStep(error, {
        ...known,
        checks,
        serving: `${servingNow(staging)} ${role} was left as it is (rollback-on-failure: false).${note}`,
      });
    }
    const { complete, sentence } = await restoreBeforeStaging(ctx, {
      snapshots,
      timeoutMs: inputs.timeoutMs,
      cause: error,
      ...(pinned !== undefined && { pinned }),
    });
    const unstaged = half === undefined ? rest : withoutStagedRecord(rest, role);
    const original = pinned === undefined ? unstaged : withoutAdopted(rest);
    const ended = withHistory(
      { ...(complete ? original : rest), ...(!complete && pending && { operation: pending }) },
      failed,
    );
    const note = await recordFailure(ctx.records, ended);
    const again =
      earlier === undefined || half !== undefined
        ? ''
        : ` Revision ${earlier.revision}, which was staged before, must be staged again to be promoted.`;
    throw new FailedStep(error, {
      ...known,
      checks,
      serving: `${servingNow(staging)} On ${role}: ${sentence}${again}${note}`,
    });
  }
  return {
    ...known,
    outcome: 'staged',
    stagedRole: role,
    checks,
    serving: `${servingNow(staging)} Revision ${number} is staged on ${role}, where no user is.`,
    rollbackHint: { action: 'reject', release: ctx.records.release, namespace: ctx.records.namespace },
  };
}

/** Applies what changes, waits for it, and runs the staged checks against the new pods and the role's test Service. */
async function readyAndVerified(
  ctx: RunContext,
  staging: Staging,
): Promise<{ readonly ready: readonly ReadyWorkload[]; readonly checks: readonly CheckResult[] }> {
  const { deploy, planned } = staging;
  const { inputs } = deploy;
  const ready = await ctx.phase('Deploy', () =>
    bringUp({ ctx, planned, waitOptions: inputs, force: inputs.forceConflicts }),
  );
  const checks = await ctx.phase('Verify staged', async () => {
    const results = await runChecks({
      ctx,
      checks: inputs.verify,
      side: 'staged',
      subject: sideOf(ctx, staging, ready),
    });
    assertPassed(results);
    return results;
  });
  return { ready, checks };
}

function sideOf(ctx: RunContext, staging: Staging, ready: readonly ReadyWorkload[]): CheckSubject {
  const { deploy, planned, role } = staging;
  const objects = planned.map(({ resource }) => resource.object);
  const name = deploy.resources.testService[role];
  const service = objects.find(object => object.kind === 'Service' && object.metadata.name === name);
  const namespace = service?.metadata.namespace ?? ctx.records.namespace;
  return { namespace, workloads: objects, ready, ...(service !== undefined && { service }) };
}

function about(ctx: RunContext, deploy: BlueGreenDeploy) {
  const { release, namespace } = ctx.records;
  const current = deploy.state.current;
  return {
    release,
    namespace,
    strategy: 'blue-green',
    ...(current !== undefined && { previousRevision: current }),
  } as const;
}

/** What is known of a staging before it begins. */
export function facts(ctx: RunContext, staging: Staging) {
  const { deploy, active, role, planned } = staging;
  const endpoint = endpointOf(sideOf(ctx, staging, []));
  return {
    ...about(ctx, deploy),
    ...(active.kind === 'role' && { activeRole: active.role }),
    idleRole: role,
    ...(endpoint.service !== undefined && {
      testUrl: `http://${endpoint.service.name}.${endpoint.namespace}.svc:${endpoint.service.port}`,
    }),
    changes: changesOf(planned),
  };
}

/** Where users are before anything is done. */
export function servingNow(staging: Staging): string {
  const { active, deploy } = staging;
  if (active.kind === 'none') return 'Nobody is served yet: there is no public Service.';
  const revision = deploy.state.roles?.[active.role]?.revision;
  if (deploy.adoption !== undefined)
    return `Users are on ${describeRef(refOf(deploy.adoption.deployment))}, as before.`;
  return `Users are on ${active.role}${revision === undefined ? '' : `, revision ${revision}`}, as before.`;
}
