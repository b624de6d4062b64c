import { preflight } from '../cluster/preflight.js';
import { CutoverError } from '../errors.js';
import type { Rollback } from '../inputs/inputs.js';
import { refOf, type ObjectRef } from '../manifests/object.js';
import type { RecordedApproval, Revision } from '../release/revision.js';
import type { ReleaseState } from '../release/state.js';
import { bringUp } from './bring-up.js';
import { checksOf } from './checking.js';
import { finishIdle, removeLive } from './idle.js';
import { narratePlan } from './narration.js';
import { FailedStep, type Outcome } from './outcome.js';
import { checkStaged, readActive, rolesOf, type StagedSide } from './recheck.js';
import { isRolledBack, recordedResource, rolledBackAlready, warnOfSecrets } from './recorded.js';
import { unstage } from './reject.js';
import { isDeployment, otherRole, replicasOf, withReplicas, type Active } from './roles.js';
import { underLock, type Step } from './step.js';
import { moveTraffic } from './traffic.js';

/** Sends users back to the other role: brings it up as recorded if needed, checks it, and switches. */
export async function rollBackBlueGreen(
  step: Step,
  rollback: {
    readonly inputs: Rollback;
    readonly state: ReleaseState;
    readonly approve?: () => Promise<RecordedApproval>;
  },
): Promise<Outcome> {
  const { inputs, state, approve } = rollback;
  if (inputs.to !== undefined) {
    throw new CutoverError('Input "to" is for rolling releases: a blue/green rollback goes to the other role', {
      code: 'input',
      hint: 'Leave `to` away, or deploy the version that you want.',
    });
  }
  if (state.inFlight?.step === 'idle' && state.history[0]?.outcome === 'rolled-back')
    return finishIdle(step, inputs, state);
  if (isRolledBack(state)) return rolledBackAlready(step, state);
  const approval = approve && (await step.stage('Confirm', approve));
  return underLock(step, state, async locked => {
    const { active, service } = await readActive(locked, state);
    if (active.kind === 'none') throw nowhere(state, 'there is no public Service, so nobody is served');
    const role = whereTo(state, active);
    const from = otherRole(rolesOf(state), role);
    if (active.role === role && state.inFlight?.revision === state.staged?.revision)
      return neverLeft(locked, state, role);
    // Looked up before anything is discarded for it.
    const { revision, publicService } = await target(locked, state, role);
    const settled = await withoutStaged(locked, inputs, { state, role });
    const known = {
      release: state.release,
      namespace: step.records.namespace,
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
    return moveTraffic(locked, {
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
async function target(step: Step, state: ReleaseState, role: string) {
  const record = state.staged?.role === role ? state.staged.previous : state.roles?.[role];
  if (record?.revision === undefined) throw nowhere(state, `${role} never served a revision`);
  const revision = await step.records.readRevision(record.revision);
  const { publicService } = revision;
  if (publicService === undefined) throw nowhere(state, `revision ${revision.number} has no public Service on record`);
  return { revision, publicService };
}

/** The promotion was killed before it switched anything: users never left, and only the record has to be mended. */
async function neverLeft(step: Step, state: ReleaseState, role: string): Promise<Outcome> {
  const { inFlight: _never, ...rest } = state;
  await step.records.writeState(rest);
  return {
    outcome: 'unchanged',
    release: state.release,
    namespace: step.records.namespace,
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
  const { inFlight, staged } = state;
  if (inFlight?.step !== 'switch' || inFlight.role === undefined) return active.idle;
  return inFlight.revision === staged?.revision ? otherRole(rolesOf(state), inFlight.role) : inFlight.role;
}

/** What is staged on the idle role lies over the version that users want back: it is discarded first. */
async function withoutStaged(
  step: Step,
  inputs: Rollback,
  wanted: { readonly state: ReleaseState; readonly role: string },
): Promise<ReleaseState> {
  const { state, role } = wanted;
  const { staged } = state;
  if (staged?.role !== role) return state;
  step.log.info(
    `Revision ${staged.revision} is staged on ${role}; it is discarded to bring back what was there before`,
  );
  const { state: after } = await unstage(step, { state, staged, timeoutMs: inputs.timeoutMs });
  await step.records.writeState(after);
  return after;
}

/** The role as its revision was recorded, with at least as many pods as serve now; shared objects stay as they are. */
async function bringBack(
  step: Step,
  inputs: Rollback,
  wanted: { readonly state: ReleaseState; readonly revision: Revision; readonly role: string; readonly from: string },
): Promise<StagedSide> {
  const { state, revision, role, from } = wanted;
  await warnOfSecrets(step, revision);
  const serving = await liveReplicas(step, state.roles?.[from]?.deployments ?? []);
  let index = 0;
  // A Job of back then has done its work; run again, an old migration would undo a newer one.
  const resources = revision.objects
    .filter(({ kind }) => kind !== 'Job')
    .map(object => {
      if (!isDeployment(object)) return recordedResource(object, revision.number);
      const replicas = Math.max(replicasOf(object), serving[index++] ?? 0);
      return recordedResource(withReplicas(object, replicas), revision.number);
    });
  const planned = await step.stage('Plan', async () => {
    const idle = new Set(resources);
    const changes = await preflight({ cluster: step.cluster, resources, force: revision.force, idle });
    narratePlan(step.log, changes);
    return changes;
  });
  // An autoscaler of an idle side sees no load and would take pods away just before they are needed; it comes back after.
  for (const object of revision.deferred) await removeLive(step, refOf(object));
  const ready = await step.stage('Deploy', () => bringUp({ step, planned, patience: inputs, force: revision.force }));
  const found = await Promise.all(revision.objects.filter(isDeployment).map(object => step.cluster.get(refOf(object))));
  const workloads = found.filter(object => object !== undefined);
  const checks = inputs.verify ?? revision.checks;
  const stagedChecks = await step.stage('Verify staged', () =>
    checkStaged(step, { role, state, revision, workloads, ready, checks }),
  );
  return { workloads, ready, stagedChecks };
}

async function liveReplicas(step: Step, deployments: readonly ObjectRef[]): Promise<readonly number[]> {
  const found = await Promise.all(deployments.map(ref => step.cluster.get(ref)));
  return found.map(live => (live === undefined ? 0 : replicasOf(live)));
}

function nowhere(state: ReleaseState, why: string): CutoverError {
  return new CutoverError(`Release ${state.release} has nothing to go back to: ${why}`, {
    code: 'no-revision',
    hint: 'Run `action: status` to see its history; deploy the version that you want instead.',
  });
}
