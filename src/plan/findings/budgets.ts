import { fieldAt, fieldsAt } from '../../manifests/fields.js';
import type { Resource } from '../../manifests/resource.js';
import type { Rule, Scene, Suspicion } from './finding.js';
import { leastReplicas, nameOf, ofKind, podIndex, resolveShare } from './scene.js';

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

function budgetsOf(scene: Scene): readonly Budget[] {
  return ofKind(scene, 'policy/PodDisruptionBudget').flatMap((resource): Budget[] => {
    const of = podsOf(scene, resource);
    const field =
      fieldAt(resource.object, ['spec', 'maxUnavailable']) === undefined ? 'minAvailable' : 'maxUnavailable';
    // A budget that says neither keeps one pod.
    const value = fieldAt(resource.object, ['spec', field]) ?? 1;
    const share = resolveShare(value, of, 'up');
    if (share === undefined || of === 0) return [];
    return [{ resource, field, of, away: Math.max(0, field === 'minAvailable' ? of - share : share) }];
  });
}

function podsOf(scene: Scene, budget: Resource): number {
  const selector = fieldsAt(budget.object, ['spec', 'selector']);
  const idle = new Set([...scene.idle].map(({ object }) => object));
  const { namespace } = budget.object.metadata;
  const selected = podIndex(scene)
    .selectedBy(namespace, selector)
    .filter(({ kind }) => !kind.endsWith('Job'));
  if (selected.length === 0) return unknownPods;
  return selected.reduce((sum, object) => {
    // A budget that both roles share also counts the pods of the other one.
    const roles = idle.has(object) && !scene.idle.has(budget) ? 2 : 1;
    return sum + leastReplicas(scene, { object }) * roles;
  }, 0);
}

const suspicion = ({ resource, field }: Budget, words: { message: string; remedy: string }): Suspicion => ({
  ...words,
  resource,
  path: ['spec', field],
});

export const budgetBlocks: Rule = scene =>
  budgetsOf(scene)
    .filter(({ away }) => away === 0)
    .map(budget =>
      suspicion(budget, {
        message: `${nameOf(budget.resource)} allows no eviction at all: nodes cannot be drained, until somebody deletes pods by force.`,
        remedy: 'Let one pod be away: `maxUnavailable: 1`, with two replicas or more.',
      }),
    );

export const budgetAllowsAll: Rule = scene =>
  budgetsOf(scene)
    .filter(({ away, of }) => of > 1 && away >= of)
    .map(budget =>
      suspicion(budget, {
        message: `${nameOf(budget.resource)} lets all pods be evicted at once, so it protects nothing.`,
        remedy: 'Let one pod be away: `maxUnavailable: 1`.',
      }),
    );
