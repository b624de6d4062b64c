/**
 * A field such as `maxUnavailable`, which is a number of pods or a percentage of `total`, as a number; a percentage is
 * rounded as Kubernetes rounds it for that field. `undefined` for a value that is neither.
 */
export function resolveIntOrPercent(value: unknown, total: number, round: 'up' | 'down'): number | undefined {
  if (typeof value === 'number') return value;
  const percent = typeof value === 'string' ? /^(\d+)%$/.exec(value)?.[1] : undefined;
  if (percent === undefined) return undefined;
  const exact = (Number(percent) * total) / 100;
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact);
}
