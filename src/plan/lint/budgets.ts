import { fieldAt, fieldsAt } from '../../kubernetes/fields.js';
import { resolveIntOrPercent } from '../../kubernetes/int-or-percent.js';
import type { Resource } from '../../manifests/resource.js';
import type { Rule, LintContext, Violation } from './rule.js';
import { leastReplicas, nameOf, ofKind, podIndex } from './context.js';

/** What a budget comes to for the pods that it is about. */
interface Budget {
  readonly resource: Resource;
  readonly field: 'minAvailable' | 'maxUnavailable';
  /** Pods that may be away at once, of how many; both `undefined` where only a percentage can be judged. */
  readonly away: number;
  readonly of: number;
}

/** Stands for the pods of a budget that selects nothing of the manifests: only 0 and 100 % mean the same for any number. */
const unknownPods = 100_000;

function budgetsOf(context: LintContext): readonly Budget[] {
  return ofKind(context, 'policy/PodDisruptionBudget').flatMap((resource): Budget[] => {
    const of = podsOf(context, resource);
    const field =
      fieldAt(resource.object, ['spec', 'maxUnavailable']) === undefined ? 'minAvailable' : 'maxUnavailable';
    // A budget that says neither keeps one pod.
    const value = fieldAt(resource.object, ['spec', field]) ?? 1;
    const allowed = resolveIntOrPercent(value, of, 'up');
    if (allowed === undefined || of === 0) return [];
    return [{ resource, field, of, away: Math.max(0, field === 'minAvailable' ? of - allowed : allowed) }];
  });
}

function podsOf(context: LintContext, budget: Resource): number {
  const selector = fieldsAt(budget.object, ['spec', 'selector']);
  const idle = new Set([...context.idle].map(({ object }) => object));
  const { namespace } = budget.object.metadata;
  const selected = podIndex(context)
    .selectedBy(namespace, selector)
    .filter(({ kind }) => !kind.endsWith('Job'));
  if (selected.length === 0) return unknownPods;
  return selected.reduce((sum, object) => {
    // A budget that both roles share also counts the pods of the other one.
    const roles = idle.has(object) && !context.idle.has(budget) ? 2 : 1;
    return sum + leastReplicas(context, { object }) * roles;
  }, 0);
}

const violationOf = ({ resource, field }: Budget, words: { message: string; remedy: string }): Violation => ({
  ...words,
  resource,
  path: ['spec', field],
});

export const budgetBlocks: Rule = context =>
  budgetsOf(context)
    .filter(({ away }) => away === 0)
    .map(budget =>
      violationOf(budget, {
        message: `${nameOf(budget.resource)} allows no eviction at all: nodes cannot be drained, until somebody deletes pods by force.`,
        remedy: 'Let one pod be away: `maxUnavailable: 1`, with two replicas or more.',
      }),
    );

export const budgetAllowsAll: Rule = context =>
  budgetsOf(context)
    .filter(({ away, of }) => of > 1 && away >= of)
    .map(budget =>
      violationOf(budget, {
        message: `${nameOf(budget.resource)} lets all pods be evicted at once, so it protects nothing.`,
        remedy: 'Let one pod be away: `maxUnavailable: 1`.',
      }),
    );
