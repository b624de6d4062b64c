import type { IdlePolicy } from '../inputs/inputs.js';
import { CutoverError } from '../errors.js';
import { describeRef, refOf, type ObjectRef } from '../manifests/object.js';
import type { ReleaseState } from '../release/state.js';
import type { Outcome } from './outcome.js';
import { publicServiceOf, readActive } from './recheck.js';
import type { Revision } from '../release/revision.js';
import { isDeployment, replicasOf, selects, selectorOf, withReplicas } from './roles.js';
import { underLock, type Step } from './step.js';

/** The side that users left, and what is to become of it. */
export interface IdleSide {
  readonly role: string;
  /** What the role runs; absent when no revision of it is on record. */
  readonly revision: number | undefined;
  readonly podLabels: Readonly<Record<string, string>>;
  /** The public Service, read again before anything is taken away. */
  readonly service: ObjectRef;
  readonly policy: { readonly idle: IdlePolicy; readonly drainMs: number };
}

/** Lets the old side drain, then applies the idle policy. Says in a sentence what became of it. */
export async function settleIdle(step: Step, side: IdleSide): Promise<string> {
  const { role, policy } = side;
  switch (policy.idle.policy) {
    case 'keep':
      // Nothing is taken away, so there is nothing to wait for: requests on their way end on pods that stay.
      return `${role} is kept for the way back.`;
    case 'scale-down': {
      step.log.info(`Draining ${role} for ${policy.drainMs / 1000} s`);
      await step.clock.wait(policy.drainMs, step.signal);
      step.signal.throwIfAborted();
      await refuseIfServing(step, side);
      const { replicas } = policy.idle;
      if (side.revision === undefined) return `${role} was left as it is: no revision of it is on record.`;
      await scaleDown(step, await step.records.readRevision(side.revision), replicas);
      return `${role} was scaled down to ${replicas}; a rollback brings it up first.`;
    }
    default:
      return policy.idle satisfies never;
  }
}

/** Somebody may have switched back while we drained: scaling that side down would leave users with nothing. */
async function refuseIfServing(step: Step, side: IdleSide): Promise<void> {
  const live = await step.cluster.get(side.service);
  if (live === undefined || !selects(selectorOf(live), side.podLabels)) return;
  throw new CutoverError(`${describeRef(side.service)} selects ${side.role} again, so it was not scaled down`, {
    code: 'changed',
    object: describeRef(side.service),
    hint: 'Somebody switched back while this step was draining. Run `action: status` to see where users are.',
  });
}

/**
 * Scales what the role runs by applying it again with other replicas: a write to the field alone would make another
 * manager own it, and the next deploy would meet that as a conflict.
 */
async function scaleDown(step: Step, revision: Revision, replicas: number): Promise<void> {
  // An autoscaler would undo the scaling; it comes back with the role's next switch.
  for (const object of revision.deferred) {
    const live = await step.cluster.get(refOf(object));
    if (live?.metadata.uid !== undefined) await step.cluster.remove(refOf(object), { uid: live.metadata.uid });
  }
  for (const object of revision.objects.filter(isDeployment)) {
    const live = await step.cluster.get(refOf(object));
    if (live === undefined || replicasOf(live) <= replicas) continue;
    await step.cluster.apply(withReplicas(object, replicas), { force: true });
    step.log.info(`${describeRef(refOf(object))}: ${replicasOf(live)} → ${replicas} replicas`);
  }
}

/** A run that was killed while it drained the old side left its idle policy undone. */
export async function finishIdle(step: Step, policy: IdleSide['policy'], state: ReleaseState): Promise<Outcome> {
  return underLock(step, async locked => {
    const { inFlight, ...done } = state;
    const role = inFlight?.role ?? '';
    const old = state.roles?.[role];
    const service = publicServiceOf(state);
    const sentence = await locked.stage('Clean up', () =>
      settleIdle(locked, {
        role,
        service,
        revision: old?.revision,
        podLabels: old?.podLabels ?? {},
        policy,
      }),
    );
    await locked.records.writeState(done);
    const { active } = await readActive(locked, done);
    return {
      release: step.records.release,
      namespace: step.records.namespace,
      strategy: 'blue-green',
      outcome: state.history[0]?.outcome === 'rolled-back' ? 'rolled-back' : 'switched',
      ...(state.current !== undefined && { revision: state.current }),
      ...(active.kind === 'role' && { activeRole: active.role, idleRole: active.idle }),
      changes: [],
      checks: [],
      serving: `Revision ${state.current ?? 0} serves users; the work of an earlier run was finished. ${sentence}`,
    };
  });
}
