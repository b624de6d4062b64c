import { CutoverError } from '../../errors.js';
import type { BlueGreenState, ReleaseState } from '../../release/state.js';
import { releasesOf } from '../../release/only-release.js';
import type { RunContext } from '../../run/context.js';

/** The record of a release that exists. Throws `no-revision` when it was never deployed. */
export async function readRelease(ctx: Pick<RunContext, 'records' | 'cluster'>): Promise<ReleaseState> {
  const { release, namespace } = ctx.records;
  const state = await ctx.records.readState();
  if (state !== undefined) return state;
  const names = await releasesOf(ctx.cluster, namespace).catch(() => []);
  const others = names.length === 0 ? '' : `, only ${names.join(', ')}`;
  throw new CutoverError(`There is no release ${release} in namespace ${namespace}${others}`, {
    code: 'no-revision',
    hint: 'Check the inputs `release` and `namespace`: the record of a release is Secret `cutover-<release>` in its namespace. `action: deploy` creates one.',
  });
}

/** The record of a blue/green release. Throws `no-revision` when there is none, `input` when the release is rolling. */
export async function readBlueGreen(
  ctx: Pick<RunContext, 'records' | 'cluster'>,
  action: string,
): Promise<BlueGreenState> {
  const state = await readRelease(ctx);
  if (state.strategy === 'blue-green') return state;
  throw new CutoverError(`Release ${state.release} is deployed by rolling updates, so there is nothing to ${action}`, {
    code: 'input',
    hint: 'Rolling releases go live with `action: deploy` and back with `action: rollback`.',
  });
}
