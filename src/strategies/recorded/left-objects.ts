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

/** So many objects that left before are kept on record. */
const most = 100;

/** Objects whose references are needed. */
export interface Needing {
  readonly objects: readonly KubeObject[];
  /** The last revision that needs them. */
  readonly until: number;
}

/** What may have left the manifests. */
export interface LeftCandidates {
  readonly state: ReleaseState;
  /** Objects of earlier revisions: first those that left before, oldest first. */
  readonly earlier: readonly FormerObject[];
  /** What the manifests have now. */
  readonly resources: readonly Resource[];
  /** What users are on, and what a rollback leads to. Absent: it creates again what it needs. */
  readonly needing?: readonly Needing[];
  /** What users are on, or what a rollback leads to, is not on record: anything may be needed. Absent: it is. */
  readonly isAnyNeeded?: boolean;
}

/**
 * Those of the objects of earlier revisions that are not among the manifests and may still be live. ConfigMaps and Secrets that the
 * manifests refer to, or that a revision on record needs, are not looked for. Jobs are left out: their names often change with each
 * revision.
 */
export async function findLeft(ctx: RunContext, leaving: LeftCandidates): Promise<readonly FormerObject[]> {
  const { state, earlier, resources, needing = [], isAnyNeeded = false } = leaving;
  const rendered = keysOf(resources);
  // The revision that is about to be deployed is the next one.
  const deployed = { objects: resources.map(({ object }) => object), until: state.latest + 1 };
  const needs = needsOf([deployed, ...needing]);
  const candidates = new Map<string, FormerObject>();
  for (const ref of earlier.filter(({ kind }) => kind !== 'Job')) {
    const key = refKey(ref);
    const before = candidates.get(key)?.neededBy;
    if (!rendered.has(key))
      candidates.set(key, neededUntil(ref, Math.max(before ?? 0, needs.get(key) ?? 0, isAnyNeeded ? state.latest : 0)));
  }
  const looked = await Promise.all(
    [...candidates.values()].map(async (candidate): Promise<readonly LookedFor[]> => {
      const { neededBy: until = 0, ...ref } = candidate;
      const isNeeded = until > state.latest || state.revisions.some(number => number <= until);
      const former = isNeeded ? candidate : ref;
      if (isNeeded && isConfiguration(ref)) return [{ former }];
      const found = await ownerOf(ctx, ref);
      if (found.owner === 'others') return [];
      const { owner, live } = found;
      return [{ former: owner === 'unknown' ? { ...former, ownedByName: ctx.records.release } : former, live }];
    }),
  );
  const found = looked.flat();
  // What is kept needs what it refers to.
  const needsOfKept = needsOf(
    found.flatMap(({ former: { neededBy: until }, live }) =>
      live === undefined || until === undefined ? [] : [{ objects: [live], until }],
    ),
  );
  return found.map(({ former }) => neededUntil(former, needsOfKept.get(refKey(former)) ?? 0));
}

/** A candidate that may be live. */
interface LookedFor {
  readonly former: FormerObject;
  /** Absent: it was not read. */
  readonly live?: KubeObject;
}

/** By the key of an object that is referred to: the last revision that needs it. */
function needsOf(needing: readonly Needing[]): ReadonlyMap<string, number> {
  const needs = new Map<string, number>();
  for (const { objects, until } of needing) {
    for (const key of referredTo(objects).map(refKey)) needs.set(key, Math.max(until, needs.get(key) ?? 0));
  }
  return needs;
}

/** The object, needed at least up to this revision; 0: as it is. */
function neededUntil(former: FormerObject, until: number): FormerObject {
  return until === 0 ? former : { ...former, neededBy: Math.max(until, former.neededBy ?? 0) };
}

/** Warns of what left the manifests. Called when the step has succeeded: one that fails restores the pods that need it. */
export function tellLeft({ log }: Pick<RunContext, 'log'>, left: readonly FormerObject[]): void {
  const told = left.filter(isTold);
  if (told.length > 0) log.warning(describeLeftObjects(told));
}

/** Those that are kept on record. */
export function leftOnRecord(left: readonly FormerObject[]): readonly FormerObject[] {
  return left.slice(-most).map(({ ownedByName: _found, ...former }) => former);
}

/** The state with those on record, in place of what was there before. */
export function withLeft<S extends ReleaseState>(state: S, left: readonly FormerObject[]): S {
  const { left: _before, ...rest } = state;
  const without = rest as S;
  return left.length === 0 ? without : { ...without, left: leftOnRecord(left) };
}

/** Whether an object that was found to be left is named: configuration whose name changes is not, while a revision needs it. */
export function isTold(former: FormerObject): boolean {
  return former.neededBy === undefined || !isConfiguration(former);
}

/**
 * All objects of a revision. Revisions up to the latest one may need what their rollback does not create again, and what their pods
 * name: ConfigMaps, Secrets, whose data is on no record, and ServiceAccounts, which pods that are not replaced yet still use.
 */
export function formerObjects(
  { objects, shared, secrets }: Revision,
  { latest, namespace }: { readonly latest: number; readonly namespace: string },
): readonly FormerObject[] {
  const all = [...objects, ...shared];
  // A blue/green rollback leaves shared objects as they are. A ConfigMap that no pod reads is needed by none.
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

/** A live object, and who owns it; `others` also where there is none, and where nothing can be said of it. */
type Owned = { readonly owner: 'release' | 'unknown'; readonly live: KubeObject } | { readonly owner: 'others' };

async function ownerOf(ctx: RunContext, ref: ObjectRef): Promise<Owned> {
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
