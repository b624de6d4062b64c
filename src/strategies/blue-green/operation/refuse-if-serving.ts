import { describeRef, type ObjectRef } from '../../../kubernetes/object.js';
import { selectorOf, type Labels } from '../../../kubernetes/selectors.js';
import type { RunContext } from '../../../run/context.js';
import { selectsAny } from '../../../traffic/active-role.js';
import { MovedAway } from './moved-away.js';

/** Pods that users left. */
export interface Unreached {
  /** The public Services. */
  readonly services: readonly ObjectRef[];
  /** The role or the Deployment, for messages. */
  readonly name: string;
  /** Once for each Deployment. */
  readonly podLabels: readonly Labels[];
}

/**
 * Throws `changed`, as {@link MovedAway}, if any public Service, as it is read now, selects the pods, or is gone. To be called before each write that takes pods
 * away: somebody may have switched back at any moment since the switch, and users would be left without a pod.
 */
export async function refuseIfServing(ctx: RunContext, { services, name, podLabels }: Unreached): Promise<void> {
  const found = await Promise.all(services.map(async service => ({ service, live: await ctx.cluster.get(service) })));
  for (const { service, live } of found) {
    if (live !== undefined && !selectsAny(selectorOf(live), podLabels)) continue;
    throw notScaledDown(service, { name, found: live === undefined ? 'is gone' : `selects ${name} again` });
  }
}

function notScaledDown(service: ObjectRef, { name, found }: { readonly name: string; readonly found: string }) {
  return new MovedAway(`${describeRef(service)} ${found}, so nothing more was taken from ${name}`, {
    code: 'changed',
    object: describeRef(service),
    hint: 'Run `action: status` to see where users are.',
  });
}
