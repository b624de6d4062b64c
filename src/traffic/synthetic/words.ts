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

/** `12 of them were not answered as expected, the first one with 301, to https://shop.example.com: this does not show the application`; empty where all were as expected. */
export function describeUnlike({ unlike }: TrafficCounts): string {
  if (unlike === undefined) return '';
  return `${unlike.requests} of them were not answered as expected, the first one with ${unlike.first}: this does not show the application`;
}
