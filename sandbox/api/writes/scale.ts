import { childOf, clone, nameOf, objectAt, textAt, type JsonObject } from '../schema/json.js';
import { invalid, invalidValue } from '../http/status.js';
import { notNegative } from '../validation/values.js';

/** `app=web,tier=front`, the way the scale subresource shows a selector. */
function selectorText(selector: JsonObject): string {
  return Object.entries(objectAt(selector, 'matchLabels'))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : ''}`)
    .join(',');
}

/** The scale subresource of an object. */
export function scaleOf(object: JsonObject): JsonObject {
  const { name, namespace } = nameOf(object);
  const metadata = objectAt(object, 'metadata');
  const { replicas } = objectAt(object, 'spec');
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name,
      namespace,
      uid: metadata.uid ?? '',
      resourceVersion: metadata.resourceVersion ?? '',
      creationTimestamp: metadata.creationTimestamp ?? '',
    },
    // Zero is left out, as every zero in Go's JSON with omitempty.
    spec: replicas === undefined || replicas === 0 ? {} : { replicas },
    status: {
      replicas: objectAt(object, 'status').replicas ?? 0,
      selector: selectorText(objectAt(object, 'spec', 'selector')),
    },
  };
}

/** The object with the replicas that a Scale asks for; its resourceVersion becomes the precondition. */
export function scaled(object: JsonObject, scale: JsonObject): JsonObject {
  const { replicas = 0 } = objectAt(scale, 'spec');
  if (typeof replicas !== 'number') {
    const why = `json: cannot unmarshal ${typeof replicas} into Go struct field ScaleSpec.spec.replicas of type int32`;
    throw invalid({ group: '', plural: '', kind: '' }, '', [invalidValue('patch', JSON.stringify(scale), why)]);
  }
  const { name } = nameOf(object);
  const errors = notNegative({ replicas }, 'spec', ['replicas']);
  if (errors.length > 0) throw invalid({ group: 'autoscaling', plural: 'scales', kind: 'Scale' }, name, errors);

  const next = clone(object);
  const metadata = childOf(next, 'metadata');
  metadata.resourceVersion = textAt(objectAt(scale, 'metadata'), 'resourceVersion') ?? metadata.resourceVersion ?? '';
  childOf(next, 'spec').replicas = replicas;
  return next;
}
