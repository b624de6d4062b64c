import type { TrafficCounts, TrafficPath } from '../../run/traffic-counts.js';

/** `to https://shop.example.com/`, `through the API server to Service web, path /`. */
export function describePath(path: TrafficPath): string {
  return path.kind === 'url'
    ? `to ${path.url}`
    : `through the API server to Service ${path.service}, path ${path.path}`;
}

/** Failed requests on all connections. */
export function failedOf({ failed, keptAlive }: TrafficCounts): number {
  return failed + (keptAlive?.failed ?? 0);
}

/** Requests on all connections whose result is known. */
export function sentOf({ sent, keptAlive }: TrafficCounts): number {
  return sent + (keptAlive?.sent ?? 0);
}

/** `7 of 83 requests to https://shop.example.com/ failed, the first one with 503`. */
export function describeFailures(counts: TrafficCounts): string {
  const [first] = counts.windows;
  const why = first === undefined ? '' : `, the first one with ${first.why}`;
  const before = counts.failedBefore === 0 ? '' : `, ${counts.failedBefore} of them before the change`;
  return `${failedOf(counts)} of ${sentOf(counts)} requests ${describePath(counts.path)} failed${why}${before}`;
}
