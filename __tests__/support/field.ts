/** The value at a path of an object; `undefined` where the path ends early. */
export function field(object: object | undefined, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string | number, unknown> | undefined)?.[key], object);
}
