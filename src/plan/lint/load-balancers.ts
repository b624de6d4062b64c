import { fieldAt, fieldsAt, textAt, type Path } from '../../kubernetes/fields.js';
import { groupKind } from '../../kubernetes/kinds.js';
import type { Resource } from '../../manifests/resource.js';
import type { Rule, LintContext, Violation } from './rule.js';
import { liveOf, nameOf } from './context.js';

const aws = 'service.beta.kubernetes.io/aws-load-balancer';
const neg = 'cloud.google.com/neg';
const albTarget = 'alb.ingress.kubernetes.io/target-type';

/** A sign that a load balancer knows the pods themselves, and where it stands. */
interface Mark {
  readonly resource: Resource;
  readonly path: Path;
  readonly what: string;
}

/** Whether the annotation that asks for, or tells of, network endpoint groups names any. */
function asksForGroups(value: string): boolean {
  try {
    const asked: unknown = JSON.parse(value);
    const ports = fieldsAt(asked, ['exposed_ports']);
    return fieldAt(asked, ['ingress']) === true || Object.keys(ports).length > 0;
  } catch {
    return false; // Google's controller cannot read it either
  }
}

function serviceMarks(context: LintContext, service: Resource): readonly Mark[] {
  const annotations = { ...liveOf(context, service)?.metadata.annotations, ...service.object.metadata.annotations };
  const signs: readonly (readonly [name: string, what: string, holds: (value: string) => boolean])[] = [
    [`${aws}-nlb-target-type`, 'AWS target type ip', value => value === 'ip'],
    [`${aws}-type`, 'AWS type nlb-ip', value => value === 'nlb-ip'],
    [neg, 'Google network endpoint groups', asksForGroups],
  ];
  return signs
    .filter(([name, , holds]) => holds(annotations[name] ?? ''))
    .map(([name, what]) => ({ resource: service, path: ['metadata', 'annotations', name], what }));
}

/** Whether an Ingress, of any version, has the Service as a backend. */
function leadsTo(ingress: unknown, name: string): boolean {
  const spec = JSON.stringify(fieldAt(ingress, ['spec']) ?? {});
  return (
    spec.includes(`"service":{"name":${JSON.stringify(name)}`) || spec.includes(`"serviceName":${JSON.stringify(name)}`)
  );
}

function otherMarks({ resources }: LintContext, service: Resource): readonly Mark[] {
  const { name, namespace } = service.object.metadata;
  return resources
    .filter(({ object }) => object.metadata.namespace === namespace)
    .flatMap((resource): Mark[] => {
      const { object } = resource;
      const annotations = ['metadata', 'annotations'];
      if (groupKind(object) === 'elbv2.k8s.aws/TargetGroupBinding') {
        const bound = textAt(object, ['spec', 'serviceRef', 'name']) === name;
        const direct = bound && textAt(object, ['spec', 'targetType']) !== 'instance';
        return direct ? [{ resource, path: ['spec', 'targetType'], what: 'AWS TargetGroupBinding' }] : [];
      }
      if (object.kind !== 'Ingress' || !leadsTo(object, name)) return [];
      if (textAt(object, [...annotations, albTarget]) === 'ip')
        return [{ resource, path: [...annotations, albTarget], what: 'AWS target type ip' }];
      return textAt(object, ['spec', 'ingressClassName']) === 'azure-application-gateway'
        ? [{ resource, path: ['spec', 'ingressClassName'], what: 'Azure Application Gateway' }]
        : [];
    });
}

export const podTargetingLoadBalancer: Rule = (context): readonly Violation[] => {
  const { publicService } = context;
  if (publicService === undefined) return [];
  return [...serviceMarks(context, publicService), ...otherMarks(context, publicService)].map(
    ({ resource, path, what }) => ({
      resource,
      path,
      message: `A load balancer reaches the pods of ${nameOf(publicService)} directly (${what}): after the switch it learns of the new ones later than the cluster does, and may drop requests.`,
      remedy:
        'Let it target the nodes (target type instance, no network endpoint groups), or keep the old side running: `idle: keep`, or a `drain` that is longer than its deregistration delay.',
    }),
  );
};
