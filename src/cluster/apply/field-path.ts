import { isFields, type Path } from '../../kubernetes/fields.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { own } from '../../own.js';

const itemStep = /^\[(?:(?<index>\d+)|(?<keys>(?:[^\]"]|"(?:[^"\\]|\\.)*")+))\]/;

/**
 * The path of a field as the API server writes it: `spec.template.spec.containers[0].image`, or in conflicts
 * `spec.ports[port=80,protocol="TCP"].nodePort`. Names with dots are not quoted: `data.app.conf`. It ends at the last field that
 * exists.
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
  let rest = field.replace(/^\./, '');
  while (rest !== '') {
    const item = itemStep.exec(rest);
    const { index, keys = '' } = item?.groups ?? {};
    const next = item === null ? memberAt(value, rest) : index === undefined ? itemWith(value, keys) : Number(index);
    if (next === undefined || value === null || typeof value !== 'object' || !Object.hasOwn(value, next))
      return { path, value: undefined };
    path.push(next);
    value = own(value as Record<string, unknown>, String(next));
    rest = rest.slice(item === null ? String(next).length : item[0].length).replace(/^\./, '');
  }
  return { path, value };
}

/** The member of a map whose name the text starts with; the longest one, since names may have dots. */
function memberAt(value: unknown, text: string): string | undefined {
  if (!isFields(value)) return undefined;
  const names = Object.keys(value).filter(name => text.startsWith(name) && /^(?:$|[.[])/.test(text.slice(name.length)));
  return names.sort((one, other) => other.length - one.length)[0];
}

/** Index of the item with these keys (`name="web"`); -1 when there is none. */
function itemWith(list: unknown, keys: string): number {
  if (!Array.isArray(list)) return -1;
  const keyValues = keys.split(',').map(pair => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1).replace(/^"(.*)"$/, '$1')] as const;
  });
  return list.findIndex((item: unknown) =>
    keyValues.every(([key, value]) => isFields(item) && Object.hasOwn(item, key) && String(item[key]) === value),
  );
}
