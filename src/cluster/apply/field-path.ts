import type { Path } from '../../kubernetes/fields.js';
import type { KubeObject } from '../../kubernetes/object.js';

const step = /\[(?<index>\d+)\]|\[(?<keys>[^\]]+)\]|(?<member>[^.[\]]+)/g;

/**
 * The path of a field as the API server writes it: `spec.template.spec.containers[0].image`, or in conflicts
 * `spec.ports[port=80,protocol="TCP"].nodePort`. It ends at the last field that exists.
 */
export function pathOf(object: KubeObject, field: string): Path {
  return resolveField(object, field).path;
}

/** The value of such a field; `undefined` if the object has none. */
export function valueOf(object: KubeObject, field: string): unknown {
  return resolveField(object, field).value;
}

function resolveField(object: KubeObject, field: string): { readonly path: Path; readonly value: unknown } {
  const path: (string | number)[] = [];
  let value: unknown = object;
  for (const { groups = {} } of field.matchAll(step)) {
    const { index, keys, member } = groups;
    const next = member ?? (index === undefined ? itemWith(value, keys ?? '') : Number(index));
    if (value === null || typeof value !== 'object' || !(next in value)) return { path, value: undefined };
    path.push(next);
    value = (value as Record<string | number, unknown>)[next];
  }
  return { path, value };
}

/** Index of the item with these keys (`name="web"`); -1 when there is none. */
function itemWith(list: unknown, keys: string): number {
  if (!Array.isArray(list)) return -1;
  const keyValues = keys.split(',').map(pair => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1).replace(/^"(.*)"$/, '$1')] as const;
  });
  return list.findIndex((item: Record<string, unknown> | null) =>
    keyValues.every(([key, value]) => String(item?.[key]) === value),
  );
}
