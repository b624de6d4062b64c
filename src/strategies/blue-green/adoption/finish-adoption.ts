import { asCutoverError } from '../../../errors.js';
import { fieldManager } from '../../../cluster/apply/field-manager.js';
import { appliedBy } from '../../../cluster/apply/owned-fields.js';
import { replicasOf, withReplicas } from '../../../kubernetes/deployment.js';
import { describeRef, describeRefs, refOf, type ObjectRef } from '../../../kubernetes/object.js';
import { templateLabels } from '../../../kubernetes/pods/pod-spec.js';
import { historyEntry } from '../../../release/revision.js';
import { completeAdopt } from '../../../release/transitions.js';
import type { AdoptedDeployment } from '../../../release/operation.js';
import type { OperationContext } from '../../../run/context.js';
import { isFound } from '../../recorded/found-objects.js';
import { refuseIfServing } from '../operation/refuse-if-serving.js';
import { isAdoptable } from '../operation/remove-found.js';
import { applyAutoscalers } from '../operation/apply-autoscalers.js';
import { drain } from '../operation/drain.js';
import { partsOf, recordOf, type BegunAdoption } from './begun-adoption.js';
import { leftByAdoption } from './left-by-adoption.js';
import { takeOverBudgets } from './take-over-budgets.js';

/** How the live Deployments are left. */
export interface FinishAdoption {
  readonly drainMs: number;
  readonly historyLimit: number;
}

/**
 * What is left once the public Services are narrowed to the role: its budgets and autoscalers take the place of those of the live
 * Deployments, which are scaled to zero after the drain. Each part can be done twice.
 */
export async function finishAdoption(
  ctx: OperationContext,
  begun: BegunAdoption,
  { drainMs, historyLimit }: FinishAdoption,
): Promise<void> {
  const { state } = begun;
  const { deployments, role } = state.operation;
  const revision = await takeOverBudgets(ctx, begun);
  const { up, liveAutoscalers, liveBudgets } = partsOf(revision);
  await applyAutoscalers(ctx, revision);
  const refs = deployments.map(({ ref }) => ref);
  const names = describeRefs(refs);
  await drain(ctx, names, drainMs);
  for (const deployment of deployments)
    if (isAdoptable(ctx, deployment)) await scaleToZero(ctx, deployment, state.publicServices);
  const testService = up.find(({ kind }) => kind === 'Service')?.metadata.name;
  const entry = historyEntry(ctx.run, revision, 'adopted');
  const deleted = [...refs, ...[...liveAutoscalers, ...liveBudgets].map(refOf)];
  const left = [...(state.left ?? []), ...(await leftByAdoption(ctx, state, deleted))];
  const done = completeAdopt(state, entry, recordOf(revision, testService));
  // All of them: the staging that follows looks which are not among the manifests and live, and keeps the last of these.
  await ctx.records.finish(left.length === 0 ? done : { ...done, left }, historyLimit);
  ctx.log.info(
    refs.length > 1
      ? `${names} are no longer reached: users are on ${role}, revision ${revision.number}. They are deleted after the first promotion`
      : `${names} is no longer reached: users are on ${role}, revision ${revision.number}. It is deleted after the first promotion`,
  );
}

/** Controllers write the status frequently, and each write changes the resourceVersion. */
const maxAttempts = 10;

/** Writes the replicas alone: every other field stays with its owner, whatever it is by now. */
async function scaleToZero(
  ctx: OperationContext,
  { ref, uid }: AdoptedDeployment,
  services: readonly ObjectRef[],
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const live = await ctx.cluster.get(ref);
    if (!isFound(ctx, live, uid) || replicasOf(live) === 0) return;
    await refuseIfServing(ctx, { services, name: describeRef(ref), podLabels: [templateLabels(live)] });
    const own = appliedBy(live, fieldManager);
    const { resourceVersion } = live.metadata;
    try {
      // A replace would make another entry the owner of the replicas that Cutover has applied.
      if (own === undefined || resourceVersion === undefined) await ctx.writer.replace(withReplicas(live, 0));
      else await ctx.writer.apply(withReplicas(own, 0), { force: true, resourceVersion });
      ctx.log.info(`${describeRef(ref)}: ${replicasOf(live)} → 0 replicas`);
      return;
    } catch (error) {
      if (asCutoverError(error).code !== 'moved' || attempt >= maxAttempts) throw error;
    }
  }
}
