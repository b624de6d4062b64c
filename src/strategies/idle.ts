import type { IdlePolicy } from '../inputs/inputs.js';
import { asCutoverError, CutoverError } from '../errors.js';
import { describeRef, refOf, type ObjectRef } from '../manifests/object.js';
import { selects } from '../manifests/pods.js';
import { adoptedRevision, type ReleaseState } from '../release/state.js';
import type { Outcome } from './outcome.js';
import { activeOnRecord, publicServiceOf } from './recheck.js';
import type { Revision } from '../release/revision.js';
import { isDeployment, replicasOf, selectorOf, withReplicas } from './roles.js';
import { underLock, type Step } from './step.js';

/** What is left to do once users are on the new side. */
export interface Aftermath {
  /** In flight is `idle`; its role is the side that users left, absent after the first release. */
  readonly state: ReleaseState;
  /** What users are on now. */
  readonly revision: Revision;
  /** The public Service, read again before anything is taken away. */
  readonly service: ObjectRef;
  readonly policy: { readonly idle: IdlePolicy; readonly drainMs: number; readonly history: number };
}

/**
 * Gives the new side its autoscalers, lets the old side drain and applies the idle policy, and takes the step off the
 * record. Each part can be done twice, so a run that was killed here is finished by the next. Says what became of it.
 */
export async function settleIdle(step: Step, aftermath: Aftermath): Promise<string> {
  const { state, revision, policy } = aftermath;
  const { inFlight, ...done } = state;
  if (inFlight?.role !== undefined) await removeAmbiguous(step, aftermath, inFlight.role);
  for (const object of revision.deferred) {
    await step.cluster.apply(object, { force: revision.force });
    step.log.info(`${describeRef(refOf(object))} applied, now that its side has the traffic`);
  }
  for (const { ref, uid } of revision.obsolete ?? []) await removeLive(step, ref, uid);
  const sentence = inFlight?.role === undefined ? '' : await applyPolicy(step, aftermath, inFlight.role);
  try {
    await step.records.finish(done, policy.history, step.log);
  } catch (error) {
    // Users are where they should be, and the record says so; it only asks the next run to do again what is done.
    step.log.warning(`The record of ${state.release} still calls this unfinished: ${asCutoverError(error).message}`);
  }
  return sentence;
}

/**
 * The selector of what was adopted matches the pods of the roles too, and two autoscalers whose pods overlap both stop
 * scaling. So the one of the side that users left goes; it comes back with them.
 */
async function removeAmbiguous(step: Step, { state, revision }: Aftermath, left: string): Promise<void> {
  const number = state.roles?.[left]?.revision;
  if (number === undefined || ![number, revision.number].includes(adoptedRevision)) return;
  const { deferred } = await step.records.readRevision(number);
  for (const object of deferred) await removeLive(step, refOf(object));
}

async function applyPolicy(step: Step, { state, service, policy }: Aftermath, role: string): Promise<string> {
  switch (policy.idle.policy) {
    case 'keep':
      // Nothing is taken away, so there is nothing to wait for: requests on their way end on pods that stay.
      return `${role} is kept for the way back.`;
    case 'scale-down': {
      step.log.info(`Draining ${role} for ${policy.drainMs / 1000} s`);
      await step.clock.wait(policy.drainMs, step.signal);
      step.signal.throwIfAborted();
      const old = state.roles?.[role];
      await refuseIfServing(step, { service, role, podLabels: old?.podLabels ?? {} });
      const { replicas } = policy.idle;
      if (old?.revision === undefined) return `${role} was left as it is: no revision of it is on record.`;
      await scaleDown(step, await step.records.readRevision(old.revision), replicas);
      return `${role} was scaled down to ${replicas}; a rollback brings it up first.`;
    }
    default:
      return policy.idle satisfies never;
  }
}

/** Somebody may have switched back while we drained: scaling that side down would leave users with nothing. */
async function refuseIfServing(
  step: Step,
  side: { readonly service: ObjectRef; readonly role: string; readonly podLabels: Readonly<Record<string, string>> },
): Promise<void> {
  const live = await step.cluster.get(side.service);
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
async function scaleDown(step: Step, revision: Revision, replicas: number): Promise<void> {
  // An autoscaler would undo the scaling; it comes back with the role's next switch.
  for (const object of revision.deferred) await removeLive(step, refOf(object));
  for (const object of revision.objects.filter(isDeployment)) {
    const live = await step.cluster.get(refOf(object));
    if (live === undefined || replicasOf(live) <= replicas) continue;
    await step.cluster.apply(withReplicas(object, replicas), { force: true });
    step.log.info(`${describeRef(refOf(object))}: ${replicasOf(live)} → ${replicas} replicas`);
  }
}

/** Deletes what has an object's name, if there is one; with `uid` only that very one. */
export async function removeLive(step: Step, ref: ObjectRef, uid?: string): Promise<void> {
  const live = await step.cluster.get(ref);
  if (live?.metadata.uid === undefined || (uid !== undefined && uid !== live.metadata.uid)) return;
  await step.cluster.remove(ref, { uid: live.metadata.uid });
  step.log.info(`${describeRef(ref)} removed`);
}

/** What a run that was killed after its switch left undone: autoscalers, drain, idle policy. */
export async function finishIdle(step: Step, policy: Aftermath['policy'], state: ReleaseState): Promise<Outcome> {
  return underLock(step, state, async locked => {
    const active = await activeOnRecord(locked, state);
    const revision = await locked.records.readRevision(state.inFlight?.revision ?? 0);
    const service = publicServiceOf(state);
    const sentence = await locked.stage('Clean up', () => settleIdle(locked, { state, revision, service, policy }));
    return {
      release: step.records.release,
      namespace: step.records.namespace,
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
