import { fieldAt } from '../../../kubernetes/fields.js';
import type { KubeObject } from '../../../kubernetes/object.js';
import type { Resource } from '../../../manifests/resource.js';

/** `spec.replicas` as it is set; absent: left to another manager, such as an autoscaler. */
export function declaredReplicas(object: KubeObject): unknown {
  return fieldAt(object, ['spec', 'replicas']);
}

/** The resource with `spec.replicas` set to a number; `undefined`: without the field. */
export function resourceWithReplicas(resource: Resource, replicas: unknown): Resource {
  const { replicas: _left, ...spec } = resource.object['spec'] as Record<string, unknown>;
  const sized = replicas === undefined ? spec : { ...spec, replicas };
  return { ...resource, object: { ...resource.object, spec: sized } };
}
