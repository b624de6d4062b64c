import { asCutoverError } from '../errors.js';
import { isFields, listAt, textAt } from '../kubernetes/fields.js';
import { describeRef, refOf, type KubeObject, type ObjectRef } from '../kubernetes/object.js';
import { isService } from '../kubernetes/selectors.js';
import { warningEventsOf } from '../rollout/evidence/events.js';
import { oneLine } from '../rollout/one-line.js';
import type { RunContext } from '../run/context.js';

/** A Service of type LoadBalancer that has no address, so that clients outside of the cluster do not reach it there. */
export interface PendingAddress {
  readonly service: ObjectRef;
  /** Message of the newest Warning event about it. Absent: there is none, or it may not be read. */
  readonly why?: string;
}

type Reader = Pick<RunContext, 'cluster' | 'log'>;

/**
 * Those of the Services that wait for the address of their load balancer, as they are live now. One request for each Service of type
 * LoadBalancer, and one more for each that waits.
 */
export async function pendingAddresses(
  ctx: Reader,
  objects: readonly KubeObject[],
): Promise<readonly PendingAddress[]> {
  const balanced = objects.filter(object => isService(object) && textAt(object, ['spec', 'type']) === 'LoadBalancer');
  const found = await Promise.all(balanced.map(object => pendingAddress(ctx, refOf(object))));
  const pending = found.filter(one => one !== undefined);
  for (const one of pending) ctx.log.warning(describePendingAddress(one));
  return pending;
}

/** `Service shop/web has no address yet: its load balancer is pending (…)`. */
export function describePendingAddress({ service, why }: PendingAddress): string {
  return `${describeRef(service)} has no address yet: its load balancer is pending${why === undefined ? '' : ` (${why})`}`;
}

async function pendingAddress({ cluster, log }: Reader, service: ObjectRef): Promise<PendingAddress | undefined> {
  try {
    const live = await cluster.get(service);
    if (live === undefined || hasAddress(live)) return undefined;
    const [newest] = await warningEventsOf(live, cluster).catch(() => []);
    return { service, ...(newest !== undefined && { why: oneLine(newest.message) }) };
  } catch (error) {
    // The deploy is complete; only the note about the address is missing.
    log.debug(`${describeRef(service)} could not be read: ${asCutoverError(error).message}`);
    return undefined;
  }
}

/** Whether it has an address outside of the cluster, or is not of type LoadBalancer any more. */
function hasAddress(service: KubeObject): boolean {
  if (textAt(service, ['spec', 'type']) !== 'LoadBalancer') return true;
  const ingress = listAt(service, ['status', 'loadBalancer', 'ingress']).filter(isFields);
  return ingress.length > 0 || listAt(service, ['spec', 'externalIPs']).length > 0;
}
