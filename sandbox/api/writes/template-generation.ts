import { childOf, equal, objectAt, type JsonObject } from '../schema/json.js';
import type { Kind } from '../schema/kinds.js';

const ANNOTATION = 'deprecated.daemonset.template.generation';

/** Numbers the pod templates of a DaemonSet, in an annotation that nobody else can change. `live`: absent for a new one. */
export function numberTemplate(
  kind: Kind,
  { live, next }: { readonly live?: JsonObject; readonly next: JsonObject },
): void {
  if (kind.group !== 'apps' || kind.kind !== 'DaemonSet') return;
  const template = (set: JsonObject): JsonObject => objectAt(set, 'spec', 'template');
  const before = live === undefined ? 0 : Number(objectAt(live, 'metadata', 'annotations')[ANNOTATION]);
  const moved = live === undefined || !equal(template(live), template(next));
  const number = { [ANNOTATION]: String(moved ? before + 1 : before) };
  childOf(next, 'metadata').annotations = { ...objectAt(next, 'metadata', 'annotations'), ...number };
}
