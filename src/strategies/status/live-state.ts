import { takenOver } from '../../cluster/ownership/drift.js';
import { refKey, refOf, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import { isOwnedBy } from '../../manifests/owner.js';
import { isFresh, leaseRef, runOf } from '../../release/lock/lease.js';
import { recordRef } from '../../release/record-secret.js';
import { secretHash, type RecordedSecret, type Revision } from '../../release/revision.js';
import type { RunContext } from '../../run/context.js';
import type { Drift, LiveState, Uncompared } from '../outcome/live-state.js';
import { lookAtService, reasonOf } from './services.js';

/** What is looked at. */
export interface LiveRequest {
  /** The Services through which users reach the release. */
  readonly services: readonly ObjectRef[];
  /** What should be live. Empty while an operation is unfinished: then nobody knows. */
  readonly recorded: readonly Recorded[];
  /** What else may run pods behind the Services. */
  readonly alsoOwn?: readonly ObjectRef[];
  /** Revisions that are not on record any more, so that nobody knows which objects they have. */
  readonly lost: readonly number[];
}

/** An object as it was applied, or a Secret. */
type Recorded = KubeObject | RecordedSecret;

/** Looks at the Services and the lock, and compares what is live with the record. Only reads. */
export async function readLive(ctx: RunContext, request: LiveRequest): Promise<LiveState> {
  const { services, recorded, alsoOwn = [], lost } = request;
  const { release, namespace } = ctx.records;
  const compared = new Map(recorded.map(one => [refKey(refOfRecorded(one)), one]));
  const own = new Set(compared.size === 0 ? [] : [...compared.keys(), ...alsoOwn.map(refKey)]);
  const [looks, found, lock] = await Promise.all([
    Promise.all(services.map(ref => lookAtService(ctx, ref, own))),
    Promise.all([...compared.values()].map(one => compare(ctx, one))),
    readLock(ctx),
  ]);
  const isGone = (number: number): Uncompared => ({
    ref: recordRef(release, namespace, number),
    reason: `revision ${number} is not on record any more, so which objects belong to it is unknown`,
  });
  return {
    services: looks.map(({ health }) => health),
    strangers: looks.flatMap(({ strangers }) => strangers),
    drift: found.flatMap(one => (one !== undefined && 'what' in one ? [one] : [])),
    uncompared: [
      ...lost.map(isGone),
      ...looks.flatMap(({ unknown }) => unknown),
      ...found.flatMap(one => (one !== undefined && 'reason' in one ? [one] : [])),
      ...lock.unknown,
    ],
    ...(lock.running !== undefined && { running: lock.running }),
  };
}

/** What of a revision stays as it was applied while it serves users; Jobs run, and may be deleted after that. */
export function servingObjects(revision: Revision): readonly Recorded[] {
  const { applyAfterSwitch, publicServices } = revision;
  return [...stagedObjects(revision), ...withoutJobs([...applyAfterSwitch, ...publicServices])];
}

/** The same of one that is only staged: the shared objects are applied then. */
export function stagedObjects({ objects, shared, secrets }: Revision): readonly Recorded[] {
  return [...withoutJobs([...objects, ...shared]), ...secrets];
}

function withoutJobs(objects: readonly KubeObject[]): readonly KubeObject[] {
  return objects.filter(({ kind }) => kind !== 'Job');
}

function refOfRecorded(recorded: Recorded): ObjectRef {
  return isRecordedSecret(recorded) ? recorded.ref : refOf(recorded);
}

/** An object may have any field, also `hash`. */
function isRecordedSecret(recorded: Recorded): recorded is RecordedSecret {
  return !('metadata' in recorded);
}

type Comparison = Drift | Uncompared | undefined;

async function compare(ctx: RunContext, recorded: Recorded): Promise<Comparison> {
  const ref = refOfRecorded(recorded);
  try {
    const live = await ctx.cluster.get(ref);
    if (live === undefined) return { ref, what: 'gone', by: [] };
    if (!isOwnedBy(live, ctx.records)) return { ref, what: 'not-owned', by: [] };
    const by = takenOver(appliedOf(recorded, live), live);
    return by.length === 0 ? undefined : { ref, what: 'changed', by };
  } catch (error) {
    return { ref, reason: reasonOf(error) };
  }
}

/** The data of a Secret is not on record: where it is another one, whoever else owns a part of it has changed it. */
function appliedOf(recorded: Recorded, live: KubeObject): KubeObject {
  if (!isRecordedSecret(recorded)) return recorded;
  const { apiVersion, kind, metadata } = live;
  const bare = { apiVersion, kind, metadata: { name: metadata.name } };
  return secretHash(live) === recorded.hash ? bare : { ...bare, data: live['data'] };
}

/** The run that holds the lock. */
async function readLock(
  ctx: RunContext,
): Promise<{ readonly running?: string; readonly unknown: readonly Uncompared[] }> {
  const ref = leaseRef(ctx.records.release, ctx.records.namespace);
  try {
    const lease = await ctx.cluster.get(ref);
    return { unknown: [], ...(lease !== undefined && isFresh(lease) && { running: runOf(lease) }) };
  } catch (error) {
    return { unknown: [{ ref, reason: `whether a run is at work is unknown: ${reasonOf(error)}` }] };
  }
}
