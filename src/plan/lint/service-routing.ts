import { fieldAt, isFields, listAt } from '../../kubernetes/fields.js';
import { groupKind } from '../../kubernetes/kinds.js';
import { podSpecPath, templateLabels } from '../../kubernetes/pod-spec.js';
import { PodIndex, selectorMatches } from '../../kubernetes/selectors.js';
import type { Rule, Violation } from './rule.js';
import { hasPort, lastingContainers, liveOf, nameOf, routedServices, targetOf } from './context.js';

const selecting = new Set(['apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet', 'apps/ReplicaSet']);

export const selectorMismatch: Rule = ({ resources }) =>
  resources
    .filter(({ object }) => selecting.has(groupKind(object)))
    .filter(({ object }) => !selectorMatches(fieldAt(object, ['spec', 'selector']), templateLabels(object)))
    .map(resource => ({
      resource,
      path: ['spec', 'selector'],
      message: `The selector of ${nameOf(resource)} does not match the labels of its own template: it could never find its pods.`,
      remedy: 'Give the template every label that the selector asks for.',
    }));

export const unknownTargetPort: Rule = context =>
  routedServices(context).flatMap(({ resource, workloads }): readonly Violation[] => {
    const containers = workloads.flatMap(lastingContainers);
    const declared = containers.some(({ fields }) => listAt(fields, ['ports']).length > 0);
    return listAt(resource.object, ['spec', 'ports']).flatMap((port, index): Violation[] => {
      const target = isFields(port) ? targetOf(port) : undefined;
      // Declaring a port is optional: a number can be judged only where other ports are declared.
      const judged = typeof target === 'string' ? containers.length > 0 : typeof target === 'number' && declared;
      if (!judged || containers.some(container => hasPort(container, target))) return [];
      return [
        {
          resource,
          path: ['spec', 'ports', index, 'targetPort'],
          message: `${nameOf(resource)} routes to port ${String(target)}, which no container of its pods has.`,
          remedy: 'Name a port that a container declares, or declare it there.',
        },
      ];
    });
  });

/** The number of ready pods of a live workload, and of desired pods. */
function podCounts(live: unknown): { readonly ready: number; readonly desired: number } {
  const count = (...path: string[]): number | undefined => {
    const value = fieldAt(live, path);
    return typeof value === 'number' ? value : undefined;
  };
  return {
    ready: count('status', 'readyReplicas') ?? count('status', 'numberReady') ?? 0,
    desired: count('spec', 'replicas') ?? count('status', 'desiredNumberScheduled') ?? 1,
  };
}

export const noReadyEndpoint: Rule = context => {
  const { active, publicService, resources } = context;
  const own = resources.filter(({ object }) => podSpecPath(object) !== undefined && !object.kind.endsWith('Job'));
  const live = new PodIndex([...active, ...own.flatMap(resource => liveOf(context, resource) ?? [])]);
  return routedServices(context)
    .filter(({ resource }) => publicService === undefined || resource === publicService)
    .flatMap(({ resource }): Violation[] => {
      const service = liveOf(context, resource);
      if (service === undefined) return [];
      const behind = live.routedBy(service).map(podCounts);
      if (behind.length === 0 || behind.some(({ ready, desired }) => ready > 0 || desired === 0)) return [];
      return [
        {
          resource,
          path: ['spec', 'selector'],
          message: `No pod behind the live ${nameOf(resource)} is ready: users get no answer now, before any change.`,
          remedy: 'Check its pods: a deploy that does not become ready is rolled back to this state.',
          advice: true,
        },
      ];
    });
};
