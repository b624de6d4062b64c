import { CutoverError } from '../errors.js';
import { describeRef, refOf } from '../manifests/object.js';
import type { Snapshot } from '../plan/change.js';
import { recordFailure, withHistory } from '../release/records.js';
import { historyEntry } from '../release/revision.js';
import type { ReleaseState, StagedRecord } from '../release/state.js';
import type { ReadyWorkload } from '../rollout/observer.js';
import type { CheckResult } from '../verify/verify.js';
import { alreadyServing } from './already-serving.js';
import { revisionOfAdopted, withoutAdopted } from './adoption.js';
import { bringUp, merged, recordable, snapshotsOf } from './bring-up.js';
import { assertPassed, checksOf, endpointOf, runChecks, type Side } from './checking.js';
import { ensureNamespace } from './namespace.js';
import { changesOf, FailedStep, type Outcome } from './outcome.js';
import { pin, undoStaging } from './pin.js';
import { throwAny } from './refusals.js';
import { decideStaging, isStagedAlready } from './staging-decision.js';
import { refuseMovedUsers, type BlueGreenDeploy, type Staging } from './staging-plan.js';
import { revisionOf, withStagedRecord } from './staged-revision.js';
import { underLock, type Step } from './step.js';
import { withoutStagedRecord } from './unstaged.js';

/**
 * Stages a revision: brings it up on the idle role, where no user is, and runs the staged checks. Neither the public
 * Service nor any object of the active role is written.
 */
export async function stage(step: Step, given: BlueGreenDeploy): Promise<Outcome> {
  refuseUnfinishedSwitch(given.state);
  const decision = await decideStaging(step, given);
  throwAny(decision.refusals);
  if (decision.kind === 'serving') return alreadyServing(step, given, decision);
  const { staging } = decision;
  const { inputs, state } = staging.deploy;
  if (isStagedAlready(staging)) return stagedAlready(step, staging, state.staged);
  await ensureNamespace(step, { planned: staging.planned, createNamespace: inputs.createNamespace });
  return underLock(step, given.state, locked => bringUpStaged(locked, staging));
}

async function stagedAlready(step: Step, staging: Staging, staged: StagedRecord | undefined): Promise<Outcome> {
  const known = { ...facts(step, staging), ...(staged !== undefined && { revision: staged.revision }) };
  try {
    const { checks } = await readyAndVerified(step, staging);
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
function refuseUnfinishedSwitch({ release, inFlight }: ReleaseState): void {
  if (inFlight?.step !== 'switch') return;
  throw new CutoverError(
    `The switch of release ${release} to ${inFlight.role ?? 'the other role'}, revision ${inFlight.revision}, was never finished`,
    {
      code: 'changed',
      hint: `Finish it with \`action: promote\`, or send users back with \`action: rollback\`; then deploy. It was begun by ${inFlight.run}.`,
    },
  );
}

async function bringUpStaged(step: Step, staging: Staging): Promise<Outcome> {
  const { deploy, role, planned, leftovers, records } = staging;
  const { inputs, state, adoption } = deploy;
  await refuseMovedUsers(step, staging);
  const { inFlight: unfinished } = state;
  const earlier = state.staged?.role === role ? state.staged : undefined;
  const found: readonly Snapshot[] = [
    ...snapshotsOf(planned),
    ...leftovers.map(object => ({ ref: refOf(object), object })),
  ];
  // What an unfinished staging left behind is no state to go back to; what it had found is.
  const half = unfinished?.step === 'stage' && unfinished.role === role ? unfinished.revision : undefined;
  const snapshots = half === undefined ? found : merged((await step.records.readRevision(half)).before, found);
  const first = half ?? earlier?.revision;
  const before = recordable(
    first === undefined ? found : merged((await step.records.readRevision(first)).before, found),
  );
  const revision = revisionOf(step, staging, before);
  const { number } = revision;
  const pinned = adoption?.before ?? (half === undefined ? undefined : unfinished?.undo);
  const previous = earlier === undefined ? state.roles?.[role] : earlier.previous;
  const begun: ReleaseState = {
    ...state,
    latest: number,
    revisions: [...new Set([...state.revisions, number])],
    roleNames: inputs.roles,
    roles: { ...records, ...state.roles },
    ...(revision.publicService !== undefined && { publicService: refOf(revision.publicService) }),
    inFlight: {
      step: 'stage',
      revision: number,
      role,
      run: step.run.url,
      ...(pinned !== undefined && { undo: pinned }),
    },
  };
  const { inFlight: pending, ...rest } = begun;
  const known = { ...facts(step, staging), revision: number };
  try {
    if (adoption !== undefined) await step.records.writeRevision(revisionOfAdopted(step, adoption));
    await step.records.writeRevision(revision);
    await step.records.writeState(begun);
  } catch (error) {
    throw new FailedStep(error, { ...known, checks: [], serving: `${servingNow(staging)} Nothing was changed.` });
  }

  let checks: readonly CheckResult[] = [];
  try {
    // Before anything is staged: its pods would get traffic at once, for they carry the labels that the Service selects.
    if (adoption !== undefined) await step.stage('Deploy', () => pin(step, adoption));
    for (const object of leftovers) await step.cluster.remove(refOf(object), { uid: object.metadata.uid ?? '' });
    const verified = await readyAndVerified(step, staging);
    ({ checks } = verified);
    const done = withStagedRecord(rest, { staging, ready: verified.ready, number, previous });
    // What is on no record could not be promoted: it counts as failed.
    await step.records.finish(withHistory(done, historyEntry(step.run, revision, 'staged')), inputs.history, step.log);
  } catch (error) {
    checks = [...checks, ...checksOf(error)];
    const failed = historyEntry(step.run, revision, 'failed');
    if (!inputs.rollbackOnFailure) {
      const note = await recordFailure(step.records, withHistory(begun, failed));
      throw new FailedStep(error, {
        ...known,
        checks,
        serving: `${servingNow(staging)} ${role} was left as it is (rollback-on-failure: false).${note}`,
      });
    }
    const { complete, sentence } = await undoStaging(step, {
      snapshots,
      timeoutMs: inputs.timeoutMs,
      cause: error,
      ...(pinned !== undefined && { pinned }),
    });
    const unstaged = half === undefined ? rest : withoutStagedRecord(rest, role);
    const original = pinned === undefined ? unstaged : withoutAdopted(rest);
    const ended = withHistory(
      { ...(complete ? original : rest), ...(!complete && pending && { inFlight: pending }) },
      failed,
    );
    const note = await recordFailure(step.records, ended);
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
    wayBack: { action: 'reject', release: step.records.release, namespace: step.records.namespace },
  };
}

/** Applies what changes, waits for it, and runs the staged checks against the new pods and the role's test Service. */
async function readyAndVerified(
  step: Step,
  staging: Staging,
): Promise<{ readonly ready: readonly ReadyWorkload[]; readonly checks: readonly CheckResult[] }> {
  const { deploy, planned } = staging;
  const { inputs } = deploy;
  const ready = await step.stage('Deploy', () =>
    bringUp({ step, planned, patience: inputs, force: inputs.forceConflicts }),
  );
  const checks = await step.stage('Verify staged', async () => {
    const results = await runChecks({
      step,
      checks: inputs.verify,
      stage: 'staged',
      side: sideOf(step, staging, ready),
    });
    assertPassed(results);
    return results;
  });
  return { ready, checks };
}

function sideOf(step: Step, staging: Staging, ready: readonly ReadyWorkload[]): Side {
  const { deploy, planned, role } = staging;
  const objects = planned.map(({ resource }) => resource.object);
  const name = deploy.resources.testService[role];
  const service = objects.find(object => object.kind === 'Service' && object.metadata.name === name);
  const namespace = service?.metadata.namespace ?? step.records.namespace;
  return { namespace, workloads: objects, ready, ...(service !== undefined && { service }) };
}

function about(step: Step, deploy: BlueGreenDeploy) {
  const { release, namespace } = step.records;
  const current = deploy.state.current;
  return {
    release,
    namespace,
    strategy: 'blue-green',
    ...(current !== undefined && { previousRevision: current }),
  } as const;
}

/** What is known of a staging before it begins. */
export function facts(step: Step, staging: Staging) {
  const { deploy, active, role, planned } = staging;
  const endpoint = endpointOf(sideOf(step, staging, []));
  return {
    ...about(step, deploy),
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
