import { objectAt, type JsonObject } from '../schema/json.js';
import type { Kind } from '../schema/kinds.js';

/**
 * The content whose change increments the generation: the spec, but not the node of a pod. For a Deployment also the
 * annotations, unless they come with its status.
 */
export function generationContent(kind: Kind, object: JsonObject): JsonObject {
  const content = { ...object, metadata: null, status: null };
  if (kind.kind === 'Pod') return { ...content, spec: { ...objectAt(object, 'spec'), nodeName: null } };
  if (kind.kind !== 'Deployment') return content;
  return { ...content, metadata: objectAt(object, 'metadata', 'annotations') };
}
