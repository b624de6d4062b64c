import { createHash } from 'node:crypto';
import { fieldAt, fieldsAt, isFields, listAt, withField, type Path } from '../../kubernetes/fields.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { podLabels, podSpecPath } from '../../kubernetes/pod-spec.js';
import { selectorMatches } from '../../kubernetes/selectors.js';
import { mapReferences, type Rename } from '../../kubernetes/config-references.js';
import type { Resource } from '../resource.js';

/** Tells the pods of the two roles apart, in selectors, pod templates and the metadata of a role's own objects. */
export const roleLabel = 'cutover/role';

/** What Kubernetes allows for names of Services and values of labels. */
const longest = 63;

/** `web-blue`. A name that would be too long loses its end to a hash of the whole, so that it stays one of its own. */
export function roleName(name: string, role: string): string {
  const whole = `${name}-${role}`;
  if (whole.length <= longest) return whole;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  const kept = name.slice(0, longest - role.length - hash.length - 2).replace(/[^a-z0-9]+$/, '');
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
 * Spread constraints and affinities that speak of the workload's own pods mean those of one role: counted together, the
 * pods of the other role would keep the new ones from being scheduled.
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

/** A Deployment as a role's own: name, selector, pod labels, and what its pods refer to. */
export function deploymentCopy(object: KubeObject, role: string, rename: Rename): KubeObject {
  const spec = podSpecPath(object) ?? [];
  const referring = withField(object, spec, mapReferences(fieldAt(object, spec), rename));
  const ofRole = [...spec, 'affinity'];
  const spread = [...spec, 'topologySpreadConstraints'];
  const apart = [ofRole, spread].reduce((result, path) => {
    const field = fieldAt(result, path);
    return field === undefined ? result : withField(result, path, withOwnSelectors(field, podLabels(object), role));
  }, referring);
  const selecting = labelled(namedCopy(apart, role), ['spec', 'selector', 'matchLabels'], role);
  return labelled(selecting, ['spec', 'template', 'metadata', 'labels'], role);
}

/** Where objects name the one workload that they are about: autoscalers of all makes. */
const targetPaths: readonly Path[] = [
  ['spec', 'scaleTargetRef'],
  ['spec', 'targetRef'],
];

/** Path of the name of the Deployment that an autoscaler scales, if it is one of these. */
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

/** An autoscaler as a role's own; `target` is the path that {@link targetOf} found. */
export function autoscalerCopy(object: KubeObject, role: string, target: Path): KubeObject {
  return withField(namedCopy(object, role), target, roleName(String(fieldAt(object, target)), role));
}

/** A disruption budget as a role's own. */
export function budgetCopy(object: KubeObject, role: string): KubeObject {
  return labelled(namedCopy(object, role), ['spec', 'selector', 'matchLabels'], role);
}

/** The public Service as it leads to a role. */
export function switchedCopy(object: KubeObject, role: string): KubeObject {
  return labelled(object, ['spec', 'selector'], role);
}

/** A Service inside the cluster that leads to the pods of one role, on the ports of the public one. */
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
