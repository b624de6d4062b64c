import { requirePlan } from '../../cluster/apply/dry-run-all.js';
import { CutoverError } from '../../errors.js';
import type { Rollback } from '../../inputs/inputs.js';
import { refOf, type ObjectRef } from '../../kubernetes/object.js';
import type { RecordedApproval, Revision } from '../../release/revision.js';
import type { ReleaseState } from '../../release/state.js';
import { bringUp } from '../shared/bring-up.js';
import { checksOf } from '../shared/checks.js';
import { resumeFinishSwitch, removeLive } from './finish-switch.js';
import { logPlan } from '../shared/log-plan.js';
import { FailedStep, type Outcome } from '../shared/outcome.js';
import { checkStaged, readActive, rolesOf, type StagedSide } from './recheck.js';
import { isRolledBack, recordedResource, rolledBackAlready, warnOfSecrets } from '../shared/recorded-objects.js';
import { unstage } from './reject.js';
import { isDeployment, replicasOf, withReplicas } from '../../kubernetes/deployment.js';
import { otherRole, type Active } from '../../traffic/active-role.js';
import { underLock, type RunContext } from '../../run/context.js';
import { switchTraffic } from './switch-traffic.js';

/** Sends users back to the other role: brings it up as recorded if needed, checks it, and switches. */
export async function rollBackBlueGreen(
  ctx: RunContext,
  rollback: {
    readonly inputs: Rollback;
    readonly state: ReleaseState;
    readonly approve?: () => Promise<RecordedApproval>;
  },
): Promise<Outcome> {
  const { inputs, state, approve } = rollback;
  if (inputs.revision !== undefined) {
    throw new CutoverError(
      'The input `revision` is for rolling releases: a blue/green rollback switches to the other role',
      {
        code: 'input',
        hint: 'Remove `revision`, or deploy the version that you want.',
      },
    );
  }
  if (state.operation?.kind === 'finish' && state.history[0]?.outcome === 'rolled-back')
    return resumeFinishSwitch(ctx, inputs, state);
  if (isRolledBack(state)) return rolledBackAlready(ctx, state);
  const approval = approve && (await ctx.phase('Confirm', approve));
  return underLock(ctx, state, async locked => {
    const { active, service } = await readActive(locked, state);
    if (active.kind === 'none') throw nowhere(state, 'there is no public Service, so nobody is served');
    const role = whereTo(state, active);
    const from = otherRole(rolesOf(state), role);
    if (active.role === role && state.operation?.revision === state.staged?.revision)
      return neverLeft(locked, state, role);
    // Looked up before anything is discarded for it.
    const { revision, publicService } = await target(locked, state, role);
    const settled = await withoutStaged(locked, inputs, { state, role });
    const known = {
      release: state.release,
      namespace: ctx.records.namespace,
      strategy: 'blue-green',
      revision: revision.number,
      activeRole: active.role,
      idleRole: active.idle,
      changes: [],
    } as const;
    let side: StagedSide;
    try {
      side = await bringBack(locked, inputs, { state: settled, revision, role, from });
    } catch (error) {
      const serving = `Users are on ${active.role}, as before; nothing was switched.`;
      throw new FailedStep(error, { ...known, checks: checksOf(error), serving });
    }
    return switchTraffic(locked, {
      state: settled,
      revision,
      role,
      from,
      live: service,
      publicService,
      ...side,
      checks: inputs.verify ?? revision.checks,
      ...(approval !== undefined && { approval }),
      outcome: 'rolled-back',
      policy: inputs,
    });
  });
}

/** The revision to go back to: what the role ran before anything was staged over it. */
async function target(ctx: RunContext, state: ReleaseState, role: string) {
  const record = state.staged?.role === role ? state.staged.previous : state.roles?.[role];
  if (record?.revision === undefined) throw nowhere(state, `${role} never served a revision`);
  const revision = await ctx.records.readRevision(record.revision);
  const { publicService } = revision;
  if (publicService === undefined) throw nowhere(state, `revision ${revision.number} has no public Service on record`);
  return { revision, publicService };
}

/** The promotion was killed before it switched anything: users never left, and only the record has to be mended. */
async function neverLeft(ctx: RunContext, state: ReleaseState, role: string): Promise<Outcome> {
  const { operation: _never, ...rest } = state;
  await ctx.records.writeState(rest);
  return {
    outcome: 'unchanged',
    release: state.release,
    namespace: ctx.records.namespace,
    strategy: 'blue-green',
    ...(state.current !== undefined && { revision: state.current }),
    activeRole: role,
    idleRole: otherRole(rolesOf(state), role),
    changes: [],
    checks: [],
    serving: `Users are on ${role}: the switch that a killed run had begun was never made. No workload was touched.`,
  };
}

/**
 * The role that users should go back to: the idle one. A switch that a killed run left unfinished changes the question:
 * a rollback goes on where it was going, a promotion is taken back to where it came from.
 */
export function whereTo(state: ReleaseState, active: Extract<Active, { kind: 'role' }>): string {
  const { operation, staged } = state;
  if (operation?.kind !== 'switch' || operation.role === undefined) return active.idle;
  return operation.revision === staged?.revision ? otherRole(rolesOf(state), operation.role) : operation.role;
}

/** What is staged on the idle role lies over the version that users want back: it is discarded first. */
async function withoutStaged(
  ctx: RunContext,
  inputs: Rollback,
  wanted: { readonly state: ReleaseState; readonly role: string },
): Promise<ReleaseState> {
  const { state, role } = wanted;
  const { staged } = state;
  if (staged?.role !== role) return state;
  ctx.log.info(`Revision ${staged.revision} is staged on ${role}; it is discarded to bring back what was there before`);
  const { state: after } = await unstage(ctx, { state, staged, timeoutMs: inputs.timeoutMs });
  await ctx.records.writeState(after);
  return after;
}

/** The role as its revision was recorded, with at least as many pods as serve now; shared objects stay as they are. */
async function bringBack(
  ctx: RunContext,
  inputs: Rollback,
  wanted: { readonly state: ReleaseState; readonly revision: Revision; readonly role: string; readonly from: string },
): Promise<StagedSide> {
  const { state, revision, role, from } = wanted;
  await warnOfSecrets(ctx, revision);
  const serving = await liveReplicas(ctx, state.roles?.[from]?.deployments ?? []);
  let index = 0;
  // A Job of back then has done its work; run again, an old migration would undo a newer one.
  const resources = revision.objects
    .filter(({ kind }) => kind !== 'Job')
    .map(object => {
      if (!isDeployment(object)) return recordedResource(object, revision.number);
      const replicas = Math.max(replicasOf(object), serving[index++] ?? 0);
      return recordedResource(withReplicas(object, replicas), revision.number);
    });
  const planned = await ctx.phase('Plan', async () => {
    const idle = new Set(resources);
    const changes = await requirePlan({ cluster: ctx.cluster, resources, force: revision.force, idle });
    logPlan(ctx.log, changes);
    return changes;
  });
  // An autoscaler of an idle side sees no load and would take pods away just before they are needed; it comes back after.
  for (const object of revision.applyAfterSwitch) await removeLive(ctx, refOf(object));
  const ready = await ctx.phase('Deploy', () => bringUp({ ctx, planned, waitOptions: inputs, force: revision.force }));
  const found = await Promise.all(revision.objects.filter(isDeployment).map(object => ctx.cluster.get(refOf(object))));
  const workloads = found.filter(object => object !== undefined);
  const checks = inputs.verify ?? revision.checks;
  const stagedChecks = await ctx.phase('Verify staged', () =>
    checkStaged(ctx, { role, state, revision, workloads, ready, checks }),
  );
  return { workloads, ready, stagedChecks };
}

async function liveReplicas(ctx: RunContext, deployments: readonly ObjectRef[]): Promise<readonly number[]> {
  const found = await Promise.all(deployments.map(ref => ctx.cluster.get(ref)));
  return found.map(live => (live === undefined ? 0 : replicasOf(live)));
}

function nowhere(state: ReleaseState, why: string): CutoverError {
  return new CutoverError(`Release ${state.release} has nothing to go back to: ${why}`, {
    code: 'no-revision',
    hint: 'Run `action: status` to see its history; deploy the version that you want instead.',
  });
}
