import { CutoverError } from '../../errors.js';
import { newState, type ReleaseState } from '../../release/state.js';
import type { RunContext } from '../../run/context.js';

/** The record of a release that exists. Throws `no-revision` when it was never deployed. */
export async function readRelease(ctx: RunContext): Promise<ReleaseState> {
  const { release, namespace } = ctx.records;
  const state = await ctx.records.readState();
  if (state !== undefined) return state;
  throw new CutoverError(`There is no release ${release} in namespace ${namespace}`, {
    code: 'no-revision',
    hint: 'Check the inputs `release` and `namespace`: the record of a release is ConfigMap `cutover-<release>` in its namespace. `action: deploy` creates one.',
  });
}

/** The record of a blue/green release. Throws `no-revision` when there is none, `input` when the release is rolling. */
export async function readBlueGreen(ctx: RunContext, action: string): Promise<ReleaseState> {
  const state = await readRelease(ctx);
  if (state.strategy === 'blue-green') return state;
  throw new CutoverError(`Release ${state.release} is deployed by rolling updates, so there is nothing to ${action}`, {
    code: 'input',
    hint: 'Rolling releases go live with `action: deploy` and back with `action: rollback`.',
  });
}

/** The record that a deploy starts from, a new one for a new release. Throws `input` when it is of the other strategy. */
export async function readOrCreate(ctx: RunContext, strategy: ReleaseState['strategy']): Promise<ReleaseState> {
  const { release } = ctx.records;
  const state = (await ctx.records.readState()) ?? newState(release, strategy);
  if (state.strategy === strategy) return state;
  // The record of one strategy holds nothing that the other could work with.
  throw new CutoverError(`Release ${release} is deployed with strategy ${state.strategy}, not ${strategy}`, {
    code: 'input',
    hint: 'Set the input `strategy` as before, or give the new strategy a release name of its own.',
  });
}
