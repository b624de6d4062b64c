import { fieldAt, isFields, listAt, textAt, type Fields } from '../../kubernetes/fields.js';
import { groupOf, type KubeObject } from '../../kubernetes/object.js';
import { lastingContainers, podSpecPath, templateLabels, type Container } from '../../kubernetes/pods/pod-spec.js';
import { isService, labelSelectorOf, PodIndex, selectorMatches, selectorOf } from '../../kubernetes/selectors.js';
import { isServingWorkload } from '../../kubernetes/workload.js';
import type { Resource } from '../../manifests/resource.js';
import { isHeadless } from '../../manifests/roles/public-service.js';
import { lostServices } from '../lost-services.js';
import type { Rule, Violation } from './rule.js';
import { hasPort, liveOf, nameOf, routedServices, targetOf } from './context.js';

export const selectorMismatch: Rule = ({ resources }) =>
  resources
    .filter(({ object }) => isServingWorkload(object))
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
  const { active, publicServices, resources } = context;
  const own = resources.filter(({ object }) => podSpecPath(object) !== undefined && !object.kind.endsWith('Job'));
  const live = new PodIndex([...active, ...own.flatMap(resource => liveOf(context, resource) ?? [])]);
  return routedServices(context)
    .filter(({ resource }) => publicServices.length === 0 || publicServices.includes(resource))
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

/**
 * A Service that leads to no workload of the manifests, where that must be a mistake: it leads to one of them now, or it is new and
 * nothing else of the manifests could bring its pods.
 */
export const selectsNoPod: Rule = context => {
  const { resources, planned, publicServices } = context;
  const workloads = resources.filter(({ object }) => isServingWorkload(object));
  const lost = new Set(lostServices(planned).map(({ resource }) => resource));
  const created = new Set(planned.filter(({ change }) => change === 'created').map(({ resource }) => resource));
  const isOnlyOwn = workloads.length > 0 && !resources.some(({ object }) => mayBringPods(object));
  return routedServices(context)
    .filter(({ resource, workloads: behind }) => !publicServices.includes(resource) && behind.length === 0)
    .filter(({ resource }) => Object.keys(selectorOf(resource.object)).length > 0)
    .filter(({ resource }) => lost.has(resource) || (isOnlyOwn && created.has(resource)))
    .map(({ resource }) => ({
      resource,
      path: ['spec', 'selector'],
      message: `${nameOf(resource)} selects ${labelSelectorOf(resource.object)}, and no pod template of the manifests has these labels: users would get no answer.`,
      remedy: `Select labels of a pod template${labelsOf(workloads)}.`,
    }));
};

/** Whether pods may come of an object that no rule knows, such as a custom resource, or of one whose pods end. */
function mayBringPods(object: KubeObject): boolean {
  const group = groupOf(object.apiVersion);
  const isCustom = group.includes('.') && !group.endsWith('.k8s.io');
  return isCustom || (podSpecPath(object) !== undefined && !isServingWorkload(object));
}

/** `, as in Deployment shop/web: app=web`. */
function labelsOf([workload]: readonly Resource[]): string {
  if (workload === undefined) return '';
  const labels = Object.entries(templateLabels(workload.object)).map(([key, value]) => `${key}=${value}`);
  return `, as in ${nameOf(workload)}: ${labels.join(',')}`;
}

/** A rolling deploy applies Services before pods. What then fits only the new pods has no endpoint until the first of them is ready. */
export const serviceBeforePods: Rule = context => {
  if (context.strategy !== 'rolling') return [];
  const running = context.resources.filter(({ object }) => isServingWorkload(object));
  const live = new PodIndex(running.flatMap(resource => liveOf(context, resource) ?? []));
  return routedServices(context).flatMap(({ resource, workloads }): readonly Violation[] => {
    const before = liveOf(context, resource);
    const served = before === undefined ? [] : live.routedBy(before);
    if (served.length === 0 || workloads.length === 0) return [];
    const kept = live.routedBy(resource.object);
    if (!kept.some(one => served.includes(one))) {
      const message = `${nameOf(resource)} would select ${labelSelectorOf(resource.object)}, and the pods that run now do not have these labels: users get no answer until the first new pod is ready.`;
      const remedy = 'Deploy the labels of the pod template first, and the selector in a second deploy.';
      return [{ resource, path: ['spec', 'selector'], message, remedy }];
    }
    return unreachedPorts(resource, kept.flatMap(lastingContainers));
  });
};

/** The ports of a Service that none of the containers has, where others are declared. */
function unreachedPorts(resource: Resource, containers: readonly Container[]): readonly Violation[] {
  if (!containers.some(({ fields }) => listAt(fields, ['ports']).length > 0)) return [];
  return listAt(resource.object, ['spec', 'ports']).flatMap((port, index): Violation[] => {
    const target = isFields(port) ? targetOf(port) : undefined;
    if (typeof target !== 'string' && typeof target !== 'number') return [];
    if (containers.some(container => hasPort(container, target))) return [];
    return [
      {
        resource,
        path: ['spec', 'ports', index, 'targetPort'],
        message: `${nameOf(resource)} would route to port ${String(target)}, which the pods that run now do not have: users get no answer until the first new pod is ready.`,
        remedy:
          'Give the port of the container a name that stays the same, and use it as targetPort; or change it in two deploys.',
      },
    ];
  });
}

/**
 * Endpoints have the names of the ports of their Service. They follow it a moment later, and until then its new name has none. No node
 * routes to a headless Service: its names lead to pods, and clients name the port themselves.
 */
export const renamedServicePort: Rule = context =>
  context.resources
    .filter(({ object }) => isService(object) && !isHeadless(object))
    .flatMap(resource => {
      const before = listAt(liveOf(context, resource), ['spec', 'ports']).filter(isFields);
      return listAt(resource.object, ['spec', 'ports']).flatMap((port, index): Violation[] => {
        if (!isFields(port)) return [];
        const same = before.find(one => numberOf(one) === numberOf(port));
        const [from, to] = [nameIn(same), nameIn(port)];
        if (same === undefined || from === to) return [];
        return [
          {
            resource,
            path: ['spec', 'ports', index, 'name'],
            message: `Port ${numberOf(port)} of ${nameOf(resource)} is ${shown(from)} now and becomes ${shown(to)}: nodes find the endpoints of a port by its name, and until both have followed, requests are refused.`,
            remedy: `Keep its name: ${from === '' ? 'none' : `\`name: ${from}\``}.`,
          },
        ];
      });
    });

/** `80/TCP`: what users connect to. */
function numberOf(port: Fields): string {
  return `${String(port['port'])}/${textAt(port, ['protocol']) ?? 'TCP'}`;
}

function nameIn(port: Fields | undefined): string {
  return textAt(port, ['name']) ?? '';
}

function shown(name: string): string {
  return name === '' ? 'without a name' : `named "${name}"`;
}
