import { createHash } from 'node:crypto';
import { fieldAt, fieldsAt, isFields, listAt, withField, type Path } from '../../kubernetes/fields.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { podSpecPath, templateLabels } from '../../kubernetes/pods/pod-spec.js';
import { selectorMatches } from '../../kubernetes/selectors.js';
import { mapReferences, type Rename } from '../../kubernetes/pods/config-references.js';
import type { Resource } from '../resource.js';

/** Distinguishes the roles in selectors, pod templates and the metadata of a role's own objects. */
const roleLabel = 'cutover/role';

/** Limit of Kubernetes for names of Services and values of labels, in characters. */
const maxNameLength = 63;

/** `web-blue`. The end of a name that would be too long is replaced by a hash of the whole name, so that it stays unique. */
export function roleName(name: string, role: string): string {
  const whole = `${name}-${role}`;
  if (whole.length <= maxNameLength) return whole;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  const kept = name.slice(0, maxNameLength - role.length - hash.length - 2).replace(/[^a-z0-9]+$/, '');
  return `${kept}-${hash}-${role}`;
}

function labelled(object: KubeObject, path: Path, role: string): KubeObject {
  return withField(object, path, { ...fieldsAt(object, path), [roleLabel]: role });
}

/** The object under the role's name, with the role's label. */
export function namedCopy(object: KubeObject, role: string): KubeObject {
  const named = withField(object, ['metadata', 'name'], roleName(object.metadata.name, role));
  return labelled(named, ['metadata', 'labels'], role);
}

/**
 * Restricts spread constraints and affinities that match the workload's own pods to one role: otherwise the pods of the
 * other role could prevent the new ones from being scheduled.
 */
function withOwnSelectors(value: unknown, labels: Readonly<Record<string, string>>, role: string): unknown {
  if (Array.isArray(value)) return value.map(item => withOwnSelectors(item, labels, role));
  if (!isFields(value)) return value;
  const fields = Object.entries(value).map(([key, field]): readonly [string, unknown] => {
    if (key !== 'labelSelector' || !isFields(field)) return [key, withOwnSelectors(field, labels, role)];
    if (!selectorMatches(field, labels)) return [key, field];
    return [key, { ...field, matchLabels: { ...fieldsAt(field, ['matchLabels']), [roleLabel]: role } }];
  });
  return Object.fromEntries(fields);
}

/** The copy of a Deployment for a role: name, selector, pod labels, and references of its pods. */
export function deploymentCopy(object: KubeObject, role: string, rename: Rename): KubeObject {
  const spec = podSpecPath(object) ?? [];
  const referring = withField(object, spec, mapReferences(fieldAt(object, spec), rename));
  const ofRole = [...spec, 'affinity'];
  const spread = [...spec, 'topologySpreadConstraints'];
  const apart = [ofRole, spread].reduce((result, path) => {
    const field = fieldAt(result, path);
    return field === undefined
      ? result
      : withField(result, path, withOwnSelectors(field, templateLabels(object), role));
  }, referring);
  const selecting = labelled(namedCopy(apart, role), ['spec', 'selector', 'matchLabels'], role);
  return labelled(selecting, ['spec', 'template', 'metadata', 'labels'], role);
}

/** Fields in which autoscalers refer to their workload. */
const targetPaths: readonly Path[] = [
  ['spec', 'scaleTargetRef'],
  ['spec', 'targetRef'],
];

/** Path of the field with the name of the Deployment that an autoscaler scales; `undefined` if it is none of these. */
export function targetOf(object: KubeObject, deployments: readonly Resource[]): Path | undefined {
  const path = targetPaths.find(target => {
    const { kind = 'Deployment', name } = fieldsAt(object, target);
    return (
      kind === 'Deployment' &&
      deployments.some(({ object: { metadata } }) => {
        return metadata.name === name && metadata.namespace === object.metadata.namespace;
      })
    );
  });
  return path === undefined ? undefined : [...path, 'name'];
}

/** The copy of an autoscaler for a role; `target` is the path that {@link targetOf} returned. */
export function autoscalerCopy(object: KubeObject, role: string, target: Path): KubeObject {
  return withField(namedCopy(object, role), target, roleName(String(fieldAt(object, target)), role));
}

/** The copy of a disruption budget for a role. */
export function budgetCopy(object: KubeObject, role: string): KubeObject {
  return labelled(namedCopy(object, role), ['spec', 'selector', 'matchLabels'], role);
}

/** The public Service with the selector of a role. */
export function switchedCopy(object: KubeObject, role: string): KubeObject {
  return labelled(object, ['spec', 'selector'], role);
}

/** A ClusterIP Service for the pods of one role, with the ports of the public one. */
export function testServiceOf(object: KubeObject, role: string, name: string): KubeObject {
  const { namespace, labels = {}, annotations = {} } = object.metadata;
  const manager = 'app.kubernetes.io/managed-by';
  const release = annotations['cutover/release'];
  const ports = listAt(object, ['spec', 'ports']).map(port => {
    const { nodePort: _outside, ...kept } = fieldsAt(port, []);
    return kept;
  });
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      labels: { ...(labels[manager] !== undefined && { [manager]: labels[manager] }), [roleLabel]: role },
      ...(release !== undefined && { annotations: { 'cutover/release': release } }),
    },
    spec: { type: 'ClusterIP', selector: { ...fieldsAt(object, ['spec', 'selector']), [roleLabel]: role }, ports },
  };
}
