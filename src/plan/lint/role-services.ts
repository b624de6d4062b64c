import { textAt } from '../../kubernetes/fields.js';
import { describeRef, refOf } from '../../kubernetes/object.js';
import { isForMetrics, isHeadless } from '../../manifests/roles/public-service.js';
import type { Resource } from '../../manifests/resource.js';
import type { Rule } from './rule.js';
import { liveOf, nameOf, routedServices } from './context.js';

/** With this policy, load balancers send requests only to nodes that have a pod, and learn about new ones by health checks. */
export const localTrafficPolicy: Rule = context => {
  const path = ['spec', 'externalTrafficPolicy'];
  const isLocal = (service: Resource): boolean =>
    (textAt(service.object, path) ?? textAt(liveOf(context, service), path)) === 'Local';
  return context.publicServices.filter(isLocal).map(resource => ({
    resource,
    path,
    message: `${nameOf(resource)} has externalTrafficPolicy Local: a node answers from outside only if it has a pod of the active role, and after the switch load balancers still send requests to the nodes of the old one.`,
    remedy: 'Set externalTrafficPolicy to Cluster, or run a pod of each role on every node that gets requests.',
  }));
};

/** A headless Service is not switched: its clients connect to every pod that it selects. */
export const headlessReachesStaged: Rule = context =>
  routedServices(context)
    .filter(({ resource }) => !context.publicServices.includes(resource) && !context.idle.has(resource))
    .filter(({ resource: { object } }) => isHeadless(object) && !isForMetrics(object))
    .flatMap(({ resource, workloads }) => {
      const staged = workloads.find(workload => [...context.idle].some(({ object }) => object === workload));
      if (staged === undefined) return [];
      return [
        {
          resource,
          path: ['spec', 'selector'],
          message: `${nameOf(resource)} is headless and selects the pods of both roles: its clients also connect to ${describeRef(refOf(staged))} as soon as its pods are ready, before the switch.`,
          remedy: 'Let its clients use the public Service, or give it a selector that no pod of a role has.',
        },
      ];
    });
