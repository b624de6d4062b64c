import { CutoverError } from '../../../errors.js';
import { describeRef, type ObjectRef } from '../../../kubernetes/object.js';
import { selects, selectorOf, type Labels } from '../../../kubernetes/selectors.js';
import type { RunContext } from '../../../run/context.js';

/** Pods that users left. */
export interface Unreached {
  /** The public Service. */
  readonly service: ObjectRef;
  /** The role or the Deployment, for messages. */
  readonly name: string;
  readonly podLabels: Labels;
}

/**
 * Throws `changed` if the public Service, as it is read now, selects the pods. To be called before each write that takes pods
 * away: somebody may have switched back at any moment since the switch, and users would be left without a pod.
 */
export async function refuseIfServing(ctx: RunContext, { service, name, podLabels }: Unreached): Promise<void> {
  const live = await ctx.cluster.get(service);
  if (live !== undefined && !selects(selectorOf(live), podLabels)) return;
  throw notScaledDown(service, { name, found: live === undefined ? 'is gone' : `selects ${name} again` });
}

function notScaledDown(service: ObjectRef, { name, found }: { readonly name: string; readonly found: string }) {
  return new CutoverError(`${describeRef(service)} ${found}, so ${name} was not scaled down`, {
    code: 'changed',
    object: describeRef(service),
    hint: 'Run `action: status` to see where users are.',
  });
}
