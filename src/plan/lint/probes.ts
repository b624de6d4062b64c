import { isSidecar, mainContainers, podSpecPath, type Container } from '../../kubernetes/pods/pod-spec.js';
import { graceOf, hasPreStop, minShutdownSeconds, sleepSecondsOf } from '../../manifests/overrides/pre-stop.js';
import type { Rule, Violation } from './rule.js';
import { nameOf, reachedContainers, servedWorkloads, type ServedWorkload } from './context.js';

export const noReadinessProbe: Rule = context =>
  servedWorkloads(context).flatMap(served =>
    reachedContainers(served)
      .filter(({ fields }) => fields['readinessProbe'] === undefined)
      .map(({ fields, path }) => ({
        resource: served.resource,
        path,
        message: `Container ${String(fields['name'])} of ${nameOf(served.resource)} has no readinessProbe: it is sent requests before it can answer them.`,
        remedy: 'Give it a readinessProbe that passes only once requests can be answered.',
      })),
  );

/**
 * The containers whose SIGTERM ends what a pod serves: those that requests reach. A sidecar among the init containers receives
 * SIGTERM only when the main containers have ended, so where requests reach one, the main containers count instead.
 */
function stoppedFirst(served: ServedWorkload): readonly Container[] {
  const { object } = served.resource;
  const reached = reachedContainers(served);
  return reached.some(container => isSidecar(object, container)) ? mainContainers(object) : reached;
}

export const noPreStop: Rule = context =>
  servedWorkloads(context).flatMap(served =>
    stoppedFirst(served)
      .filter(({ fields }) => !hasPreStop(fields))
      .map(({ fields, path }) => ({
        resource: served.resource,
        path: [...path, 'lifecycle', 'preStop'],
        message: `Container ${String(fields['name'])} of ${nameOf(served.resource)} has no preStop hook: it receives SIGTERM while requests still arrive.`,
        remedy:
          'Leave the input `pre-stop` at `auto` (Kubernetes 1.30 or later), or write a preStop hook that waits some seconds.',
      })),
  );

export const shortGracePeriod: Rule = context =>
  servedWorkloads(context).flatMap((served): Violation[] => {
    const { resource } = served;
    const path = [...(podSpecPath(resource.object) ?? []), 'terminationGracePeriodSeconds'];
    const grace = graceOf(resource.object);
    const wait = Math.max(0, ...stoppedFirst(served).map(({ fields }) => sleepSecondsOf(fields)));
    if (grace - wait >= minShutdownSeconds) return [];
    const left = wait === 0 ? '' : `, and their preStop hook takes ${wait} of them`;
    const message = `Pods of ${nameOf(resource)} are killed ${grace} s after their termination starts${left}: requests in flight are cut off.`;
    const remedy = `Set terminationGracePeriodSeconds to ${wait + minShutdownSeconds} or more.`;
    return [{ resource, path, message, remedy }];
  });
