import { CutoverError } from '../../errors.js';
import { describeRef, refOf } from '../../kubernetes/object.js';
import type { Snapshot } from '../../plan/change.js';
import { withHistory } from '../../release/records.js';
import { historyEntry } from '../../release/revision.js';
import type { ReleaseState } from '../../release/state.js';
import type { CheckResult } from '../../verify/verify.js';
import { assertPassed, checksOf, runChecks } from '../shared/checks.js';
import { finishSwitch } from './finish-switch.js';
import { FailedStep, type Outcome } from '../shared/outcome.js';
import type { RunContext } from '../../run/context.js';
import { confirmEndpoints, confirmMs, pointService, type PodName } from '../../traffic/service-selector.js';
import { afterRefusedSwitch, readyPods, restoreTraffic } from './restore-traffic.js';
import type { TrafficSwitch } from './traffic-switch.js';

/**
 * Moves users: switch, confirm, verify, then settle the side they left. On failure users go back to where they were, which
 * depends on that side being ready and on nothing else.
 */
export async function switchTraffic(ctx: RunContext, trafficSwitch: TrafficSwitch): Promise<Outcome> {
  const { state, revision, role, from, live, publicService, outcome } = trafficSwitch;
  const service = refOf(publicService);
  // After a killed run the live Service is the switched one; the way back is the one that that run had recorded, if it was
  // on its way to the same role.
  const undo: Snapshot =
    state.operation?.kind === 'switch' && state.operation.role === role && state.operation.previousService !== undefined
      ? state.operation.previousService
      : { ref: service, ...(live !== undefined && { object: live }) };
  const switching: ReleaseState = {
    ...state,
    operation: { kind: 'switch', revision: revision.number, role, run: ctx.run.url, previousService: undo },
  };
  const known = {
    release: state.release,
    namespace: ctx.records.namespace,
    strategy: 'blue-green',
    revision: revision.number,
    ...(state.current !== undefined && { previousRevision: state.current }),
    ...(trafficSwitch.approval !== undefined && { approval: trafficSwitch.approval }),
    changes: [{ ref: service, change: live === undefined ? 'created' : 'changed' }],
  } as const;
  const way = { undo, switching };
  try {
    if (trafficSwitch.approval !== undefined)
      await ctx.records.writeRevision({ ...revision, approval: trafficSwitch.approval });
    // On record before the switch: whoever comes after a killed run knows which way is back.
    await ctx.records.writeState(switching);
  } catch (error) {
    const serving =
      from === undefined ? 'Nobody is served yet.' : `Users are on ${from}, as before; nothing was switched.`;
    throw new FailedStep(error, { ...known, changes: [], checks: trafficSwitch.stagedChecks, serving });
  }

  let wanted: readonly PodName[];
  try {
    wanted = await ctx.phase('Switch', async () => {
      ctx.signal.throwIfAborted();
      const pods = await podsToServe(ctx, trafficSwitch);
      await pointService({ ctx, service: publicService, live, force: revision.force });
      return pods;
    });
  } catch (error) {
    throw new FailedStep(error, {
      ...known,
      ...(await afterRefusedSwitch(ctx, trafficSwitch, way)),
      checks: trafficSwitch.stagedChecks,
    });
  }
  let publicChecks: readonly CheckResult[] = [];
  let switched: ReleaseState;
  try {
    // Draining the old side before every proxy knows the new one would refuse connections.
    await ctx.phase('Switch', () => confirmEndpoints({ ctx, service, wanted, timeoutMs: confirmMs }));
    publicChecks = await ctx.phase('Verify prod', async () => {
      const { workloads, ready, checks } = trafficSwitch;
      const subject = {
        namespace: service.namespace ?? ctx.records.namespace,
        service: publicService,
        workloads,
        ready,
      };
      const results = await runChecks({ ctx, checks, side: 'public', subject });
      assertPassed(results);
      return results;
    });
    // A switch that is on no record could neither be rolled back nor be told from a half-done one: it counts as failed.
    switched = await ctx.phase('Clean up', () => recordSwitch(ctx, trafficSwitch, switching));
  } catch (error) {
    const back = await restoreTraffic(ctx, trafficSwitch, { ...way, cause: error });
    const checks = [...trafficSwitch.stagedChecks, ...publicChecks, ...checksOf(error)];
    throw new FailedStep(error, { ...known, ...back, checks });
  }
  const arrived = {
    ...known,
    activeRole: role,
    ...(from !== undefined && { idleRole: from }),
    checks: [...trafficSwitch.stagedChecks, ...publicChecks],
  };
  const serving = `Users are on ${role}, revision ${revision.number} (${revision.images.join(', ') || 'no images'}).`;
  let settled: string;
  try {
    const { policy } = trafficSwitch;
    settled = await ctx.phase('Clean up', () => finishSwitch(ctx, { state: switched, revision, service, policy }));
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
        rollbackHint: { action: 'rollback', release: state.release, namespace: ctx.records.namespace } as const,
      }),
  };
}

/**
 * The pods that the public Service will lead to, looked up right before it does. Throws `changed` when it would also lead to
 * pods of another version that carry the same labels: users would get both.
 */
async function podsToServe(ctx: RunContext, trafficSwitch: TrafficSwitch): Promise<readonly PodName[]> {
  const pods = await readyPods(ctx.cluster, trafficSwitch.publicService);
  const verified = new Set(trafficSwitch.ready.map(({ templateHash }) => templateHash));
  const strangers = pods.filter(({ metadata }) => !verified.has(metadata.labels?.['pod-template-hash']));
  const service = describeRef(refOf(trafficSwitch.publicService));
  if (strangers.length > 0) {
    throw new CutoverError(
      `${service} would also lead to pods that are not of this revision: ${strangers.map(({ metadata }) => metadata.name).join(', ')}`,
      {
        code: 'changed',
        object: service,
        hint: `They carry the labels of ${trafficSwitch.role}: often a Deployment that was renamed and is still there. Delete it, or give its pods other labels.`,
      },
    );
  }
  if (pods.length > 0) return pods.map(({ metadata }) => ({ name: metadata.name }));
  throw new CutoverError(`${service} would lead to no ready pod of ${trafficSwitch.role}`, {
    code: 'switch',
    object: service,
    hint: 'The pods were ready a moment ago. Look at their events, then run this step again.',
  });
}

/** After the switch is verified: users are on the new side by record, and what belongs to the old one is still to be done. */
async function recordSwitch(
  ctx: RunContext,
  trafficSwitch: TrafficSwitch,
  switching: ReleaseState,
): Promise<ReleaseState> {
  const { revision, role, from, outcome } = trafficSwitch;
  const { operation: _switched, staged, ...rest } = switching;
  const stillStaged = staged !== undefined && staged.revision !== revision.number ? { staged } : {};
  const switched: ReleaseState = {
    ...withHistory({ ...rest, ...stillStaged, current: revision.number }, historyEntry(ctx.run, revision, outcome)),
    operation: {
      kind: 'finish',
      revision: revision.number,
      run: ctx.run.url,
      ...(from !== undefined && { role: from }),
    },
  };
  await ctx.records.writeState(switched);
  ctx.log.info(`Recorded: users are on ${role}, revision ${revision.number}`);
  return switched;
}
