import { ApiError } from '../../api/http/status.js';
import type { Controller, ControllerContext } from '../context.js';
import type { Step } from './deployment-status.js';
import { countPods, isComplete, judgeProgress, newSetCreated, withProgress } from './deployment-status.js';
import type { Note, Recorder } from '../cluster/events.js';
import { createRecorder } from '../cluster/events.js';
import type { Deployment, ReplicaSet } from '../kinds.js';
import { controllerOf, DEPLOYMENT, getByKey, keyOf, ownedBy, POD, REPLICA_SET } from '../kinds.js';
import type { Pod } from '../pod.js';
import { createQueue } from '../queue.js';
import type { DeploymentSets } from './replica-sets.js';
import {
  annotate,
  beyondHistory,
  createSet,
  scaleNotes,
  scaleSet,
  setsOf,
  stateOf,
  syncRevision,
  wasScaled,
} from './replica-sets.js';
import type { Scaling } from './rollout-plan.js';
import { limitsOf, planRolling, planScaling } from './rollout-plan.js';
import { writeStatus } from '../status.js';

/** Rolls Deployments out: one ReplicaSet a template, pods moved from old sets to the current one within the limits. */
export const deploymentController: Controller = context => {
  const { store, clock } = context;
  const record = createRecorder(store, { component: 'deployment-controller' });
  /** When each rollout made progress last, in Kubernetes seconds: finer than the timestamps of its status. */
  const progressed = new Map<string, number>();
  const queue = createQueue(clock, key => {
    const deployment = getByKey(store, DEPLOYMENT, key);
    if (!deployment || deployment.metadata.deletionTimestamp !== undefined) return;
    const step = rollOut({ context, record, deployment });
    const scaled = getByKey(store, DEPLOYMENT, key);
    if (scaled && step === 'created') reportNewSet(scaled);
    const fresh = getByKey(store, DEPLOYMENT, key);
    if (fresh) report(fresh, step);
  });

  /** Before anything is counted, so that this condition is the first. */
  function reportNewSet(deployment: Deployment): void {
    const name = setsOf(store, deployment).current?.metadata.name ?? '';
    progressed.set(deployment.metadata.uid ?? '', clock.now());
    writeStatus(store, deployment, withProgress(deployment.status ?? {}, newSetCreated(name), true));
  }

  function report(deployment: Deployment, step: Step): void {
    const { uid = '' } = deployment.metadata;
    const sets = setsOf(store, deployment);
    const counted = countPods(deployment, sets);
    const deadline = deployment.spec.progressDeadlineSeconds ?? 600;
    const since = progressed.get(uid) ?? clock.now();
    const late = clock.now() - since >= deadline;
    const { verdict, moved } = judgeProgress({ deployment, sets, status: counted, step, late });
    progressed.set(uid, moved ? clock.now() : since);
    writeStatus(store, deployment, withProgress(counted, verdict, moved));
    if (verdict.status === 'True' && verdict.reason !== 'NewReplicaSetAvailable') {
      queue.addAfter(keyOf(deployment), Math.max(0, (moved ? deadline : deadline - (clock.now() - since)) + 0.01));
    }
  }

  const ends = [
    store.watch(DEPLOYMENT, ({ type, object }) => {
      if (type === 'DELETED') progressed.delete(object.metadata.uid ?? '');
      else queue.add(keyOf(object));
    }),
    store.watch(REPLICA_SET, ({ object }) => {
      const owner = controllerOf(object);
      if (owner?.kind === 'Deployment') queue.add(`${object.metadata.namespace ?? ''}/${owner.name}`);
    }),
    // Recreate waits for the last old pod to be gone, which no status shows.
    store.watch(POD, ({ type, object }) => {
      const set = getByKey(
        store,
        REPLICA_SET,
        `${object.metadata.namespace ?? ''}/${controllerOf(object)?.name ?? ''}`,
      );
      const owner = set && controllerOf(set);
      if (type === 'DELETED' && owner) queue.add(`${object.metadata.namespace ?? ''}/${owner.name}`);
    }),
  ];
  return () => {
    queue.close();
    for (const end of ends) end();
  };
};

/** The state of a rollout. */
interface Rollout {
  readonly context: ControllerContext;
  readonly record: Recorder;
  readonly deployment: Deployment;
}

/** One step of the rollout; the next one follows when the sets report back. */
function rollOut(rollout: Rollout): Step {
  const { store } = rollout.context;
  const { spec } = rollout.deployment;
  const desired = spec.replicas ?? 1;
  const limits = limitsOf(spec);
  const goal = { replicas: desired, limits };
  const seen = setsOf(store, rollout.deployment);

  if (spec.paused === true || wasScaled(seen, desired)) {
    const states = { old: seen.old.map(stateOf), ...(seen.current ? { current: stateOf(seen.current) } : {}) };
    const scaling = planScaling(goal, states);
    for (const set of allOf(seen)) annotate(store, set, scaleNotes(desired, limits));
    return scaleAll(rollout, scaling);
  }

  if (spec.strategy?.type === 'Recreate') {
    const alive = seen.old.filter(set => (set.spec.replicas ?? 0) > 0);
    if (alive.length > 0) return scaleAll(rollout, new Map(alive.map(set => [set.metadata.name, 0])));
    // Two versions never run side by side, so pods that are still stopping count too.
    if (seen.old.some(set => ownedBy(store, POD, set).some(isRunning))) return 'nothing';
  }

  const current = seen.current ?? tryCreate(rollout, seen.old);
  if (!current) return 'nothing';
  const sets = { current, old: seen.old };
  syncRevision(store, rollout.deployment, sets);
  const step = scaleAll(rollout, planRolling(goal, { current: stateOf(current), old: seen.old.map(stateOf) }));
  if (step === 'nothing' && isComplete(rollout.deployment, countPods(rollout.deployment, sets))) {
    for (const set of beyondHistory(seen.old, spec.revisionHistoryLimit ?? 10)) {
      store.remove({ ...REPLICA_SET, name: set.metadata.name, namespace: set.metadata.namespace ?? '' });
    }
  }
  return seen.current ? step : 'created';
}

function isRunning(pod: Pod): boolean {
  return pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
}

function allOf(sets: DeploymentSets): readonly ReplicaSet[] {
  return sets.current ? [...sets.old, sets.current] : sets.old;
}

function scaleAll({ context, record, deployment }: Rollout, scaling: Scaling): Step {
  const desired = deployment.spec.replicas ?? 1;
  for (const [name, replicas] of scaling) {
    const set = getByKey(context.store, REPLICA_SET, `${deployment.metadata.namespace ?? ''}/${name}`);
    if (!set) continue;
    const before = set.spec.replicas ?? 0;
    scaleSet(context.store, set, { replicas, desired, limits: limitsOf(deployment.spec) });
    record(deployment, scaled(set, before, replicas));
  }
  return scaling.size > 0 ? 'scaled' : 'nothing';
}

function scaled(set: ReplicaSet, before: number, after: number): Note {
  const message = `Scaled ${after > before ? 'up' : 'down'} replica set ${set.metadata.name} from ${before} to ${after}`;
  return { type: 'Normal', reason: 'ScalingReplicaSet', message };
}

/** Undefined: the API server refuses the set, which an Event reports. */
function tryCreate({ context, record, deployment }: Rollout, old: readonly ReplicaSet[]): ReplicaSet | undefined {
  const limits = limitsOf(deployment.spec);
  const none = { name: '', replicas: 0, available: 0 };
  const first = planRolling(
    { replicas: deployment.spec.replicas ?? 1, limits },
    { current: none, old: old.map(stateOf) },
  );
  const replicas = first.get(none.name) ?? 0;
  try {
    const set = createSet(context.store, deployment, { replicas, limits, old });
    if (replicas > 0) record(deployment, scaled(set, 0, replicas));
    return set;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    record(deployment, { type: 'Warning', reason: 'ReplicaSetCreateError', message: error.message });
    return undefined;
  }
}
