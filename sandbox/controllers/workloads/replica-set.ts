import { ApiError } from '../../api/http/status.js';
import { createAvailability } from '../availability.js';
import { claimed } from '../claim.js';
import type { Controller } from '../context.js';
import { createRecorder } from '../cluster/events.js';
import type { ReplicaSet } from '../kinds.js';
import { controlledBy, getByKey, keyOf, ownedBy, POD, REPLICA_SET } from '../kinds.js';
import { firstToGo } from './pod-ranking.js';
import type { Pod } from '../pod.js';
import { watchSets } from '../pod-sets.js';
import { isActive, isReady, RETRY_REFUSED } from '../pod.js';
import { createQueue } from '../queue.js';
import { dropCondition, nonZero, putCondition, writeStatus } from '../status.js';

/** Keeps each ReplicaSet at its number of pods and counts them in its status. */
export const replicaSetController: Controller = ({ store, clock }) => {
  const record = createRecorder(store, { component: 'replicaset-controller' });
  const availability = createAvailability(clock);

  const queue = createQueue(clock, key => {
    const set = getByKey(store, REPLICA_SET, key);
    if (!set) return;
    const { matchLabels = {} } = set.spec.selector;
    const pods = claimed(store, POD, { owner: set, matchLabels }).filter(isActive);
    const refused = set.metadata.deletionTimestamp === undefined ? fill(set, pods) : undefined;
    count(set, refused);
  });

  /** Creates or deletes pods until their number is right. Returns why a pod was refused. */
  function fill(set: ReplicaSet, pods: readonly Pod[]): string | undefined {
    const wanted = set.spec.replicas ?? 1;
    try {
      for (let missing = wanted - pods.length; missing > 0; missing -= 1) {
        const pod = store.create(podOf(set));
        const message = `Created pod: ${pod.metadata.name}`;
        record(set, { type: 'Normal', reason: 'SuccessfulCreate', message });
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      record(set, { type: 'Warning', reason: 'FailedCreate', message: `Error creating: ${error.message}` });
      queue.addAfter(keyOf(set), RETRY_REFUSED);
      return error.message;
    }
    for (const pod of firstToGo(pods).slice(0, Math.max(0, pods.length - wanted))) {
      const { name, namespace = '', uid = '' } = pod.metadata;
      store.remove({ ...POD, name, namespace }, { uid });
      record(set, { type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted pod: ${name}` });
    }
    return undefined;
  }

  function count(set: ReplicaSet, refused: string | undefined): void {
    const all = ownedBy(store, POD, set);
    const pods = all.filter(isActive);
    const ready = pods.filter(isReady);
    const { available, next } = availability.look(pods, set.spec.minReadySeconds);
    if (next !== undefined) queue.addAfter(keyOf(set), next);
    const before = set.status?.conditions ?? [];
    const conditions =
      refused === undefined
        ? dropCondition(before, 'ReplicaFailure')
        : putCondition(before, { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: refused });
    writeStatus(store, set, {
      replicas: pods.length,
      terminatingReplicas: all.filter(({ metadata }) => metadata.deletionTimestamp !== undefined).length,
      ...nonZero({
        fullyLabeledReplicas: pods.length,
        readyReplicas: ready.length,
        availableReplicas: available.size,
      }),
      observedGeneration: set.metadata.generation ?? 1,
      ...(conditions.length > 0 ? { conditions } : {}),
    });
  }

  const ends = watchSets(store, REPLICA_SET, { queue, availability });
  return () => {
    queue.close();
    for (const end of ends) end();
  };
};

function podOf(set: ReplicaSet): Pod {
  const { name, namespace = '' } = set.metadata;
  const { metadata, spec } = set.spec.template;
  return {
    apiVersion: POD.apiVersion,
    kind: POD.kind,
    metadata: { ...metadata, name: '', generateName: `${name}-`, namespace, ownerReferences: controlledBy(set) },
    spec,
  };
}
