import { conditionOf, type Condition } from '../condition.js';
import type { Deployment, DeploymentStatus, ReplicaSet } from '../kinds.js';
import { timestamp } from '../kinds.js';
import { limitsOf } from './rollout-plan.js';
import type { DeploymentSets } from './replica-sets.js';
import { dropCondition, nonZero, putCondition } from '../status.js';

/** A Deployment's counts and its condition Available, from the status of its sets. Progress is decided apart. */
export function countPods(deployment: Deployment, sets: DeploymentSets): DeploymentStatus {
  const all = sets.current ? [...sets.old, sets.current] : sets.old;
  const total = (count: (set: ReplicaSet) => number | undefined) =>
    all.reduce((sum, set) => sum + (count(set) ?? 0), 0);
  const replicas = total(set => set.status?.replicas);
  const available = total(set => set.status?.availableReplicas);
  const wanted = deployment.spec.replicas ?? 1;
  const enough = available >= wanted - limitsOf(deployment.spec).maxUnavailable;

  const withAvailable = putCondition(deployment.status?.conditions ?? [], {
    type: 'Available',
    status: enough ? 'True' : 'False',
    reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: enough ? 'Deployment has minimum availability.' : 'Deployment does not have minimum availability.',
  });
  const failure = all.map(set => conditionOf(set.status?.conditions, 'ReplicaFailure')).find(Boolean);
  const { message = '', reason = '' } = failure ?? {};
  return {
    observedGeneration: deployment.metadata.generation ?? 1,
    ...nonZero({
      replicas,
      updatedReplicas: sets.current?.status?.replicas ?? 0,
      readyReplicas: total(set => set.status?.readyReplicas),
      availableReplicas: available,
      unavailableReplicas: Math.max(0, total(set => set.spec.replicas) - available),
    }),
    terminatingReplicas: total(set => set.status?.terminatingReplicas),
    conditions: failure
      ? putCondition(withAvailable, { type: 'ReplicaFailure', status: 'True', reason, message })
      : dropCondition(withAvailable, 'ReplicaFailure'),
  };
}

/** True if all wanted pods are of the current template and available, and no other pod is left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = deployment.spec.replicas ?? 1;
  return [status.replicas, status.updatedReplicas, status.availableReplicas].every(count => (count ?? 0) === wanted);
}

/** What was done just now: a set was made for a new template, sets were scaled, or nothing. */
export type Step = 'created' | 'scaled' | 'nothing';

/** The input for the condition Progressing. */
export interface Progress {
  readonly deployment: Deployment;
  readonly sets: DeploymentSets;
  /** Counts of now, conditions of before. */
  readonly status: DeploymentStatus;
  readonly step: Step;
  /** The deadline has passed without progress. */
  readonly late: boolean;
}

/** The condition Progressing as it should be now, and whether progress was made since the last look. */
export function judgeProgress(progress: Progress): { readonly verdict: Condition; readonly moved: boolean } {
  const { deployment, sets, status, step, late } = progress;
  const before = conditionOf(status.conditions, 'Progressing');
  const name = (sets.current ?? deployment).metadata.name;
  const subject = `${sets.current ? 'ReplicaSet' : 'Deployment'} "${name}"`;
  const say = (value: Condition['status'], reason: string, message: string): Condition => ({
    type: 'Progressing',
    status: value,
    reason,
    message,
  });

  if (deployment.spec.paused === true) {
    return { verdict: say('Unknown', 'DeploymentPaused', 'Deployment is paused'), moved: false };
  }
  if (before?.reason === 'DeploymentPaused') {
    return { verdict: say('Unknown', 'DeploymentResumed', 'Deployment is resumed'), moved: true };
  }
  if (isComplete(deployment, status)) {
    const verdict = say('True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`);
    return { verdict, moved: before?.reason !== 'NewReplicaSetAvailable' };
  }
  // A finished rollout that is scaled or lost a pod is not a rollout: it stays finished until the template changes.
  const finished =
    before?.reason === 'NewReplicaSetAvailable' && (status.updatedReplicas ?? 0) === (status.replicas ?? 0);
  if (finished) return { verdict: before, moved: false };
  if (step === 'scaled' || before === undefined || advanced(deployment.status ?? {}, status)) {
    return { verdict: say('True', 'ReplicaSetUpdated', `${subject} is progressing.`), moved: true };
  }
  if (late) {
    const verdict = say('False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`);
    return { verdict, moved: false };
  }
  return { verdict: before, moved: false };
}

export function newSetCreated(name: string): Condition {
  const message = `Created new replica set "${name}"`;
  return { type: 'Progressing', status: 'True', reason: 'NewReplicaSetCreated', message };
}

/** The status with that verdict. lastUpdateTime moves when progress was made or the reason changed. */
export function withProgress(status: DeploymentStatus, verdict: Condition, moved: boolean): DeploymentStatus {
  const { conditions = [] } = status;
  const before = conditionOf(conditions, 'Progressing');
  if (!moved && before?.reason === verdict.reason) return status;
  const unchanged = before?.status === verdict.status ? before.lastTransitionTime : undefined;
  const timed = { ...verdict, lastUpdateTime: timestamp(), lastTransitionTime: unchanged ?? timestamp() };
  return { ...status, conditions: [...dropCondition(conditions, 'Progressing'), timed] };
}

function advanced(before: DeploymentStatus, now: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (now.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(now) < old(before) ||
    (now.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}
