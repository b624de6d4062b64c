import { fieldAt, fieldsAt, listAt } from '../../kubernetes/fields.js';
import { podSpecPath } from '../../kubernetes/pods/pod-spec.js';
import { defaultGrace, minShutdownSeconds } from '../../manifests/overrides/pre-stop.js';
import type { Rule, Violation } from './rule.js';
import { nameOf, reachedContainers, servedWorkloads } from './context.js';

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

export const noPreStop: Rule = context =>
  servedWorkloads(context).flatMap(served =>
    reachedContainers(served)
      .filter(({ fields }) => Object.keys(fieldsAt(fields, ['lifecycle', 'preStop'])).length === 0)
      .map(({ fields, path }) => ({
        resource: served.resource,
        path: [...path, 'lifecycle', 'preStop'],
        message: `Container ${String(fields['name'])} of ${nameOf(served.resource)} has no preStop hook: it receives SIGTERM while requests still arrive.`,
        remedy:
          'Leave the input `pre-stop` at `auto` (Kubernetes 1.30 or later), or write a preStop hook that waits some seconds.',
      })),
  );

/** Seconds that a preStop hook sleeps, natively or by the `sleep` of its command; 0 if neither is found. */
function sleepSecondsOf(container: unknown): number {
  const hook = ['lifecycle', 'preStop'];
  const seconds = fieldAt(container, [...hook, 'sleep', 'seconds']);
  if (typeof seconds === 'number') return seconds;
  const command = listAt(container, [...hook, 'exec', 'command']).join(' ');
  return Number(/\bsleep\s+(\d+)/.exec(command)?.[1] ?? 0);
}

export const shortGracePeriod: Rule = context =>
  servedWorkloads(context).flatMap((served): Violation[] => {
    const { resource } = served;
    const path = [...(podSpecPath(resource.object) ?? []), 'terminationGracePeriodSeconds'];
    const written = fieldAt(resource.object, path);
    const grace = typeof written === 'number' ? written : defaultGrace;
    const wait = Math.max(0, ...reachedContainers(served).map(({ fields }) => sleepSecondsOf(fields)));
    if (grace - wait >= minShutdownSeconds) return [];
    const left = wait === 0 ? '' : `, and their preStop hook takes ${wait} of them`;
    const message = `Pods of ${nameOf(resource)} are killed ${grace} s after their termination starts${left}: requests in flight are cut off.`;
    const remedy = `Set terminationGracePeriodSeconds to ${wait + minShutdownSeconds} or more.`;
    return [{ resource, path, message, remedy }];
  });
