import { whyNeverRecreated } from '../../cluster/ownership/ownership.js';
import { CutoverError } from '../../errors.js';
import { refKey, refOf, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import { referredTo } from '../../kubernetes/pods/config-references.js';
import { isBeingDeleted } from '../../kubernetes/pods/pod.js';
import { isOwnedBy, mayBeOwnedBy } from '../../manifests/owner.js';
import type { Resource } from '../../manifests/resource.js';
import type { Revision } from '../../release/revision.js';
import type { FormerObject, ReleaseState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import { describeLeftObjects } from '../outcome/left-objects-text.js';

/** At most so many left objects are kept on record. */
const most = 100;

/** What a revision needs. */
export interface Needs {
  readonly refs: readonly ObjectRef[];
  /** The number of the revision. */
  readonly by: number;
}

/** What may have left the manifests. */
export interface LeftCandidates {
  readonly state: ReleaseState;
  /** Objects of earlier revisions, first the left ones on record, oldest first. An object may be there more than once. */
  readonly earlier: readonly FormerObject[];
  /** What the manifests have now. */
  readonly resources: readonly Resource[];
  /** What revisions need, in addition to `resources` and to `neededBy` of `earlier`. Absent: nothing. */
  readonly needs?: readonly Needs[];
  /** Whether it is not known what reachable revisions need, so that every object counts as needed. Default: false. */
  readonly keepsAll?: boolean;
}

/**
 * The objects of earlier revisions that the manifests do not have and that may still be live. Each says whether a revision needs it:
 * the one that these manifests become, or one on record. Needed ConfigMaps and Secrets are not looked for in the cluster, so they may
 * be gone. Jobs are left out: their names often change with each revision.
 */
export async function findLeft(ctx: RunContext, candidates: LeftCandidates): Promise<readonly FormerObject[]> {
  const { state, keepsAll = false } = candidates;
  const looked = await Promise.all(
    withoutRendered(candidates).map(async (candidate): Promise<readonly LookedFor[]> => {
      const { neededBy = 0, ...ref } = candidate;
      const isNeeded = keepsAll || neededBy > state.latest || state.revisions.some(number => number <= neededBy);
      const former = isNeeded ? candidate : ref;
      if (isNeeded && isConfiguration(ref)) return [{ former }];
      const found = await liveOwnerOf(ctx, ref);
      if (found.owner === 'others') return [];
      const { owner, live } = found;
      return [{ former: owner === 'unknown' ? { ...former, ownedByName: ctx.records.release } : former, live }];
    }),
  );
  const found = looked.flat();
  // What a needed object refers to is needed as long as that object.
  const needsOfNeeded = lastNeedOf(
    found.flatMap(({ former: { neededBy: by }, live }) =>
      live === undefined || by === undefined ? [] : [{ refs: referredTo([live]), by }],
    ),
  );
  return found.map(({ former }) => raiseNeededBy(former, needsOfNeeded.get(refKey(former)) ?? 0));
}

/** The candidates that the manifests do not have, each once, with the last revision that needs it. */
function withoutRendered(candidates: LeftCandidates): readonly FormerObject[] {
  const { state, earlier, resources, needs = [], keepsAll = false } = candidates;
  const rendered = keysOf(resources);
  // The manifests become the next revision.
  const next = { refs: referredTo(resources.map(({ object }) => object)), by: state.latest + 1 };
  const lastNeed = lastNeedOf([next, ...needs]);
  const merged = new Map<string, FormerObject>();
  for (const ref of earlier.filter(({ kind }) => kind !== 'Job')) {
    const key = refKey(ref);
    if (rendered.has(key)) continue;
    const seen = merged.get(key)?.neededBy ?? 0;
    merged.set(key, raiseNeededBy(ref, Math.max(seen, lastNeed.get(key) ?? 0, keepsAll ? state.latest : 0)));
  }
  return [...merged.values()];
}

/** A candidate that is live, or was not looked for. */
interface LookedFor {
  readonly former: FormerObject;
  /** Absent: it was not read. */
  readonly live?: KubeObject;
}

/** By the key of an object: the number of the last revision that needs it. */
function lastNeedOf(needs: readonly Needs[]): ReadonlyMap<string, number> {
  const last = new Map<string, number>();
  for (const { refs, by } of needs) {
    for (const key of refs.map(refKey)) last.set(key, Math.max(by, last.get(key) ?? 0));
  }
  return last;
}

/** The object, with `neededBy` raised to this number if it is lower; 0: as it is. */
function raiseNeededBy(former: FormerObject, number: number): FormerObject {
  return number === 0 ? former : { ...former, neededBy: Math.max(number, former.neededBy ?? 0) };
}

/** Warns of left objects. Called when the step has succeeded: a step that fails restores the pods that need them. */
export function tellLeft({ log }: Pick<RunContext, 'log'>, left: readonly FormerObject[]): void {
  const told = left.filter(isTold);
  if (told.length > 0) log.warning(describeLeftObjects(told));
}

/** The left objects as they are kept on record: the newest ones, without what only this step has found. */
export function leftOnRecord(left: readonly FormerObject[]): readonly FormerObject[] {
  return left.slice(-most).map(({ ownedByName: _found, ...former }) => former);
}

/** The state with these left objects on record, in place of those that were there before. */
export function withLeft<S extends ReleaseState>(state: S, left: readonly FormerObject[]): S {
  const { left: _before, ...rest } = state;
  const without = rest as S;
  return left.length === 0 ? without : { ...without, left: leftOnRecord(left) };
}

/**
 * Whether a left object is named. A ConfigMap or Secret that a revision needs is not: where their names change with each revision, there
 * would be one for each revision on record.
 */
export function isTold(former: FormerObject): boolean {
  return former.neededBy === undefined || !isConfiguration(former);
}

/**
 * References to all objects of a revision. Those that a later step would miss are needed up to revision `latest`: what a rollback does
 * not create again (Secrets, for example: their data is on no record), and what the objects refer to, such as ConfigMaps and the
 * ServiceAccounts of pods.
 */
export function formerObjects(
  { objects, shared, secrets }: Revision,
  { latest, namespace }: { readonly latest: number; readonly namespace: string },
): readonly FormerObject[] {
  const all = [...objects, ...shared];
  // A blue/green rollback applies no shared object. A shared ConfigMap is needed only if something refers to it.
  const kept = [
    ...objects.filter(object => whyNeverRecreated(object, namespace) !== undefined),
    ...shared.filter(({ kind }) => kind !== 'ConfigMap'),
  ];
  const refs = secrets.map(({ ref }) => ref);
  const needed = new Set([...refs, ...referredTo(all), ...kept.map(refOf)].map(refKey));
  return [...all.map(refOf), ...refs].map(ref => (needed.has(refKey(ref)) ? { ...ref, neededBy: latest } : ref));
}

function isConfiguration({ apiVersion, kind }: ObjectRef): boolean {
  return apiVersion === 'v1' && (kind === 'ConfigMap' || kind === 'Secret');
}

/** The keys of the objects. */
export function keysOf(resources: readonly Resource[]): ReadonlySet<string> {
  return new Set(resources.map(({ object }) => refKey(refOf(object))));
}

/**
 * Who owns a live object. `unknown`: the annotation does not tell whether it is this release. `others`: nothing may be said about the
 * object; also where it is gone or cannot be read.
 */
type LiveOwner = { readonly owner: 'release' | 'unknown'; readonly live: KubeObject } | { readonly owner: 'others' };

async function liveOwnerOf(ctx: RunContext, ref: ObjectRef): Promise<LiveOwner> {
  try {
    const live = await ctx.cluster.get(ref);
    if (live === undefined || isBeingDeleted(live)) return { owner: 'others' };
    if (isOwnedBy(live, ctx.records)) return { owner: 'release', live };
    return mayBeOwnedBy(live, ctx.records) ? { owner: 'unknown', live } : { owner: 'others' };
  } catch (error) {
    // Its kind is not served any more, or may not be read.
    if (error instanceof CutoverError && ['unknown-kind', 'not-found', 'forbidden'].includes(error.code))
      return { owner: 'others' };
    throw error;
  }
}
