import { selectorOf, selects } from '../../../kubernetes/selectors.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { RunContext } from '../../../run/context.js';
import type { Reached } from '../../outcome/restored.js';

/** Whether the public Service, as it is read now, leads users to a role; `undefined`: it does not, or there is none. */
export async function reachedRole(
  { cluster }: Pick<RunContext, 'cluster'>,
  { publicService: service, roles }: BlueGreenState,
  role: string,
): Promise<Reached | undefined> {
  const live = await cluster.get(service);
  const isReached = live !== undefined && selects(selectorOf(live), roles[role]?.podLabels ?? {});
  return isReached ? { kind: 'reached', service, to: role } : undefined;
}
