import { fieldAt, textAt } from '../../kubernetes/fields.js';
import { resolveIntOrPercent } from '../../kubernetes/int-or-percent.js';
import { groupKind } from '../../kubernetes/kinds.js';
import type { Rule, LintContext, Violation } from './rule.js';
import { autoscalerOf, leastReplicas, liveOf, nameOf, servedWorkloads, type ServedWorkload } from './context.js';

export const autoscalerBelowLive: Rule = context =>
  context.resources.flatMap(resource => {
    const scaler = autoscalerOf(context, resource);
    const most = fieldAt(scaler?.object, ['spec', 'maxReplicas']);
    if (scaler === undefined || typeof most !== 'number') return [];
    const sizes = [liveOf(context, resource), resource.object].map(object => fieldAt(object, ['spec', 'replicas']));
    const pods = Math.max(0, ...sizes.filter(size => typeof size === 'number'));
    if (pods <= most) return [];
    return [
      {
        resource: scaler,
        path: ['spec', 'maxReplicas'],
        message: `${nameOf(scaler)} allows ${nameOf(resource)} at most ${most} pods, and it has ${pods}: the others end as soon as it is applied.`,
        remedy: `Set maxReplicas to ${pods} or more, or scale down beforehand.`,
      },
    ];
  });

export const singleReplica: Rule = context =>
  servedWorkloads(context)
    .filter(({ resource }) => ['apps/Deployment', 'apps/StatefulSet'].includes(groupKind(resource.object)))
    .filter(({ resource }) => leastReplicas(context, resource) === 1)
    .map(({ resource }) => {
      const scaler = autoscalerOf(context, resource);
      if (scaler === undefined) {
        return {
          resource,
          path: ['spec', 'replicas'],
          message: `${nameOf(resource)} serves with a single pod: while that is evicted or crashes, every request fails.`,
          remedy: 'Set replicas to 2 or more.',
        };
      }
      return {
        resource: scaler,
        path: ['spec', 'minReplicas'],
        message: `${nameOf(scaler)} may leave ${nameOf(resource)} a single pod: while that is evicted or crashes, every request fails.`,
        remedy: 'Set minReplicas to 2 or more.',
      };
    });

/** Served workloads that are updated while they serve: those of the idle role may be replaced at once. */
function updatedWhileServing(context: LintContext, kind: string): readonly ServedWorkload[] {
  return servedWorkloads(context).filter(({ resource }) => {
    return groupKind(resource.object) === kind && !context.idle.has(resource);
  });
}

const allUnavailableRemedy = 'Set maxUnavailable to 0 or 1, and maxSurge to 1 or more where the kind has it.';

/** Pods that a rolling update may take away. Kubernetes' default is 25 % for both fields; where both are 0, it is one pod. */
export function unavailableOf(object: unknown, replicas: number): number {
  const update = ['spec', 'strategy', 'rollingUpdate'];
  const down = resolveIntOrPercent(fieldAt(object, [...update, 'maxUnavailable']) ?? '25%', replicas, 'down') ?? 0;
  const surge = resolveIntOrPercent(fieldAt(object, [...update, 'maxSurge']) ?? '25%', replicas, 'up') ?? 0;
  return down === 0 && surge === 0 ? 1 : down;
}

/** Whether a rolling update may take all of this number of pods away at once. */
export function mayTakeAll(object: unknown, replicas: number): boolean {
  return replicas > 0 && unavailableOf(object, replicas) >= replicas;
}

export const allUnavailable: Rule = context => {
  const deployments = updatedWhileServing(context, 'apps/Deployment').flatMap(({ resource }): Violation[] => {
    const { object } = resource;
    const replicas = leastReplicas(context, resource);
    if (textAt(object, ['spec', 'strategy', 'type']) === 'Recreate' || !mayTakeAll(object, replicas)) return [];
    const path = ['spec', 'strategy', 'rollingUpdate', 'maxUnavailable'];
    const message = `A rolling update of ${nameOf(resource)} may take all of its ${replicas} pods away at once.`;
    return [{ resource, path, message, remedy: allUnavailableRemedy }];
  });
  const path = ['spec', 'updateStrategy', 'rollingUpdate', 'maxUnavailable'];
  const others = ['apps/StatefulSet', 'apps/DaemonSet'].flatMap(kind =>
    updatedWhileServing(context, kind).flatMap(({ resource }): Violation[] => {
      const value = fieldAt(resource.object, path);
      const all = kind === 'apps/DaemonSet' ? value === '100%' : reachesAll(value, leastReplicas(context, resource));
      const message = `A rolling update of ${nameOf(resource)} may take all of its pods away at once.`;
      return all ? [{ resource, path, message, remedy: allUnavailableRemedy }] : [];
    }),
  );
  return [...deployments, ...others];
};

/** Whether it allows every pod to be unavailable. A StatefulSet of one pod is left to the rule `single-replica`. */
function reachesAll(value: unknown, replicas: number): boolean {
  return replicas > 1 && (resolveIntOrPercent(value, replicas, 'up') ?? 0) >= replicas;
}

export const recreateStrategy: Rule = context =>
  updatedWhileServing(context, 'apps/Deployment')
    .filter(({ resource }) => textAt(resource.object, ['spec', 'strategy', 'type']) === 'Recreate')
    .map(({ resource }) => ({
      resource,
      path: ['spec', 'strategy', 'type'],
      message: `${nameOf(resource)} stops all of its pods before the first new one starts: every update is an outage.`,
      remedy: 'Use the type RollingUpdate, or `strategy: blue-green` if two versions must never answer side by side.',
    }));
