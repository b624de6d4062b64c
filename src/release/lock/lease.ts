import { isFields } from '../../kubernetes/fields.js';
import type { KubeObject, ObjectRef } from '../../kubernetes/object.js';
import { leaseMs } from './lease-times.js';
import { recordName } from '../record-secret.js';

const apiVersion = 'coordination.k8s.io/v1';

/** The Lease that is the lock of a release. It exists only while a run holds the lock. */
export function leaseRef(release: string, namespace: string): ObjectRef {
  return { apiVersion, kind: 'Lease', namespace, name: recordName(release) };
}

/** Who takes the lock. */
export interface LeaseHolder {
  /** Identity of the process. */
  readonly holder: string;
  /** The run's page. */
  readonly run: string;
}

/** A Lease that is held from now on. `found`: the live Lease that it takes over; absent: it is created. */
export function heldLease(ref: ObjectRef, { holder, run }: LeaseHolder, found?: KubeObject): KubeObject {
  const now = microTime(Date.now());
  const { resourceVersion } = found?.metadata ?? {};
  return {
    apiVersion,
    kind: 'Lease',
    metadata: {
      name: ref.name,
      ...(ref.namespace !== undefined && { namespace: ref.namespace }),
      labels: { 'app.kubernetes.io/managed-by': 'cutover' },
      annotations: { 'cutover/run': run },
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: Math.ceil(leaseMs / 1000),
      acquireTime: now,
      // For people who look at it. Nobody decides by it: clocks of machines differ.
      renewTime: now,
      leaseTransitions: found === undefined ? 0 : transitionsOf(found) + 1,
    },
  };
}

/** The same Lease with a later renewal. */
export function renewedLease(lease: KubeObject): KubeObject {
  return { ...lease, spec: { ...specOf(lease), renewTime: microTime(Date.now()) } };
}

/** Identity of the holder; empty if there is none. */
export function holderOf(lease: KubeObject): string {
  const { holderIdentity } = specOf(lease);
  return typeof holderIdentity === 'string' ? holderIdentity : '';
}

/** Page of the run that holds a Lease, else its holder. */
export function runOf(lease: KubeObject): string {
  return lease.metadata.annotations?.['cutover/run'] ?? (holderOf(lease) || 'an unknown run');
}

/** How long the holder's Lease lasts, in milliseconds: what it says, but at least our own and at most ten times that. */
export function durationOf(lease: KubeObject): number {
  const { leaseDurationSeconds } = specOf(lease);
  const seconds = typeof leaseDurationSeconds === 'number' ? leaseDurationSeconds : 0;
  return Math.min(Math.max(seconds * 1000, leaseMs), 10 * leaseMs);
}

/**
 * Whether the holder has renewed it of late, by the clock of this machine: good enough for words. Whoever takes a Lease over
 * watches it instead, since clocks differ.
 */
export function isFresh(lease: KubeObject): boolean {
  const { renewTime } = specOf(lease);
  const renewed = typeof renewTime === 'string' ? Date.parse(renewTime) : NaN;
  return holderOf(lease) !== '' && Date.now() - renewed < 2 * durationOf(lease);
}

function specOf(lease: KubeObject): Readonly<Record<string, unknown>> {
  return isFields(lease['spec']) ? lease['spec'] : {};
}

function transitionsOf(lease: KubeObject): number {
  const { leaseTransitions } = specOf(lease);
  const isCount = Number.isInteger(leaseTransitions) && Number(leaseTransitions) >= 0;
  // The API server accepts no more than 32 bits: somebody else's number must not keep the lock from being taken over.
  return isCount && Number(leaseTransitions) < 2 ** 31 - 1 ? Number(leaseTransitions) : 0;
}

/** A MicroTime of Kubernetes, which has six decimal places. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace(/Z$/, '000Z');
}
