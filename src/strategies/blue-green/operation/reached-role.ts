import { routesTo, selectorOf } from '../../../kubernetes/selectors.js';
import type { Revision } from '../../../release/revision.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import { selectsAny } from '../../../traffic/active-role.js';
import type { Reached } from '../../outcome/restored.js';
import { nowReached } from '../../shared/restore-objects.js';

/** A role, and what is staged on it. */
export interface StagedRole {
  readonly role: string;
  readonly revision: Pick<Revision, 'objects'>;
}

/**
 * Whether any of the public Services, as they are read now, leads users to a role, by the labels that its pods had before or by
 * those of the staged revision; `undefined`: none does.
 */
export async function reachedRole(
  { cluster }: Pick<RunContext, 'cluster'>,
  { publicServices, roles }: BlueGreenState,
  { role, revision }: StagedRole,
): Promise<Reached | undefined> {
  const found = await Promise.all(publicServices.map(async service => ({ service, live: await cluster.get(service) })));
  const reaching = found.find(({ live }) => {
    if (live === undefined) return false;
    return (
      selectsAny(selectorOf(live), roles[role]?.podLabels) || revision.objects.some(object => routesTo(live, object))
    );
  });
  return reaching && { kind: 'reached', service: reaching.service, to: role };
}

/** Throws `changed` if a public Service leads users to the role. */
export async function requireUnreached(ctx: RunContext, state: BlueGreenState, staged: StagedRole): Promise<void> {
  const reached = await reachedRole(ctx, state, staged);
  if (reached !== undefined) throw nowReached(reached);
}
