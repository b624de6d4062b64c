import type { IncomingHttpHeaders } from 'node:http';
import type { KubeObject } from '../../kubernetes/object.js';
import { differs } from '../../plan/change.js';

/** What the API server alone sets; in an apply a uid or version would be a condition that nobody meant. */
const serverSet = new Set([
  'managedFields',
  'resourceVersion',
  'uid',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
]);

/** The object as server-side apply takes it: exported manifests hold a status and much that is not theirs to say. */
export function asApplied(object: KubeObject, resourceVersion?: string): unknown {
  const fields = Object.entries(object).filter(([key]) => key !== 'status');
  const metadata = Object.entries(object.metadata).filter(([key]) => !serverSet.has(key));
  if (resourceVersion !== undefined) metadata.push(['resourceVersion', resourceVersion]);
  return { ...Object.fromEntries(fields), metadata: Object.fromEntries(metadata) };
}

/** Whether the live object is already what a write wanted to make of it. */
export function holds(live: KubeObject, wanted: KubeObject): boolean {
  return !differs(live, { ...wanted, metadata: { ...live.metadata, ...wanted.metadata } });
}

/** The texts of `Warning` headers: `299 - "text"`, several of them in one line or in many. */
export function warningsOf(headers: IncomingHttpHeaders): readonly string[] {
  const value: unknown = headers['warning'];
  const line = Array.isArray(value) ? value.join(', ') : typeof value === 'string' ? value : '';
  return [...line.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map(match => (match[1] ?? '').replace(/\\(.)/g, '$1'));
}
