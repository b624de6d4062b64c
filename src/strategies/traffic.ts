import { putBack } from '../cluster/putback.js';
import { asCutoverError } from '../errors.js';
import type { Check, IdlePolicy } from '../inputs/inputs.js';
import { describeRef, refOf, type KubeObject } from '../manifests/object.js';
import type { Snapshot } from '../plan/change.js';
import { recordFailure, withHistory } from '../release/records.js';
import { historyEntry, type RecordedApproval, type Revision } from '../release/revision.js';
import type { ReleaseState } from '../release/state.js';
import type { ReadyWorkload } from '../rollout/observer.js';
import type { CheckResult } from '../verify/verify.js';
import { assertPassed, checksOf, runChecks } from './checking.js';
import { settleIdle } from './idle.js';
import { FailedStep, type Outcome } from './outcome.js';
import { selects, selectorOf, templateLabels } from './roles.js';
import type { Step } from './step.js';
import { confirmEndpoints, pointService, type PodName } from './switch.js';

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

/** EndpointSlices follow a selector within moments; one that does not is a defect of the cluster, not a slow app. */
const confirmMs = 30_000;

/**
 * Moves users: switch, confirm, verify, then settle the side they left. On failure users go back to where they were, which
 * depends on that side being ready and on nothing else.
 */
export async function moveTraffic(step: Step, move: Move): Promise<Outcome> {
  const { state, revision, role, from, live, publicService, outcome } = move;
  const service = refOf(publicService);
  // After a killed run the live Service is the switched one; the way back is the one that that run had recorded.
  const undo: Snapshot =
    state.inFlight?.step === 'switch' && state.inFlight.undo !== undefined
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
  // On record before the switch: whoever comes after a killed run knows which way is back.
  await step.records.writeState(switching);

  let publicChecks: readonly CheckResult[];
  try {
    await step.stage('Switch', async () => {
      step.signal.throwIfAborted();
      await pointService({ step, service: publicService, live, force: revision.force });
      // Draining the old side before every proxy knows the new one would refuse connections.
      await confirmEndpoints({ step, service, wanted: servedPods(move), timeoutMs: confirmMs });
    });
    publicChecks = await step.stage('Verify prod', async () => {
      const { workloads, ready, checks } = move;
      const side = { namespace: service.namespace ?? step.records.namespace, service: publicService, workloads, ready };
      const results = await runChecks({ step, checks, stage: 'public', side });
      assertPassed(results);
      return results;
    });
  } catch (error) {
    const back = await switchBack(step, move, { undo, switching });
    const checks = [...move.stagedChecks, ...checksOf(error)];
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
    settled = await step.stage('Clean up', () => settle(step, move, switching));
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

/** The pods that the public Service will lead to; a role may have other workloads that it does not select. */
function servedPods(move: Move): readonly PodName[] {
  const selector = selectorOf(move.publicService);
  const served = new Set(
    move.workloads.filter(workload => selects(selector, templateLabels(workload))).map(({ metadata }) => metadata.name),
  );
  return move.ready.filter(({ ref }) => ref.kind === 'Deployment' && served.has(ref.name)).flatMap(({ pods }) => pods);
}

/** After the switch is verified: record it, give the new side its autoscalers, and settle the side that users left. */
async function settle(step: Step, move: Move, switching: ReleaseState): Promise<string> {
  const { revision, role, from, policy, outcome, approval } = move;
  const { inFlight: _switched, staged, ...rest } = switching;
  const stillStaged = staged !== undefined && staged.revision !== revision.number ? { staged } : {};
  const done = withHistory(
    { ...rest, ...stillStaged, current: revision.number },
    historyEntry(step.run, revision, outcome),
  );
  const pendingIdle = { step: 'idle', revision: revision.number, role: from ?? role, run: step.run.url } as const;
  await step.records.writeState(from === undefined ? done : { ...done, inFlight: pendingIdle });
  if (approval !== undefined) await step.records.writeRevision({ ...revision, approval });
  for (const object of revision.deferred) {
    await step.cluster.apply(object, { force: revision.force });
    step.log.info(`${describeRef(refOf(object))} applied, now that ${role} has the traffic`);
  }
  const sentence =
    from === undefined
      ? ''
      : await settleIdle(step, {
          role: from,
          revision: done.roles?.[from]?.revision,
          service: refOf(move.publicService),
          podLabels: done.roles?.[from]?.podLabels ?? {},
          policy,
        });
  await step.records.writeState(await step.records.trim(done, policy.history));
  return sentence;
}

/** Points the Service back, unless the old side cannot serve; says what users reach now. Goes on after a cancel. */
async function switchBack(
  step: Step,
  move: Move,
  way: { readonly undo: Snapshot; readonly switching: ReleaseState },
): Promise<{
  readonly serving: string;
  readonly activeRole?: string;
  readonly idleRole?: string;
  readonly stagedRole?: string;
}> {
  const { role, from, state, revision, policy } = move;
  const { undo, switching } = way;
  const { cluster, log, records } = step;
  const service = describeRef(undo.ref);
  const failed = historyEntry(step.run, revision, 'failed');
  const { inFlight: _ended, ...rest } = switching;
  const stay = async (why: string) => {
    const note = await recordFailure(records, withHistory(switching, failed));
    return {
      activeRole: role,
      serving: `${service} still points at ${role}, revision ${revision.number}: ${why}${note}`,
    };
  };
  if (!policy.rollbackOnFailure) return stay('rollback-on-failure is false.');
  return step.stage('Put back', async () => {
    const old = from === undefined ? [] : await readyPods(step, state.roles?.[from]?.podLabels ?? {});
    if (from !== undefined && old.length === 0) {
      log.error(`${from} has no ready pod, so users were not sent back there. Neither side may be well: look at once.`);
      return stay(`${from} has no ready pod to go back to. Nothing more was changed.`);
    }
    const { failed: stuck } = await putBack({ cluster, snapshots: [undo], release: state.release, log });
    const [first] = stuck;
    if (first !== undefined) return stay(`it could not be put back (${first.error.message}).`);
    const note = await recordFailure(records, withHistory(rest, failed));
    if (from === undefined)
      return { serving: `${service} was removed again: nobody is served, as before this step.${note}` };
    const serving = `Users are back on ${from}${state.current === undefined ? '' : `, revision ${state.current}`}.${note}`;
    const sides = { activeRole: from, idleRole: role, ...(rest.staged !== undefined && { stagedRole: role }) };
    if (step.signal.aborted) return { ...sides, serving };
    try {
      await confirmEndpoints({
        step,
        service: undo.ref,
        wanted: old,
        timeoutMs: confirmMs,
        signal: new AbortController().signal,
      });
      return { ...sides, serving };
    } catch (error) {
      return { ...sides, serving: `${serving} But its endpoints are not confirmed: ${asCutoverError(error).message}` };
    }
  });
}

/** Ready pods with these labels that are not on their way out. */
async function readyPods(step: Step, labels: Readonly<Record<string, string>>): Promise<readonly PodName[]> {
  const pods = await step.cluster.list(
    { apiVersion: 'v1', kind: 'Pod', namespace: step.records.namespace },
    {
      labelSelector: Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
    },
  );
  return pods
    .filter(pod => pod.metadata.deletionTimestamp === undefined && isReady(pod))
    .map(({ metadata }) => ({ name: metadata.name }));
}

function isReady(pod: KubeObject): boolean {
  const { conditions = [] } = (pod['status'] ?? {}) as { conditions?: { type: string; status: string }[] };
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}
