import type { IdlePolicy } from '../../inputs/inputs.js';
import { asCutoverError, CutoverError } from '../../errors.js';
import { describeRef, refOf, type ObjectRef } from '../../kubernetes/object.js';
import { adoptedRevision, type ReleaseState } from '../../release/state.js';
import type { Outcome } from '../shared/outcome.js';
import { activeOnRecord, publicServiceOf } from './recheck.js';
import type { Revision } from '../../release/revision.js';
import { isDeployment, replicasOf, withReplicas } from '../../kubernetes/deployment.js';
import { selectorOf, selects } from '../../kubernetes/selectors.js';
import { underLock, type RunContext } from '../../run/context.js';

/** What is left to do once users are on the new side. */
export interface FinishOptions {
  /** In flight is `idle`; its role is the side that users left, absent after the first release. */
  readonly state: ReleaseState;
  /** What users are on now. */
  readonly revision: Revision;
  /** The public Service, read again before anything is taken away. */
  readonly service: ObjectRef;
  readonly policy: { readonly idlePolicy: IdlePolicy; readonly drainMs: number; readonly historyLimit: number };
}

/**
 * Gives the new side its autoscalers, lets the old side drain and applies the idle policy, and takes the step off the
 * record. Each part can be done twice, so a run that was killed here is finished by the next. Says what became of it.
 */
export async function finishSwitch(ctx: RunContext, aftermath: FinishOptions): Promise<string> {
  const { state, revision, policy } = aftermath;
  const { operation, ...done } = state;
  if (operation?.role !== undefined) await removeAmbiguous(ctx, aftermath, operation.role);
  for (const object of revision.applyAfterSwitch) {
    await ctx.cluster.apply(object, { force: revision.force });
    ctx.log.info(`${describeRef(refOf(object))} applied, now that its side has the traffic`);
  }
  for (const { ref, uid } of revision.deleteAfterSwitch ?? []) await removeLive(ctx, ref, uid);
  const sentence = operation?.role === undefined ? '' : await applyPolicy(ctx, aftermath, operation.role);
  try {
    await ctx.records.finish(done, policy.historyLimit, ctx.log);
  } catch (error) {
    // Users are where they should be, and the record says so; it only asks the next run to do again what is done.
    ctx.log.warning(`The record of ${state.release} still calls this unfinished: ${asCutoverError(error).message}`);
  }
  return sentence;
}

/**
 * The selector of what was adopted matches the pods of the roles too, and two autoscalers whose pods overlap both stop
 * scaling. So the one of the side that users left goes; it comes back with them.
 */
async function removeAmbiguous(ctx: RunContext, { state, revision }: FinishOptions, left: string): Promise<void> {
  const number = state.roles?.[left]?.revision;
  if (number === undefined || ![number, revision.number].includes(adoptedRevision)) return;
  const { applyAfterSwitch } = await ctx.records.readRevision(number);
  for (const object of applyAfterSwitch) await removeLive(ctx, refOf(object));
}

async function applyPolicy(ctx: RunContext, { state, service, policy }: FinishOptions, role: string): Promise<string> {
  switch (policy.idlePolicy.policy) {
    case 'keep':
      // Nothing is taken away, so there is nothing to wait for: requests on their way end on pods that stay.
      return `${role} is kept for the way back.`;
    case 'scale-down': {
      ctx.log.info(`Draining ${role} for ${policy.drainMs / 1000} s`);
      await ctx.clock.wait(policy.drainMs, ctx.signal);
      ctx.signal.throwIfAborted();
      const old = state.roles?.[role];
      await refuseIfServing(ctx, { service, role, podLabels: old?.podLabels ?? {} });
      const { replicas } = policy.idlePolicy;
      if (old?.revision === undefined) return `${role} was left as it is: no revision of it is on record.`;
      await scaleDown(ctx, await ctx.records.readRevision(old.revision), replicas);
      return `${role} was scaled down to ${replicas}; a rollback brings it up first.`;
    }
    default:
      return policy.idlePolicy satisfies never;
  }
}

/** Somebody may have switched back while we drained: scaling that side down would leave users with nothing. */
async function refuseIfServing(
  ctx: RunContext,
  side: { readonly service: ObjectRef; readonly role: string; readonly podLabels: Readonly<Record<string, string>> },
): Promise<void> {
  const live = await ctx.cluster.get(side.service);
  if (live !== undefined && !selects(selectorOf(live), side.podLabels)) return;
  const what = live === undefined ? 'is gone' : `selects ${side.role} again`;
  throw new CutoverError(`${describeRef(side.service)} ${what}, so ${side.role} was not scaled down`, {
    code: 'changed',
    object: describeRef(side.service),
    hint: 'Somebody changed it while this step was draining. Run `action: status` to see where users are.',
  });
}

/**
 * Scales what the role runs by applying it again with other replicas: a write to the field alone would make another
 * manager own it, and the next deploy would meet that as a conflict.
 */
async function scaleDown(ctx: RunContext, revision: Revision, replicas: number): Promise<void> {
  // An autoscaler would undo the scaling; it comes back with the role's next switch.
  for (const object of revision.applyAfterSwitch) await removeLive(ctx, refOf(object));
  for (const object of revision.objects.filter(isDeployment)) {
    const live = await ctx.cluster.get(refOf(object));
    if (live === undefined || replicasOf(live) <= replicas) continue;
    await ctx.cluster.apply(withReplicas(object, replicas), { force: true });
    ctx.log.info(`${describeRef(refOf(object))}: ${replicasOf(live)} → ${replicas} replicas`);
  }
}

/** Deletes what has an object's name, if there is one; with `uid` only that very one. */
export async function removeLive(ctx: RunContext, ref: ObjectRef, uid?: string): Promise<void> {
  const live = await ctx.cluster.get(ref);
  if (live?.metadata.uid === undefined || (uid !== undefined && uid !== live.metadata.uid)) return;
  await ctx.cluster.remove(ref, { uid: live.metadata.uid });
  ctx.log.info(`${describeRef(ref)} removed`);
}

/** What a run that was killed after its switch left undone: autoscalers, drain, idle policy. */
export async function resumeFinishSwitch(
  ctx: RunContext,
  policy: FinishOptions['policy'],
  state: ReleaseState,
): Promise<Outcome> {
  return underLock(ctx, state, async locked => {
    const active = await activeOnRecord(locked, state);
    const revision = await locked.records.readRevision(state.operation?.revision ?? 0);
    const service = publicServiceOf(state);
    const sentence = await locked.phase('Clean up', () => finishSwitch(locked, { state, revision, service, policy }));
    return {
      release: ctx.records.release,
      namespace: ctx.records.namespace,
      strategy: 'blue-green',
      outcome: state.history[0]?.outcome === 'rolled-back' ? 'rolled-back' : 'switched',
      revision: revision.number,
      activeRole: active.role,
      idleRole: active.idle,
      changes: [],
      checks: [],
      serving:
        `Users are on ${active.role}, revision ${revision.number}; the work of an earlier run was finished. ${sentence}`.trim(),
    };
  });
}
