import { isRolledBack, passedRoleRevision, previousRevision } from '../../release/retention.js';
import type { RollingState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';
import type { RollbackHint } from '../outcome/outcome.js';

/** The step that goes back from this state, decided as that step decides. `undefined`: there is nothing to go back to. */
export function rollbackHintOf({ records }: RunContext, state: RollingState): RollbackHint | undefined {
  const { release, namespace } = records;
  const revision = previousRevision(state);
  if (revision === undefined || passedRoleRevision(state) !== undefined) return undefined;
  // After a rollback, another one goes back further only if it names the revision.
  return { action: 'rollback', release, namespace, ...(isRolledBack(state) && { revision }) };
}
