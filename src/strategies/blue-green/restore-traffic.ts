import type { Cluster } from '../../cluster/cluster.js';
import { restoreSnapshots } from '../../cluster/apply/restore.js';
import { asCutoverError } from '../../errors.js';
import { describeRef, refOf, type KubeObject } from '../../kubernetes/object.js';
import { canonical, type Snapshot } from '../../plan/change.js';
import { recordFailure, withHistory } from '../../release/records.js';
import { historyEntry } from '../../release/revision.js';
import type { ReleaseState } from '../../release/state.js';
import { isReady } from '../../kubernetes/workload.js';
import { selectorOf } from '../../traffic/active-role.js';
import type { RunContext } from '../../run/context.js';
import { confirmEndpoints, confirmMs, type PodName } from '../../traffic/service-selector.js';
import type { TrafficSwitch } from './traffic-switch.js';

/** What users reach after a switch that failed. */
export interface Whereabouts {
  readonly serving: string;
  readonly activeRole?: string;
  readonly idleRole?: string;
  readonly stagedRole?: string;
}

interface Way {
  readonly undo: Snapshot;
  readonly switching: ReleaseState;
  /** Why the switch failed; absent: it was refused. */
  readonly cause?: unknown;
}

/**
 * After the switch itself failed: looks at where the Service is. A refused switch leaves it to whoever it is with now; one
 * that was carried out all the same is taken back; where nobody can tell, the record keeps the way back.
 */
export async function afterRefusedSwitch(
  ctx: RunContext,
  trafficSwitch: TrafficSwitch,
  way: Way,
): Promise<Whereabouts> {
  const { state, revision, from, publicService } = trafficSwitch;
  const failed = historyEntry(ctx.run, revision, 'failed');
  let live: KubeObject | undefined;
  try {
    live = await ctx.cluster.get(refOf(publicService));
  } catch (error) {
    const note = await recordFailure(ctx.records, withHistory(way.switching, failed));
    return {
      serving: `It is not known whether the switch was made: ${asCutoverError(error).message}. Either side serves.${note}`,
    };
  }
  if (live !== undefined && canonical(selectorOf(live)) === canonical(selectorOf(publicService)))
    return restoreTraffic(ctx, trafficSwitch, way);
  const note = await recordFailure(ctx.records, withHistory(state, failed));
  if (from === undefined) return { serving: `Nobody is served yet; nothing was switched.${note}` };
  return {
    activeRole: from,
    serving: `This step did not switch anything: users are where they were (${from}).${note}`,
  };
}

/** Points the Service back, unless the old side cannot serve. Goes on after a cancel; never throws, so that the cause stays. */
export async function restoreTraffic(ctx: RunContext, trafficSwitch: TrafficSwitch, way: Way): Promise<Whereabouts> {
  const { from, policy } = trafficSwitch;
  const overtaken = way.cause !== undefined && asCutoverError(way.cause).code === 'changed';
  if (ctx.lost?.aborted || overtaken)
    return stay(ctx, trafficSwitch, { way, why: 'another run has taken the release over and decides now.' });
  if (!policy.rollbackOnFailure) return stay(ctx, trafficSwitch, { way, why: 'rollback-on-failure is false.' });
  try {
    return await ctx.phase('Put back', async () => {
      const old = (await readyPods(ctx.cluster, way.undo.object)).map(({ metadata }) => ({ name: metadata.name }));
      if (from !== undefined && old.length === 0) {
        ctx.log.error(
          `${from} has no ready pod, so users were not sent back there. Neither side may be well: look at once.`,
        );
        return stay(ctx, trafficSwitch, {
          way,
          why: `${from} has no ready pod to go back to. Nothing more was changed.`,
        });
      }
      return await pointBack(ctx, trafficSwitch, { way, old });
    });
  } catch (error) {
    return stay(ctx, trafficSwitch, { way, why: `it could not be put back (${asCutoverError(error).message}).` });
  }
}

async function pointBack(
  ctx: RunContext,
  trafficSwitch: TrafficSwitch,
  back: { readonly way: Way; readonly old: readonly PodName[] },
): Promise<Whereabouts> {
  const { role, from, state, revision } = trafficSwitch;
  const { undo, switching } = back.way;
  const { cluster, log, records } = ctx;
  const { failed: stuck } = await restoreSnapshots({ cluster, snapshots: [undo], release: state.release, log });
  const [first] = stuck;
  if (first !== undefined) throw first.error;
  const { operation: _ended, ...rest } = switching;
  const note = await recordFailure(records, withHistory(rest, historyEntry(ctx.run, revision, 'failed')));
  if (from === undefined)
    return { serving: `${describeRef(undo.ref)} was removed again: nobody is served, as before this step.${note}` };
  const serving = `Users are back on ${from}${state.current === undefined ? '' : `, revision ${state.current}`}.${note}`;
  const sides = {
    activeRole: from,
    idleRole: role,
    ...(rest.staged !== undefined && { stagedRole: rest.staged.role }),
  };
  if (ctx.signal.aborted) return { ...sides, serving };
  try {
    const signal = new AbortController().signal;
    await confirmEndpoints({ ctx, service: undo.ref, wanted: back.old, timeoutMs: confirmMs, signal });
    return { ...sides, serving };
  } catch (error) {
    return { ...sides, serving: `${serving} But its endpoints are not confirmed: ${asCutoverError(error).message}` };
  }
}

async function stay(
  ctx: RunContext,
  trafficSwitch: TrafficSwitch,
  left: { readonly way: Way; readonly why: string },
): Promise<Whereabouts> {
  const { role, revision } = trafficSwitch;
  const { undo, switching } = left.way;
  const note = await recordFailure(ctx.records, withHistory(switching, historyEntry(ctx.run, revision, 'failed')));
  const where = `${describeRef(undo.ref)} points at ${role}, revision ${revision.number}`;
  return { activeRole: role, serving: `${where}: ${left.why}${note}` };
}

/** Ready pods that a Service selects; `undefined` stands for one that did not exist. */
export async function readyPods(cluster: Cluster, service: KubeObject | undefined): Promise<readonly KubeObject[]> {
  if (service === undefined) return [];
  const { namespace } = refOf(service);
  const pods = await cluster.list(
    { apiVersion: 'v1', kind: 'Pod', ...(namespace !== undefined && { namespace }) },
    {
      labelSelector: Object.entries(selectorOf(service))
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
    },
  );
  return pods.filter(isReady);
}
