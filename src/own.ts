/** The member of a map; `undefined` where the map itself has none of this name, such as for `constructor`. */
export function own<T>(map: Readonly<Record<string, T>> | null | undefined, name: string): T | undefined {
  return map !== null && map !== undefined && Object.hasOwn(map, name) ? map[name] : undefined;
}
