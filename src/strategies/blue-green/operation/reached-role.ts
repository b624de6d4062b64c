import { routesTo, selectorOf, selects } from '../../../kubernetes/selectors.js';
import type { Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import type { Reached } from '../../outcome/restored.js';
import { nowReached } from '../../shared/restore-objects.js';

/** A role, and what is staged on it. */
export interface StagedRole {
  readonly role: string;
  readonly revision: Pick<Revision, 'objects'>;
}

/**
 * Whether the public Service, as it is read now, leads users to a role, by the labels that its pods had before or by those of
 * the staged revision; `undefined`: it does not, or there is none.
 */
export async function reachedRole(
  { cluster }: Pick<RunContext, 'cluster'>,
  { publicService: service, roles }: BlueGreenState,
  { role, revision }: StagedRole,
): Promise<Reached | undefined> {
  const live = await cluster.get(service);
  if (live === undefined) return undefined;
  const isReached = selects(selectorOf(live), roles[role]?.podLabels ?? {});
  return isReached || revision.objects.some(object => routesTo(live, object))
    ? { kind: 'reached', service, to: role }
    : undefined;
}

/** Throws `changed` if the public Service leads users to the role. */
export async function requireUnreached(ctx: RunContext, state: BlueGreenState, staged: StagedRole): Promise<void> {
  const reached = await reachedRole(ctx, state, staged);
  if (reached !== undefined) throw nowReached(reached);
}
