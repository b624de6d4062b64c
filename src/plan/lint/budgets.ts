import { fieldAt, fieldsAt } from '../../kubernetes/fields.js';
import { resolveIntOrPercent } from '../../kubernetes/int-or-percent.js';
import type { Resource } from '../../manifests/resource.js';
import type { Rule, LintContext, Violation } from './rule.js';
import { leastReplicas, nameOf, ofKind, podIndex } from './context.js';

/** A PodDisruptionBudget, resolved for the number of pods that it selects. */
interface Budget {
  readonly resource: Resource;
  readonly field: 'minAvailable' | 'maxUnavailable';
  /** Pods that may be evicted at once. */
  readonly evictable: number;
  /** Pods that it selects; {@link unknownPods} where it selects none of the manifests. */
  readonly pods: number;
}

/** Number of pods of a budget that selects none of the manifests: only 0 and 100 % have the same meaning for every number. */
const unknownPods = 100_000;

function budgetsOf(context: LintContext): readonly Budget[] {
  return ofKind(context, 'policy/PodDisruptionBudget').flatMap((resource): Budget[] => {
    const pods = podsOf(context, resource);
    const field =
      fieldAt(resource.object, ['spec', 'maxUnavailable']) === undefined ? 'minAvailable' : 'maxUnavailable';
    // A budget with neither field keeps one pod.
    const value = fieldAt(resource.object, ['spec', field]) ?? 1;
    const limit = resolveIntOrPercent(value, pods, 'up');
    if (limit === undefined || pods === 0) return [];
    return [{ resource, field, pods, evictable: Math.max(0, field === 'minAvailable' ? pods - limit : limit) }];
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

const violationOf = ({ resource, field }: Budget, text: { message: string; remedy: string }): Violation => ({
  ...text,
  resource,
  path: ['spec', field],
});

export const budgetBlocks: Rule = context =>
  budgetsOf(context)
    .filter(({ evictable }) => evictable === 0)
    .map(budget =>
      violationOf(budget, {
        message: `${nameOf(budget.resource)} allows no eviction at all: nodes cannot be drained until somebody deletes its pods.`,
        remedy: 'Allow one eviction at a time: `maxUnavailable: 1`, with two replicas or more.',
      }),
    );

export const budgetAllowsAll: Rule = context =>
  budgetsOf(context)
    .filter(({ evictable, pods }) => pods > 1 && evictable >= pods)
    .map(budget =>
      violationOf(budget, {
        message: `${nameOf(budget.resource)} lets all pods be evicted at once, so it protects nothing.`,
        remedy: 'Allow one eviction at a time: `maxUnavailable: 1`.',
      }),
    );
