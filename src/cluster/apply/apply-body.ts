import type { IncomingHttpHeaders } from 'node:http';
import type { KubeObject } from '../../kubernetes/object.js';
import { differs } from '../../plan/change.js';

/** Fields that only the API server sets; in an apply, a uid or resourceVersion would be an unintended precondition. */
const serverSetMetadata = new Set([
  'managedFields',
  'resourceVersion',
  'uid',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
]);

/** The body of a server-side apply: the object without status and server-set fields, which exported manifests contain. */
export function applyBody(object: KubeObject, resourceVersion?: string): unknown {
  const fields = Object.entries(object).filter(([key]) => key !== 'status');
  const metadata = Object.entries(object.metadata).filter(([key]) => !serverSetMetadata.has(key));
  if (resourceVersion !== undefined) metadata.push(['resourceVersion', resourceVersion]);
  return { ...Object.fromEntries(fields), metadata: Object.fromEntries(metadata) };
}

/** Whether the live object already has all desired fields. */
export function matchesDesired(live: KubeObject, desired: KubeObject): boolean {
  return !differs(live, { ...desired, metadata: { ...live.metadata, ...desired.metadata } });
}

/** The texts of `Warning` headers: `299 - "text"`, one or several per header. */
export function warningsOf(headers: IncomingHttpHeaders): readonly string[] {
  const value: unknown = headers['warning'];
  const line = Array.isArray(value) ? value.join(', ') : typeof value === 'string' ? value : '';
  return [...line.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map(match => (match[1] ?? '').replace(/\\(.)/g, '$1'));
}
