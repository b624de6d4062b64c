import { CutoverError } from '../errors.js';
import type { Check, IdlePolicy } from '../inputs/inputs.js';
import { describeRef, refOf, type KubeObject } from '../manifests/object.js';
import type { Snapshot } from '../plan/change.js';
import { withHistory } from '../release/records.js';
import { historyEntry, type RecordedApproval, type Revision } from '../release/revision.js';
import type { ReleaseState } from '../release/state.js';
import type { ReadyWorkload } from '../rollout/observer.js';
import type { CheckResult } from '../verify/verify.js';
import { assertPassed, checksOf, runChecks } from './checking.js';
import { settleIdle } from './idle.js';
import { FailedStep, type Outcome } from './outcome.js';
import type { Step } from './step.js';
import { confirmEndpoints, confirmMs, pointService, type PodName } from './switch.js';
import { afterRefusedSwitch, readyPods, switchBack } from './switch-back.js';

/** Users move from one role to another: by a promotion, or back by a rollback. */
export interface Move {
  readonly state: ReleaseState;
  readonly revision: Revision;
  /** Where users go. */
  readonly role: string;
  /** Where users are; absent for the first release. */
  readonly from?: string;
  /** The public Service as it was read under the lock; absent: it does not exist yet. */
  readonly live: KubeObject | undefined;
  readonly publicService: KubeObject;
  /** The role's workloads, live and ready a moment ago. */
  readonly workloads: readonly KubeObject[];
  readonly ready: readonly ReadyWorkload[];
  readonly checks: readonly Check[];
  /** Results of the checks before the switch. */
  readonly stagedChecks: readonly CheckResult[];
  readonly approval?: RecordedApproval;
  readonly outcome: 'switched' | 'rolled-back';
  readonly policy: {
    readonly idle: IdlePolicy;
    readonly drainMs: number;
    readonly timeoutMs: number;
    readonly rollbackOnFailure: boolean;
    readonly history: number;
  };
}

/**
 * Moves users: switch, confirm, verify, then settle the side they left. On failure users go back to where they were, which
 * depends on that side being ready and on nothing else.
 */
export async function moveTraffic(step: Step, move: Move): Promise<Outcome> {
  const { state, revision, role, from, live, publicService, outcome } = move;
  const service = refOf(publicService);
  // After a killed run the live Service is the switched one; the way back is the one that that run had recorded, if it was
  // on its way to the same role.
  const undo: Snapshot =
    state.inFlight?.step === 'switch' && state.inFlight.role === role && state.inFlight.undo !== undefined
      ? state.inFlight.undo
      : { ref: service, ...(live !== undefined && { object: live }) };
  const switching: ReleaseState = {
    ...state,
    inFlight: { step: 'switch', revision: revision.number, role, run: step.run.url, undo },
  };
  const known = {
    release: state.release,
    namespace: step.records.namespace,
    strategy: 'blue-green',
    revision: revision.number,
    ...(state.current !== undefined && { previousRevision: state.current }),
    ...(move.approval !== undefined && { approval: move.approval }),
    changes: [{ ref: service, change: live === undefined ? 'created' : 'changed' }],
  } as const;
  const way = { undo, switching };
  try {
    if (move.approval !== undefined) await step.records.writeRevision({ ...revision, approval: move.approval });
    // On record before the switch: whoever comes after a killed run knows which way is back.
    await step.records.writeState(switching);
  } catch (error) {
    const serving =
      from === undefined ? 'Nobody is served yet.' : `Users are on ${from}, as before; nothing was switched.`;
    throw new FailedStep(error, { ...known, changes: [], checks: move.stagedChecks, serving });
  }

  let wanted: readonly PodName[];
  try {
    wanted = await step.stage('Switch', async () => {
      step.signal.throwIfAborted();
      const pods = await podsToServe(step, move);
      await pointService({ step, service: publicService, live, force: revision.force });
      return pods;
    });
  } catch (error) {
    throw new FailedStep(error, {
      ...known,
      ...(await afterRefusedSwitch(step, move, way)),
      checks: move.stagedChecks,
    });
  }
  let publicChecks: readonly CheckResult[] = [];
  let switched: ReleaseState;
  try {
    // Draining the old side before every proxy knows the new one would refuse connections.
    await step.stage('Switch', () => confirmEndpoints({ step, service, wanted, timeoutMs: confirmMs }));
    publicChecks = await step.stage('Verify prod', async () => {
      const { workloads, ready, checks } = move;
      const side = { namespace: service.namespace ?? step.records.namespace, service: publicService, workloads, ready };
      const results = await runChecks({ step, checks, stage: 'public', side });
      assertPassed(results);
      return results;
    });
    // A switch that is on no record could neither be rolled back nor be told from a half-done one: it counts as failed.
    switched = await step.stage('Clean up', () => recordSwitch(step, move, switching));
  } catch (error) {
    const back = await switchBack(step, move, { ...way, cause: error });
    const checks = [...move.stagedChecks, ...publicChecks, ...checksOf(error)];
    throw new FailedStep(error, { ...known, ...back, checks });
  }
  const arrived = {
    ...known,
    activeRole: role,
    ...(from !== undefined && { idleRole: from }),
    checks: [...move.stagedChecks, ...publicChecks],
  };
  const serving = `Users are on ${role}, revision ${revision.number} (${revision.images.join(', ') || 'no images'}).`;
  let settled: string;
  try {
    const { policy } = move;
    settled = await step.stage('Clean up', () => settleIdle(step, { state: switched, revision, service, policy }));
  } catch (error) {
    const todo = 'The switch itself is complete and verified; run this step again to finish the rest.';
    throw new FailedStep(error, { ...arrived, serving: `${serving} ${todo}` });
  }
  return {
    ...arrived,
    outcome,
    serving: `${serving} ${settled}`.trim(),
    ...(from !== undefined &&
      state.roles?.[from]?.revision !== undefined && {
        wayBack: { action: 'rollback', release: state.release, namespace: step.records.namespace } as const,
      }),
  };
}

/**
 * The pods that the public Service will lead to, looked up right before it does. Throws `changed` when it would also lead to
 * pods of another version that carry the same labels: users would get both.
 */
async function podsToServe(step: Step, move: Move): Promise<readonly PodName[]> {
  const pods = await readyPods(step.cluster, move.publicService);
  const verified = new Set(move.ready.map(({ templateHash }) => templateHash));
  const strangers = pods.filter(({ metadata }) => !verified.has(metadata.labels?.['pod-template-hash']));
  const service = describeRef(refOf(move.publicService));
  if (strangers.length > 0) {
    throw new CutoverError(
      `${service} would also lead to pods that are not of this revision: ${strangers.map(({ metadata }) => metadata.name).join(', ')}`,
      {
        code: 'changed',
        object: service,
        hint: `They carry the labels of ${move.role}: often a Deployment that was renamed and is still there. Delete it, or give its pods other labels.`,
      },
    );
  }
  if (pods.length > 0) return pods.map(({ metadata }) => ({ name: metadata.name }));
  throw new CutoverError(`${service} would lead to no ready pod of ${move.role}`, {
    code: 'switch',
    object: service,
    hint: 'The pods were ready a moment ago. Look at their events, then run this step again.',
  });
}

/** After the switch is verified: users are on the new side by record, and what belongs to the old one is still to be done. */
async function recordSwitch(step: Step, move: Move, switching: ReleaseState): Promise<ReleaseState> {
  const { revision, role, from, outcome } = move;
  const { inFlight: _switched, staged, ...rest } = switching;
  const stillStaged = staged !== undefined && staged.revision !== revision.number ? { staged } : {};
  const switched: ReleaseState = {
    ...withHistory({ ...rest, ...stillStaged, current: revision.number }, historyEntry(step.run, revision, outcome)),
    inFlight: { step: 'idle', revision: revision.number, run: step.run.url, ...(from !== undefined && { role: from }) },
  };
  await step.records.writeState(switched);
  step.log.info(`Recorded: users are on ${role}, revision ${revision.number}`);
  return switched;
}
