import type { KubeObject } from '../object.js';
import type { Store } from '../api/store/store.js';
import type { Kind } from './kinds.js';
import { controlledBy, controllerOf, hasLabels, listKind } from './kinds.js';

/** A controller and the labels of what it looks after. */
export interface Claim {
  readonly owner: KubeObject;
  readonly matchLabels: Readonly<Record<string, string>>;
}

/**
 * Objects of the kind that the owner controls. Matching objects without a controller are adopted; those that no longer match
 * are released.
 */
export function claimed<T extends KubeObject>(
  store: Store,
  kind: Kind<T>,
  { owner, matchLabels }: Claim,
): readonly T[] {
  const { uid, namespace, deletionTimestamp } = owner.metadata;
  return listKind(store, kind, namespace).flatMap((object): readonly T[] => {
    const fits = hasLabels(object.metadata.labels, matchLabels);
    const controller = controllerOf(object);
    const mine = controller?.uid === uid;
    if (mine && fits) return [object];
    const leaving = object.metadata.deletionTimestamp !== undefined || deletionTimestamp !== undefined;
    if (leaving) return mine ? [object] : [];
    const others = (object.metadata.ownerReferences ?? []).filter(reference => reference !== controller);
    if (mine) store.update(withOwners(object, others));
    if (mine || !fits || controller) return [];
    return [store.update(withOwners(object, [...others, ...controlledBy(owner)])) as T];
  });
}

function withOwners(
  object: KubeObject,
  ownerReferences: NonNullable<KubeObject['metadata']['ownerReferences']>,
): KubeObject {
  return { ...object, metadata: { ...object.metadata, ownerReferences } };
}
