import { groupKind } from '../kubernetes/kinds.js';
import type { KindRef, ObjectRef } from '../kubernetes/object.js';
import { rolloutRuleOf } from './readiness/table.js';

/** The watches that the rules of the targets need: each kind and namespace once. Targets that no rule waits for need none. */
export function watchedKinds(targets: readonly ObjectRef[]): readonly KindRef[] {
  const watched = new Map<string, KindRef>();
  for (const { apiVersion, kind, namespace } of targets) {
    const rule = rolloutRuleOf({ apiVersion, kind });
    if (rule === undefined) continue;
    for (const one of [{ apiVersion, kind }, ...rule.watch]) {
      const ref = { ...one, ...(namespace !== undefined && { namespace }) };
      watched.set(kindKey(ref), ref);
    }
  }
  return [...watched.values()];
}

/** Equal for the same kind in the same namespace. */
export function kindKey({ apiVersion, kind, namespace = '' }: KindRef): string {
  return `${groupKind({ apiVersion, kind })} ${namespace}`;
}
