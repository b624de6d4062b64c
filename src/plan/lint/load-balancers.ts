import { fieldAt, fieldsAt, textAt, type Path } from '../../kubernetes/fields.js';
import { groupKind } from '../../kubernetes/kinds.js';
import type { Resource } from '../../manifests/resource.js';
import type { Rule, LintContext, Violation } from './rule.js';
import { liveOf, nameOf } from './context.js';
import { own } from '../../own.js';

const aws = 'service.beta.kubernetes.io/aws-load-balancer';
const neg = 'cloud.google.com/neg';
const albTarget = 'alb.ingress.kubernetes.io/target-type';

/** A field that makes a load balancer send requests to pod addresses. */
interface PodTargeting {
  readonly resource: Resource;
  readonly path: Path;
  readonly what: string;
}

/** Whether the annotation requests, or reports, any network endpoint group. */
function requestsGroups(value: string): boolean {
  try {
    const groups: unknown = JSON.parse(value);
    const ports = fieldsAt(groups, ['exposed_ports']);
    return fieldAt(groups, ['ingress']) === true || Object.keys(ports).length > 0;
  } catch {
    return false; // Google's controller cannot read it either
  }
}

function onService(context: LintContext, service: Resource): readonly PodTargeting[] {
  const annotations = { ...liveOf(context, service)?.metadata.annotations, ...service.object.metadata.annotations };
  const signs: readonly (readonly [name: string, what: string, holds: (value: string) => boolean])[] = [
    [`${aws}-nlb-target-type`, 'AWS target type ip', value => value === 'ip'],
    [`${aws}-type`, 'AWS type nlb-ip', value => value === 'nlb-ip'],
    [neg, 'Google network endpoint groups', requestsGroups],
  ];
  return signs
    .filter(([name, , holds]) => holds(own(annotations, name) ?? ''))
    .map(([name, what]) => ({ resource: service, path: ['metadata', 'annotations', name], what }));
}

/** Whether an Ingress, of any version, has the Service as a backend. */
function hasBackend(ingress: unknown, name: string): boolean {
  const spec = JSON.stringify(fieldAt(ingress, ['spec']) ?? {});
  return (
    spec.includes(`"service":{"name":${JSON.stringify(name)}`) || spec.includes(`"serviceName":${JSON.stringify(name)}`)
  );
}

function onOtherResources({ resources }: LintContext, service: Resource): readonly PodTargeting[] {
  const { name, namespace } = service.object.metadata;
  return resources
    .filter(({ object }) => object.metadata.namespace === namespace)
    .flatMap((resource): PodTargeting[] => {
      const { object } = resource;
      const annotations = ['metadata', 'annotations'];
      if (groupKind(object) === 'elbv2.k8s.aws/TargetGroupBinding') {
        const bound = textAt(object, ['spec', 'serviceRef', 'name']) === name;
        const direct = bound && textAt(object, ['spec', 'targetType']) !== 'instance';
        return direct ? [{ resource, path: ['spec', 'targetType'], what: 'AWS TargetGroupBinding' }] : [];
      }
      if (object.kind !== 'Ingress' || !hasBackend(object, name)) return [];
      if (textAt(object, [...annotations, albTarget]) === 'ip')
        return [{ resource, path: [...annotations, albTarget], what: 'AWS target type ip' }];
      return textAt(object, ['spec', 'ingressClassName']) === 'azure-application-gateway'
        ? [{ resource, path: ['spec', 'ingressClassName'], what: 'Azure Application Gateway' }]
        : [];
    });
}

export const podTargetingLoadBalancer: Rule = context =>
  context.publicServices.flatMap(service => targetingPodsOf(context, service));

function targetingPodsOf(context: LintContext, publicService: Resource): readonly Violation[] {
  return [...onService(context, publicService), ...onOtherResources(context, publicService)].map(
    ({ resource, path, what }) => ({
      resource,
      path,
      message: `A load balancer reaches the pods of ${nameOf(publicService)} directly (${what}): after the switch it learns about the new pods later than the cluster does, and may drop requests.`,
      remedy:
        'Let it send users to a Gateway or an Ingress controller whose pods run in the cluster, with a route to this Service: those proxies learn of the switch as fast as the nodes do. Or let it target the nodes (target type instance, no network endpoint groups), or keep the old side running: `idle-policy: keep`, or a `drain` that is longer than its deregistration delay.',
    }),
  );
}
