import { fieldAt } from './fields.js';
import { groupKind } from './kinds.js';
import type { KubeObject } from './object.js';
import { selectorMatches, type Labels } from './selectors.js';

export function isBudget(object: Pick<KubeObject, 'apiVersion' | 'kind'>): boolean {
  return groupKind(object) === 'policy/PodDisruptionBudget';
}

/** Whether a disruption budget covers pods of its namespace with these labels. An empty selector covers all. */
export function coversPods(budget: KubeObject, labels: Labels): boolean {
  return selectorMatches(fieldAt(budget, ['spec', 'selector']), labels);
}
