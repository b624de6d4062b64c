import { takenOver } from '../../cluster/ownership/drift.js';
import { releaseOf } from '../../cluster/ownership/ownership.js';
import { asCutoverError } from '../../errors.js';
import { isFields, listAt } from '../../kubernetes/fields.js';
import { refKey, refOf, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import type { Revision } from '../../release/revision.js';
import type { RunContext } from '../../run/context.js';
import { endpointSliceKind } from '../../traffic/service-endpoints.js';
import type { Drift, LiveState, ServiceHealth } from '../outcome/live-state.js';

/** What is looked at. */
export interface LiveRequest {
  /** The Services through which users reach the release. */
  readonly services: readonly ObjectRef[];
  /** The objects as they were applied, Jobs aside. Empty while an operation is unfinished: then nobody knows what should be live. */
  readonly recorded: readonly KubeObject[];
}

/** Looks at the endpoints of the Services, and compares what is live with the record. Only reads. */
export async function readLive(ctx: RunContext, { services, recorded }: LiveRequest): Promise<LiveState> {
  const compared = new Map(recorded.map(object => [refKey(refOf(object)), object]));
  const [health, found] = await Promise.all([
    Promise.all(services.map(ref => serviceHealth(ctx, ref))),
    Promise.all([...compared.values()].map(object => compare(ctx, object))),
  ]);
  return {
    services: health,
    drift: found.flatMap(one => (one !== undefined && 'what' in one ? [one] : [])),
    uncompared: found.flatMap(one => (one !== undefined && 'reason' in one ? [one] : [])),
  };
}

/** The objects of a revision that stay as they were applied while it serves users; Jobs run, and may be deleted after that. */
export function servingObjects({ objects, shared, applyAfterSwitch, publicService }: Revision): readonly KubeObject[] {
  const own = [...objects, ...shared, ...applyAfterSwitch, ...(publicService === undefined ? [] : [publicService])];
  return own.filter(({ kind }) => kind !== 'Job');
}

async function serviceHealth(ctx: RunContext, ref: ObjectRef): Promise<ServiceHealth> {
  const { namespace, name } = ref;
  const kind = { ...endpointSliceKind, ...(namespace !== undefined && { namespace }) };
  const [service, slices] = await Promise.all([
    ctx.cluster.get(ref),
    ctx.cluster.list(kind, { labelSelector: `kubernetes.io/service-name=${name}` }),
  ]);
  return { ref, ...(service !== undefined && { endpoints: readyTargets(slices).size }) };
}

/** A pod is in one slice for each of its addresses. An absent `ready` means unknown, which consumers must read as ready. */
function readyTargets(slices: readonly KubeObject[]): ReadonlySet<string> {
  const endpoints = slices.flatMap(slice => listAt(slice, ['endpoints'])).filter(isFields);
  const ready = endpoints.filter(({ conditions }) => !isFields(conditions) || conditions['ready'] !== false);
  return new Set(ready.map(({ targetRef, addresses }) => JSON.stringify(targetRef ?? addresses)));
}

type Comparison = Drift | LiveState['uncompared'][number] | undefined;

async function compare(ctx: RunContext, object: KubeObject): Promise<Comparison> {
  const ref = refOf(object);
  try {
    const live = await ctx.cluster.get(ref);
    if (live === undefined) return { ref, what: 'gone', by: [] };
    if (releaseOf(live) !== ctx.records.release) return { ref, what: 'not-owned', by: [] };
    const by = takenOver(object, live);
    return by.length === 0 ? undefined : { ref, what: 'changed', by };
  } catch (error) {
    const { code, message } = asCutoverError(error);
    // A status answers as much as it can: it is asked for when something is wrong.
    if (code === 'forbidden' || code === 'unknown-kind' || code === 'not-found') return { ref, reason: message };
    throw error;
  }
}
