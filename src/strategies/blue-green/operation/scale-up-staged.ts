import type { KubeObject } from '../../../kubernetes/object.js';
import type { BlueGreenState, StagedRecord } from '../../../release/state.js';
import { begin } from '../../../release/transitions.js';
import { begunBy } from '../../../run/begun.js';
import type { LockedContext } from '../../../run/context.js';
import type { ChangeNotes } from '../../outcome/changes.js';
import { deploymentsOf, type TakingOver } from './counterparts.js';
import { scaleUp, tooSmall } from './sizes.js';

/** A staged role that is about to get the users of another. */
export interface ScaleUpRequest {
  readonly state: BlueGreenState;
  readonly staged: StagedRecord;
  /** Live Deployments of the staged role. */
  readonly workloads: readonly KubeObject[];
  /** The public Services as they will lead to them. */
  readonly services: TakingOver['services'];
  /** The role that users leave. */
  readonly from: string;
  readonly notes: ChangeNotes;
}

/**
 * Scales the role up to what serves now: the load may have grown since it was staged. On record as `prepare` before the first
 * write; writes nothing where the role is large enough. Returns the state, with that operation if there was something to do.
 */
export async function scaleUpStaged(ctx: LockedContext, request: ScaleUpRequest): Promise<BlueGreenState> {
  const { state, staged, workloads, services, from, notes } = request;
  const { role, revision } = staged;
  const other = deploymentsOf(state, from);
  const small = await tooSmall(ctx, { role, objects: workloads, services }, other);
  if (small.length === 0) return state;
  // A switch that is resumed stays on record: only that tells where users are.
  const { operation } = state;
  const preparing = begin(
    state,
    operation?.kind === 'switch'
      ? { ...operation, ...begunBy(ctx) }
      : { kind: 'prepare', revision, role, ...begunBy(ctx) },
  );
  await scaleUp(notes.follow(await ctx.recordOperation(preparing)), small, other);
  return preparing;
}
