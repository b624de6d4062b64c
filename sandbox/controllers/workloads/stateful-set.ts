import { ApiError } from '../../api/http/status.js';
import { createAvailability } from '../availability.js';
import { claimed } from '../claim.js';
import type { Controller } from '../context.js';
import { dropHistory, REVISION_LABEL, revisionOf, syncRevision, templateOf } from './controller-revisions.js';
import { createRecorder } from '../cluster/events.js';
import type { ControllerRevision, StatefulSet } from '../kinds.js';
import { CLAIM, getByKey, keyOf, POD, REVISION, STATEFUL_SET } from '../kinds.js';
import type { Pod } from '../pod.js';
import { watchSets } from '../pod-sets.js';
import { isActive, isReady, RETRY_REFUSED } from '../pod.js';
import { createQueue } from '../queue.js';
import { podsOfShare } from './rollout-plan.js';
import { ordinalOf, statefulClaims, statefulPod } from './stateful-pod.js';
import { planStateful } from './stateful-set-plan.js';
import type { OrdinalPod, StatefulGoal } from './stateful-set-plan.js';
import { nonZero, writeStatus } from '../status.js';

/** Pods with stable names, created and replaced in the order of their ordinals. */
export const statefulSetController: Controller = ({ store, clock }) => {
  const record = createRecorder(store, { component: 'statefulset-controller' });
  const availability = createAvailability(clock);

  const queue = createQueue(clock, key => {
    const set = getByKey(store, STATEFUL_SET, key);
    if (!set || set.metadata.deletionTimestamp !== undefined) return;
    const update = syncRevision(store, set, { hashLabel: 'controller.kubernetes.io/hash' });
    const current = set.status?.currentRevision ?? update.metadata.name;
    const { states, pods, next } = look(set, update);
    if (next !== undefined) queue.addAfter(key, next);
    const { create, remove } = planStateful(goalOf(set), states);
    for (const ordinal of remove) {
      const pod = pods.find(one => ordinalOf(one) === ordinal);
      if (pod) removePod(set, pod);
    }
    try {
      for (const ordinal of create)
        createPod(set, ordinal, needsCurrent(set, ordinal) ? current : update.metadata.name);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      queue.addAfter(key, RETRY_REFUSED);
    }
    report(set, { current, update });
  });

  function look(
    set: StatefulSet,
    update: ControllerRevision,
  ): { readonly states: readonly OrdinalPod[]; readonly pods: readonly Pod[]; readonly next?: number } {
    const { matchLabels = {} } = set.spec.selector;
    const pods = claimed(store, POD, { owner: set, matchLabels });
    const { available, next } = availability.look(pods, set.spec.minReadySeconds);
    const stateOf = (pod: Pod): OrdinalPod['state'] => {
      if (pod.metadata.deletionTimestamp !== undefined) return 'leaving';
      if (!isActive(pod)) return 'ended';
      return available.has(pod) ? 'available' : 'unavailable';
    };
    const states = pods.map(pod => ({
      ordinal: ordinalOf(pod),
      state: stateOf(pod),
      updated: revisionOf(pod) === update.metadata.name,
    }));
    return { states, pods, ...(next !== undefined && { next }) };
  }

  function removePod(set: StatefulSet, pod: Pod): void {
    const { name, namespace = '', uid = '' } = pod.metadata;
    store.remove({ ...POD, name, namespace }, { uid });
    const message = `Delete Pod ${name} in StatefulSet ${set.metadata.name} successful`;
    record(set, { type: 'Normal', reason: 'SuccessfulDelete', message });
  }

  function createPod(set: StatefulSet, ordinal: number, revision: string): void {
    const { name: owner, namespace = '' } = set.metadata;
    const kept = getByKey(store, REVISION, `${namespace}/${revision}`);
    const pod = statefulPod(set, ordinal, {
      template: kept ? templateOf(kept) : set.spec.template,
      labels: { [REVISION_LABEL]: revision },
    });
    const { name } = pod.metadata;
    try {
      for (const claim of statefulClaims(set, ordinal)) {
        if (getByKey(store, CLAIM, keyOf(claim))) continue;
        store.create(claim);
        const message = `Create Claim ${claim.metadata.name} Pod ${name} in StatefulSet ${owner} success`;
        record(set, { type: 'Normal', reason: 'SuccessfulCreate', message });
      }
      store.create(pod);
    } catch (error) {
      if (error instanceof ApiError) {
        const message = `Create Pod ${name} in StatefulSet ${owner} failed error: ${error.message}`;
        record(set, { type: 'Warning', reason: 'FailedCreate', message });
      }
      throw error;
    }
    const message = `Create Pod ${name} in StatefulSet ${owner} successful`;
    record(set, { type: 'Normal', reason: 'SuccessfulCreate', message });
  }

  function report(
    set: StatefulSet,
    { current, update }: { readonly current: string; readonly update: ControllerRevision },
  ): void {
    const { pods } = look(set, update);
    const { available } = availability.look(pods, set.spec.minReadySeconds);
    const of = (revision: string): number =>
      pods.filter(pod => pod.metadata.deletionTimestamp === undefined && revisionOf(pod) === revision).length;
    const replicas = pods.length;
    const updateRevision = update.metadata.name;
    const [ready, updated] = [pods.filter(isReady).length, of(updateRevision)];
    const complete = set.spec.updateStrategy?.type !== 'OnDelete' && updated === replicas && ready === replicas;
    const currentRevision = complete ? updateRevision : current;
    writeStatus(store, set, {
      observedGeneration: set.metadata.generation ?? 1,
      replicas,
      ...nonZero({ readyReplicas: ready, currentReplicas: of(currentRevision), updatedReplicas: updated }),
      availableReplicas: available.size,
      currentRevision,
      updateRevision,
      collisionCount: 0,
    });
    const inUse = new Set([currentRevision, updateRevision, ...pods.map(revisionOf)]);
    dropHistory(store, set, one => inUse.has(one.metadata.name));
  }

  const ends = watchSets(store, STATEFUL_SET, { queue, availability });
  return () => {
    queue.close();
    for (const end of ends) end();
  };
};

function goalOf({ spec }: StatefulSet): StatefulGoal {
  const replicas = spec.replicas ?? 1;
  const { type, rollingUpdate } = spec.updateStrategy ?? {};
  const start = spec.ordinals?.start ?? 0;
  const most = Math.max(
    1,
    podsOfShare(rollingUpdate?.maxUnavailable ?? 1, part => Math.floor(part * replicas)),
  );
  return {
    start,
    replicas,
    ordered: spec.podManagementPolicy !== 'Parallel',
    ...(type !== 'OnDelete' && { update: { from: start + (rollingUpdate?.partition ?? 0), maxUnavailable: most } }),
  };
}

/** Below the partition, a new pod gets the version of the other pods there. */
function needsCurrent({ spec }: StatefulSet, ordinal: number): boolean {
  const { type, rollingUpdate } = spec.updateStrategy ?? {};
  return type !== 'OnDelete' && ordinal < (spec.ordinals?.start ?? 0) + (rollingUpdate?.partition ?? 0);
}
