import { hasRoles } from '../../../../release/transitions.js';
import type { BlueGreenDeploy } from '../../staging/staging.js';

/** Whether the record allows that something without roles is live: nothing has ever been on a role. */
export function mayAdopt({ state, resources, wasRolling }: BlueGreenDeploy): boolean {
  if (wasRolling || state.operation?.kind === 'adopt') return true;
  return resources.automatic === true && state.current === undefined && !hasRoles(state);
}
