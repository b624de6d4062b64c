import { groupKind } from '../kubernetes/kinds.js';
import { refOf } from '../kubernetes/object.js';
import type { KubeObject, ObjectRef } from '../kubernetes/object.js';
import { isJob } from './awaited.js';
import { customReadiness } from './readiness/custom-resource.js';
import {
  newPodsOfDaemonSet,
  newPodsOfStatefulSet,
  newReplicaSet,
  sameTemplate,
  templateHashOf,
} from '../kubernetes/pod-template.js';
import type { Inventory } from './inventory.js';
import { unobserved } from './readiness/readiness.js';
import type { Readiness } from './readiness/readiness.js';
import { podFailureOf } from './pod-failure.js';
import type { PodFailure } from './pod-failure.js';
import {
  daemonSetReadiness,
  deploymentReadiness,
  jobReadiness,
  podReadiness,
  statefulSetReadiness,
} from './readiness/workloads.js';
import type { Paused } from './readiness/workloads.js';
import { specOf, statusOf } from '../kubernetes/workload.js';

/** Where one workload stands, from everything that is known of it. */
export interface Assessment {
  readonly ref: ObjectRef;
  readonly readiness: Readiness;
  /** The live workload; absent while it has not been seen. */
  readonly live?: KubeObject;
  /** Pods of the version that was written, and of no other. */
  readonly newPods: readonly KubeObject[];
  readonly templateHash?: string;
  /** What makes them, when it is not the workload itself: its events tell why there are none. */
  readonly maker?: KubeObject;
  /** What keeps a new pod from ever becoming ready; of several the one with the least patience. */
  readonly trouble?: PodFailure;
  /** Set when the workload is no longer the one that was written: how it differs. */
  readonly superseded?: string;
}

/** Judges a workload. `target` is what the API server answered to our write, or (uid and all) what was live. */
export function assess(target: KubeObject, inventory: Inventory, paused?: Paused): Assessment {
  const ref = refOf(target);
  const live = inventory.find(ref);
  const unseen = { ref, readiness: { done: false, ok: false, reason: unobserved }, newPods: [] } as const;
  const { uid, generation = 0 } = target.metadata;
  const gone = uid === undefined ? undefined : inventory.deleted(uid);
  if (gone !== undefined) {
    const readiness = isJob(gone) ? jobReadiness(gone) : undefined;
    // It ended well, and its ttlSecondsAfterFinished were over.
    if (readiness?.ok) return { ref, live: gone, readiness, newPods: [] };
    return { ...unseen, superseded: 'was deleted' };
  }
  if (live === undefined) return unseen;
  if (uid !== undefined && live.metadata.uid !== uid) return { ...unseen, superseded: 'was deleted and made again' };
  if ((live.metadata.generation ?? 0) < generation) return unseen;
  if (hasTemplate(live) && uid !== undefined && !sameTemplate(specOf(live).template, specOf(target).template)) {
    return { ...unseen, live, superseded: 'got another pod template' };
  }
  return { ref, live, ...judge(live, inventory, paused) };
}

/** Kinds whose template only a deploy changes. A Job's cannot change, and what others do with theirs is their business. */
function hasTemplate(object: KubeObject): boolean {
  return ['apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet'].includes(groupKind(object));
}

type Judged = Pick<Assessment, 'readiness' | 'newPods' | 'templateHash' | 'trouble' | 'maker'>;

function judge(live: KubeObject, inventory: Inventory, paused?: Paused): Judged {
  const { uid = '' } = live.metadata;
  const pods = inventory.ownedBy(uid, 'Pod');
  switch (groupKind(live)) {
    case 'apps/Deployment': {
      const set = newReplicaSet(live, inventory.ownedBy(uid, 'ReplicaSet'));
      const newPods = set === undefined ? [] : inventory.ownedBy(set.metadata.uid ?? '', 'Pod');
      const templateHash = set === undefined ? undefined : templateHashOf(set);
      return {
        readiness: deploymentReadiness(live, newPods, paused),
        newPods,
        ...worst(newPods),
        ...(templateHash !== undefined && { templateHash }),
        ...(set !== undefined && { maker: set }),
      };
    }
    case 'apps/StatefulSet': {
      const newPods = newPodsOfStatefulSet(live, pods);
      const { updateRevision } = statusOf(live);
      const templateHash = updateRevision === undefined ? {} : { templateHash: updateRevision };
      return { readiness: statefulSetReadiness(live), newPods, ...worst(newPods), ...templateHash };
    }
    case 'apps/DaemonSet': {
      const newPods = newPodsOfDaemonSet(live, pods);
      return { readiness: daemonSetReadiness(live), newPods, ...worst(newPods) };
    }
    case 'batch/Job':
      // A crash is the Job's own business: its backoffLimit says how many are too many.
      return { readiness: jobReadiness(live), newPods: pods, ...worst(pods, trouble => trouble.log === 'none') };
    case '/Pod':
      return { readiness: podReadiness(live), newPods: [live], ...worst([live]) };
    default:
      return { readiness: customReadiness(live), newPods: [] };
  }
}

function worst(
  pods: readonly KubeObject[],
  counts: (trouble: PodFailure) => boolean = () => true,
): { trouble?: PodFailure } {
  const troubles = pods.map(podFailureOf).filter(trouble => trouble !== undefined);
  const [first] = troubles.filter(counts).sort((a, b) => a.patienceMs - b.patienceMs);
  return first === undefined ? {} : { trouble: first };
}

/** What may not change while a workload has to stay ready: which pods there are, and how often they restarted. */
export function fingerprint({ newPods }: Assessment, restartsOf: (pod: KubeObject) => number): string {
  return newPods
    .filter(pod => pod.metadata.deletionTimestamp === undefined)
    .map(pod => `${pod.metadata.uid ?? pod.metadata.name}:${restartsOf(pod)}`)
    .sort()
    .join(' ');
}
