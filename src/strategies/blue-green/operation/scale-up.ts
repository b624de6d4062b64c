import { fieldManager } from '../../../cluster/apply/field-manager.js';
import { appliedBy } from '../../../cluster/apply/owned-fields.js';
import { replicasOf, withReplicas } from '../../../kubernetes/deployment.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../../kubernetes/object.js';
import type { BlueGreenState, StagedRecord } from '../../../release/state.js';
import { begin } from '../../../release/transitions.js';
import { begunBy } from '../../../run/begun.js';
import type { LockedContext } from '../../../run/context.js';
import { liveCounterparts } from './counterparts.js';

/** A staged role that is about to get the users of another. */
export interface ScaleUpRequest {
  readonly state: BlueGreenState;
  readonly staged: StagedRecord;
  /** Live Deployments of the staged role. */
  readonly workloads: readonly KubeObject[];
  /** The role that users leave. */
  readonly from: string;
}

/**
 * Scales the role up to what serves now: the load may have grown since it was staged. On record as `prepare` before the first
 * write; writes nothing where the role is large enough. Returns the state, with that operation if there was something to do.
 */
export async function scaleUp(ctx: LockedContext, request: ScaleUpRequest): Promise<BlueGreenState> {
  const { state, staged, workloads, from } = request;
  const { role, revision } = staged;
  const other = { role: from, deployments: state.roles[from]?.deployments ?? [] };
  const serving = await liveCounterparts(ctx, { role, objects: workloads }, other);
  const small = workloads.flatMap(live => {
    const active = serving.get(refKey(refOf(live)));
    return active !== undefined && replicasOf(live) < replicasOf(active) ? [{ live, needed: replicasOf(active) }] : [];
  });
  if (small.length === 0) return state;
  // A switch that is resumed stays on record: only that tells where users are.
  const { operation } = state;
  const preparing = begin(
    state,
    operation?.kind === 'switch'
      ? { ...operation, ...begunBy(ctx) }
      : { kind: 'prepare', revision, role, ...begunBy(ctx) },
  );
  const { writer } = await ctx.recordOperation(preparing);
  for (const { live, needed } of small) {
    // What Cutover applied, with another size: a write to the field alone would make another entry its owner.
    const applied = appliedBy(live, fieldManager) ?? live;
    await writer.apply(withReplicas(applied, needed), { force: true });
    const name = describeRef(refOf(live));
    ctx.log.info(`${name}: ${replicasOf(live)} → ${needed} replicas, as many as serve on ${from}`);
  }
  return preparing;
}
