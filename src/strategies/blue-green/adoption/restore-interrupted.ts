import { historyEntry } from '../../../release/revision.js';
import { abandonAdopt } from '../../../release/transitions.js';
import type { LockedContext } from '../../../run/context.js';
import type { Recovered } from '../../outcome/restored.js';
import type { BegunAdoption } from './begun-adoption.js';
import { restoreAdoption } from './restore-adoption.js';
import { isReplaced } from './users-on-twins.js';

/** Restores an interrupted adoption, unless users are on the role already: then the next deploy finishes it. */
export async function restoreInterruptedAdoption(ctx: LockedContext, begun: BegunAdoption): Promise<Recovered> {
  const { state, revision } = begun;
  const { operation } = state;
  if (await isReplaced(ctx, begun)) return { kind: 'adoption-left', operation };
  const { failed, left, isReached } = await restoreAdoption(await ctx.recordOperation(state), begun);
  if (isReached) return { kind: 'adoption-left', operation };
  if (failed.length > 0) return { kind: 'incomplete', failed };
  await ctx.records.writeState(abandonAdopt(state, historyEntry(ctx.run, revision, 'failed')));
  return { kind: 'restored', operation, left };
}
