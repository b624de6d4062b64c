import type { KubeObject, ObjectRef } from '../kubernetes/object.js';
import { recordName } from './state.js';

/** Seconds after the last renewal until another run may take over the lock. */
export const leaseSeconds = 60;

/** Spec of a Lease, of which every field may be missing. */
export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

/** Whether a Lease can be acquired, with the reason. */
export type LeaseStatus =
  { readonly free: true; readonly reason: string } | { readonly free: false; readonly reason: string };

/** A Lease is free when it has no holder or its holder has not renewed it within its duration. */
export function leaseStatus(spec: LeaseSpec, nowMs: number): LeaseStatus {
  if (!spec.holderIdentity) return { free: true, reason: 'it has no holder' };
  const renewed = Date.parse(spec.renewTime ?? spec.acquireTime ?? '');
  if (Number.isNaN(renewed)) return { free: true, reason: 'it has no renew time' };
  const expires = renewed + (spec.leaseDurationSeconds ?? leaseSeconds) * 1000;
  if (expires <= nowMs)
    return { free: true, reason: `its holder last renewed it at ${new Date(renewed).toISOString()}` };
  return { free: false, reason: `it is held until ${new Date(expires).toISOString()} unless renewed` };
}

/** The Lease of a release. */
export function leaseRef(release: string, namespace: string): ObjectRef {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace, name: recordName(release) };
}

/** The Lease, held by `holder` from now on. `found`: the live Lease that it replaces; absent: it is created. */
export function leaseObject(options: {
  readonly release: string;
  readonly namespace: string;
  readonly holder: string;
  readonly run: string;
  readonly found?: KubeObject;
}): KubeObject {
  const { release, namespace, holder, run, found } = options;
  const now = microTime(Date.now());
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name: recordName(release),
      namespace,
      labels: { 'app.kubernetes.io/managed-by': 'cutover' },
      annotations: { 'cutover/release': release, 'cutover/run': run },
      ...(found?.metadata.resourceVersion && { resourceVersion: found.metadata.resourceVersion }),
    },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: leaseSeconds,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: found === undefined ? 0 : (leaseSpecOf(found).leaseTransitions ?? 0) + 1,
    },
  };
}

/** The spec of a Lease; empty if there is none. */
export function leaseSpecOf(lease: KubeObject): LeaseSpec {
  return lease['spec'] ?? {};
}

/** URL of the run that holds a Lease, else its holder. */
export function runOf(lease: KubeObject): string {
  return lease.metadata.annotations?.['cutover/run'] ?? leaseSpecOf(lease).holderIdentity ?? 'an unknown run';
}

/** A MicroTime of Kubernetes, which has six decimal places. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace(/Z$/, '000Z');
}
