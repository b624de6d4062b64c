import type { LeftObject } from '../../cluster/apply/restore-snapshots.js';
import { ownershipOf, type Ownership } from '../../cluster/ownership/ownership.js';
import { asCutoverError, type CutoverError } from '../../errors.js';
import { describeRef, describeRefs, refKey, refOf, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import { isOwnedBy, isOwnedOrUnknown, ownerValue, releaseOf, whyNotOwned } from '../../manifests/owner.js';
import { differs, type Snapshot } from '../../plan/change.js';
import { own } from '../../own.js';
import type { BlueGreenState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import { isFound } from './found-objects.js';
import { notOwned } from './not-owned.js';

/** The release whose record names the objects. */
export type RecordedContext = Pick<RunContext, 'cluster' | 'records' | 'log'>;

const remedy = 'Deploy again from the manifests if the release needs it.';

/** The recorded objects that the release owns, and those that are gone and may be created again. Warns of every other one. */
export async function ownedObjects(
  ctx: RecordedContext,
  objects: readonly KubeObject[],
): Promise<readonly KubeObject[]> {
  const found = await ownershipsOf(ctx, objects);
  return found.flatMap(({ object, ownership }) => {
    if (ownership.kind === 'owned' || ownership.kind === 'absent') return [object];
    warn(ctx, refOf(object), ownership.why);
    return [];
  });
}

/**
 * The same for a step that needs all of them: throws `record` when others own one. Two kinds are left out with a warning: what is gone
 * and must not be created from the record, and what has no namespace and may belong to another release of this name.
 */
export async function requireOwnedObjects(
  ctx: RecordedContext,
  objects: readonly KubeObject[],
): Promise<readonly KubeObject[]> {
  const found = await ownershipsOf(ctx, objects);
  const foreign = found.flatMap(({ object, ownership }) =>
    ownership.kind === 'foreign' && !isOwnedOrUnknown(ownership.live, ctx.records)
      ? [`${describeRef(refOf(object))}: ${ownership.why}`]
      : [],
  );
  if (foreign.length > 0) throw notOwned(ctx, foreign);
  return found.flatMap(({ object, ownership }) => {
    if (!('why' in ownership)) return [object];
    warn(ctx, refOf(object), ownership.why);
    return [];
  });
}

/** The live object that the record names. `undefined`: it is gone, or others own it, which is logged as a warning. */
export async function ownedLive(ctx: RecordedContext, ref: ObjectRef): Promise<KubeObject | undefined> {
  const [found] = await ownershipsOf(ctx, [objectOf(ref)]);
  if (found?.ownership.kind === 'owned') return found.ownership.live;
  if (found?.ownership.kind === 'foreign') warn(ctx, ref, found.ownership.why);
  return undefined;
}

/** Recorded snapshots, by what may be restored. */
export interface OwnedSnapshots {
  readonly owned: readonly Snapshot[];
  /** Objects of others that differ from their snapshots, and stay as they are. */
  readonly foreign: readonly LeftObject[];
  /** Objects that are gone and are not created from the record. */
  readonly notRecreated: readonly LeftObject[];
  /** Live objects that could not be read, so that it is not known who owns them. */
  readonly unreadable: readonly Unreadable[];
}

interface Unreadable {
  readonly ref: ObjectRef;
  readonly error: CutoverError;
}

/**
 * Sorts recorded snapshots by whether they may be restored; warns of those that may not. The annotation of the live object decides: an
 * operation sets it when it applies an object, also on an object of others. An object without it was not changed by the operation, so
 * there is nothing to restore. Snapshots of objects that did not exist are all `owned` here: who owns the live object is asked right
 * before it is deleted.
 */
export async function ownedSnapshots(ctx: RecordedContext, snapshots: readonly Snapshot[]): Promise<OwnedSnapshots> {
  const owned: Snapshot[] = [];
  const foreign: LeftObject[] = [];
  const notRecreated: LeftObject[] = [];
  const unreadable: Unreadable[] = [];
  const judged = snapshots.map(async snapshot => {
    const { object } = snapshot;
    const [found] = object === undefined ? [] : await ownershipsOf(ctx, [object]);
    return { snapshot, ownership: found?.ownership };
  });
  for (const [index, result] of (await Promise.allSettled(judged)).entries()) {
    if (result.status === 'rejected') {
      const { ref } = snapshots[index] as Snapshot;
      const error = asCutoverError(result.reason);
      unreadable.push({ ref, error });
      continue;
    }
    const { snapshot, ownership } = result.value;
    const { ref, object } = snapshot;
    if (object === undefined || ownership === undefined) owned.push(snapshot);
    else if (ownership.kind === 'owned' || ownership.kind === 'absent') owned.push(snapshot);
    else if (ownership.kind === 'not-recreated') notRecreated.push({ ref, why: ownership.why });
    else if (differs(ownership.live, object)) foreign.push({ ref, why: ownership.why });
    else continue;
    if (ownership !== undefined && 'why' in ownership) warn(ctx, ref, ownership.why);
  }
  return { owned, foreign, notRecreated, unreadable };
}

/** Says of each object that could not be read why it is not restored. */
export function logUnreadable({ log }: RecordedContext, unreadable: OwnedSnapshots['unreadable']): void {
  for (const { ref, error } of unreadable) log.error(`${describeRef(ref)} could not be restored: ${error.message}`);
}

/** The recorded snapshots that a step may restore if it fails. Throws when one of the live objects could not be read. */
export async function requireOwnedSnapshots(
  ctx: RecordedContext,
  snapshots: readonly Snapshot[],
): Promise<readonly Snapshot[]> {
  const { owned, unreadable } = await ownedSnapshots(ctx, snapshots);
  const [first] = unreadable;
  if (first !== undefined) throw first.error;
  return owned;
}

/**
 * {@link requireOwnedService} for each of the public Services of a recorded revision, which must be those of the release: what a failure
 * restores are the Services of the release. `liveBefore`: as they are live; `foundUids`: by their keys.
 */
export function requireOwnedServices(
  ctx: RecordedContext,
  recorded: {
    readonly state: BlueGreenState;
    readonly publicServices: readonly KubeObject[];
    readonly liveBefore: readonly Snapshot[];
    readonly foundUids?: Readonly<Record<string, string>> | undefined;
  },
): void {
  const { state, publicServices, liveBefore, foundUids = {} } = recorded;
  const keys = new Set(publicServices.map(object => refKey(refOf(object))));
  const missing = state.publicServices.filter(ref => !keys.has(refKey(ref)));
  if (missing.length > 0)
    throw notOwned(
      ctx,
      missing.map(ref => `${describeRef(ref)}: the revision does not have this public Service`),
    );
  for (const publicService of publicServices) {
    const key = refKey(refOf(publicService));
    const live = liveBefore.find(({ ref }) => refKey(ref) === key)?.object;
    requireOwnedService(ctx, { state, publicService, live, foundUid: own(foundUids, key) });
  }
}

/**
 * Throws `record` unless the recorded public Service is the one of the release, and the release owns the live one. `live`: the
 * Service of that name; absent: it does not exist yet. A Service from before the first deploy has no annotation: then it
 * must be in the namespace of the release, and have its name, or `foundUid`: the uid of the Service that the operation was planned for.
 */
export function requireOwnedService(
  ctx: RecordedContext,
  recorded: {
    readonly state: BlueGreenState;
    readonly publicService: KubeObject;
    readonly live: KubeObject | undefined;
    readonly foundUid?: string | undefined;
  },
): void {
  const { state, publicService, live, foundUid } = recorded;
  const { release, namespace } = ctx.records;
  const ref = refOf(publicService);
  const name = describeRef(ref);
  if (!state.publicServices.some(one => refKey(one) === refKey(ref)))
    throw notOwned(ctx, [`${name}: the public Service of the release is ${describeRefs(state.publicServices)}`]);
  if (live === undefined && ref.namespace === namespace) return;
  if (live === undefined) throw notOwned(ctx, [`${name}: it is gone, and is in another namespace`]);
  if (isOwnedBy(live, ctx.records)) return;
  const value = releaseOf(live);
  if (value === undefined && ref.namespace === namespace && (ref.name === release || isFound(ctx, live, foundUid)))
    return;
  const remedy = `if it is the Service of this release, set the annotation to ${ownerValue(live, ctx.records)}`;
  const why = whyNotOwned(live, ctx.records);
  throw notOwned(ctx, [`${name}: ${why}${value === undefined || value === release ? `; ${remedy}` : ''}`]);
}

function ownershipsOf(
  { cluster, records }: RecordedContext,
  objects: readonly KubeObject[],
): Promise<readonly { readonly object: KubeObject; readonly ownership: Ownership }[]> {
  const { release, namespace } = records;
  return Promise.all(
    objects.map(async object => ({ object, ownership: await ownershipOf(object, { cluster, release, namespace }) })),
  );
}

function objectOf({ apiVersion, kind, name, namespace }: ObjectRef): KubeObject {
  return { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) } };
}

function warn({ log, records }: RecordedContext, ref: ObjectRef, why: string): void {
  log.warning(
    `${describeRef(ref)} is left as it is, though the record of ${records.release} names it: ${why}. ${remedy}`,
  );
}
