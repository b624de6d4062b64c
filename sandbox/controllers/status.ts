import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../object.js';
import type { Store } from '../api/store/store.js';
import type { Condition } from './condition.js';
import { timestamp } from './kinds.js';

/** Writes the object's status if it differs from the one it has. */
export function writeStatus(store: Store, object: KubeObject, status: object): void {
  if (isDeepStrictEqual(object['status'] ?? {}, status)) return;
  store.update({ ...object, status }, { part: 'status' });
}

/** What a condition says now; its times are filled in by {@link setCondition}. */
export type Verdict = Pick<Condition, 'type' | 'status'> & { readonly reason?: string; readonly message?: string };

/** `conditions` with the new condition. lastTransitionTime changes only with the status. */
export function setCondition(conditions: readonly Condition[], verdict: Verdict): readonly Condition[] {
  const old = conditions.find(({ type }) => type === verdict.type);
  const lastTransitionTime = old?.status === verdict.status ? old.lastTransitionTime : timestamp();
  const fresh: Condition = lastTransitionTime === undefined ? verdict : { ...verdict, lastTransitionTime };
  return old ? conditions.map(condition => (condition === old ? fresh : condition)) : [...conditions, fresh];
}

/**
 * As {@link setCondition}, but as Deployments and ReplicaSets do it: what has the same status and reason stays as it is,
 * anything else moves to the end.
 */
export function putCondition(conditions: readonly Condition[], verdict: Verdict): readonly Condition[] {
  const old = conditions.find(({ type }) => type === verdict.type);
  if (old?.status === verdict.status && old.reason === verdict.reason) return conditions;
  const [fresh] = setCondition(old ? [old] : [], verdict);
  return [...dropCondition(conditions, verdict.type), ...(fresh ? [fresh] : [])];
}

/** `conditions` without that type. */
export function dropCondition(conditions: readonly Condition[], type: string): readonly Condition[] {
  return conditions.filter(condition => condition.type !== type);
}

/** The members whose number is not 0, as Kubernetes omits empty counts. */
export function nonZero(counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}
