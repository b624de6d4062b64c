import { refKey, refOf, type ObjectRef } from '../../kubernetes/object.js';
import type { PlannedChange, Snapshot } from '../../plan/change.js';
import type { OperationContext } from '../../run/context.js';
import type { ObjectChange } from './outcome.js';
import type { Restored } from './restored.js';

/** The planned change of each object, for the report. */
export function changesOf(planned: readonly PlannedChange[]): readonly ObjectChange[] {
  return planned.map(({ resource, change }) => ({ ref: refOf(resource.object), change }));
}

/** Changes one after the other as one list, with one entry for each object. One that was created and then deleted has none. */
export function mergedChanges(...parts: readonly (readonly ObjectChange[])[]): readonly ObjectChange[] {
  const merged = new Map<string, ObjectChange>();
  for (const { ref, change } of parts.flat()) {
    const key = refKey(ref);
    const both = together(merged.get(key)?.change, change);
    if (both === undefined) merged.delete(key);
    else merged.set(key, { ref, change: both });
  }
  return [...merged.values()];
}

/**
 * The same where the last part failed after others that stay: what it restored is as those left it, and not as it was before the
 * step.
 */
export function changesBeforeFailure(
  before: readonly ObjectChange[],
  failed: readonly ObjectChange[],
): readonly ObjectChange[] {
  const changed = new Set(before.filter(({ change }) => change !== 'unchanged').map(({ ref }) => refKey(ref)));
  return mergedChanges(
    before,
    failed.filter(({ ref, change }) => change !== 'restored' || !changed.has(refKey(ref))),
  );
}

type Change = ObjectChange['change'];

/** `undefined`: there is nothing to tell. */
function together(before: Change | undefined, after: Change): Change | undefined {
  if (before === undefined || before === 'unchanged') return after;
  if (before === 'created' && after === 'deleted') return undefined;
  if (before === 'deleted' && after === 'created') return 'recreated';
  const isNew = before === 'created' || before === 'recreated';
  return after === 'unchanged' || (isNew && after === 'changed') ? before : after;
}

/** Notes what a step changes while it goes forward. */
export class ChangeNotes {
  #noted: readonly ObjectChange[] = [];

  get list(): readonly ObjectChange[] {
    return this.#noted;
  }

  /** The same context, whose writes are noted. */
  follow(ctx: OperationContext): OperationContext {
    const { writer } = ctx;
    const note = (ref: ObjectRef, change: Change): void => {
      this.#noted = mergedChanges(this.#noted, [{ ref, change }]);
    };
    return {
      ...ctx,
      writer: {
        setManagedFields: (live, fields) => writer.setManagedFields(live, fields),
        // A pod is no object of the application's: its controller creates another one.
        evict: (pod, preconditions) => writer.evict(pod, preconditions),
        async apply(object, options) {
          const applied = await writer.apply(object, options);
          note(refOf(object), applied.created ? 'created' : 'changed');
          return applied;
        },
        async create(object) {
          const created = await writer.create(object);
          note(refOf(object), 'created');
          return created;
        },
        async replace(object) {
          const replaced = await writer.replace(object);
          note(refOf(object), 'changed');
          return replaced;
        },
        async remove(ref, preconditions) {
          await writer.remove(ref, preconditions);
          note(ref, 'deleted');
        },
      },
    };
  }
}

/**
 * The changes of a step that failed, after its restore: an object that is as it was before the step is `restored`. One that did not
 * exist before is gone again.
 */
export function changesAfterRestore(
  changes: readonly ObjectChange[],
  { restored, snapshots }: { readonly restored: Restored; readonly snapshots: readonly Snapshot[] },
): readonly ObjectChange[] {
  const exceptions = notRestored(restored);
  if (exceptions === undefined) return changes;
  const keys = new Set(snapshots.map(({ ref }) => refKey(ref)));
  for (const ref of exceptions) keys.delete(refKey(ref));
  return changes.map(one => (keys.has(refKey(one.ref)) ? { ...one, change: 'restored' } : one));
}

/** The objects that a restore did not restore; `undefined`: which those are is not known. */
function notRestored(restored: Restored): readonly ObjectRef[] | undefined {
  switch (restored.kind) {
    case 'complete':
      return [...restored.withheld, ...restored.kept, ...restored.left.map(({ ref }) => ref)];
    case 'incomplete':
      return restored.except && [...restored.failed, ...restored.except];
    case 'not-ready':
      return restored.except;
    default:
      return undefined;
  }
}
