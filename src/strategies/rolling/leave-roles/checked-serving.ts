import { routesTo } from '../../../kubernetes/selectors.js';
import type { Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import { usersNow } from '../../blue-green/operation/users-now.js';
import type { Serving } from '../../outcome/serving.js';

/** What a step that leaves the roles says. */
export interface SaidOfLeave {
  readonly said: Serving;
  /** Whom users reach by that: the role alone, or pods of the revision, or either. */
  readonly reached: { readonly role?: string; readonly revision?: Pick<Revision, 'objects'> };
}

/**
 * What a step that leaves the roles says about users, checked against the live public Services once the step has restored what it
 * could. If the Service leads users elsewhere or cannot be read, this says so. Never throws.
 */
export async function checkedServing(
  ctx: RunContext,
  state: BlueGreenState,
  { said, reached: { role, revision } }: SaidOfLeave,
): Promise<Serving> {
  const users = await usersNow(ctx, state);
  if (users.kind === 'role' && users.role === role) return said;
  // A Service without a role in its selector leads to every role that has pods, and to the revision.
  return revision !== undefined && (await leadsTo(ctx, state, revision)) ? said : { kind: 'users-now', users, said };
}

/** Whether a live public Service leads users to pods of the revision; false if none can be read. */
async function leadsTo(
  { cluster }: RunContext,
  { publicServices }: BlueGreenState,
  { objects }: Pick<Revision, 'objects'>,
): Promise<boolean> {
  const found = await Promise.all(publicServices.map(ref => cluster.get(ref).catch(() => undefined)));
  return found.some(live => live !== undefined && objects.some(object => routesTo(live, object)));
}
