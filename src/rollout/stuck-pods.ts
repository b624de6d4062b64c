import { systemClock, type Clock } from '../cluster/clock.js';
import type { Cluster } from '../cluster/cluster.js';
import { waitForObject } from '../cluster/watch/wait-for-object.js';
import type { Log } from '../log.js';
import { groupKind } from '../kubernetes/kinds.js';
import { describeRef, refOf } from '../kubernetes/object.js';
import type { KubeObject } from '../kubernetes/object.js';
import type { Snapshot } from '../plan/change.js';
import { revisionOf } from '../kubernetes/pod-template.js';
import { podFailureOf } from './pod-failure.js';
import { statefulSetReadiness } from './readiness/workloads.js';
import { isReady, ownedBy, specOf, statusOf } from '../kubernetes/workload.js';

/** Its controller looks at every change at once; one that is not there at all must not hold up the way back. */
const observedWithinMs = 10_000;

interface Options {
  readonly cluster: Cluster;
  readonly snapshots: readonly Snapshot[];
  readonly log: Log;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/**
 * Deletes broken pods of other versions from StatefulSets that got another template. Their controller starts no pod while
 * one before it in the order is not ready, whatever its version, and so would wait for the broken one for ever
 * (https://github.com/kubernetes/kubernetes/issues/67250). Ready pods are left to the controller; under OnDelete all are
 * left to people. `snapshots`: what was there before that template; other kinds are passed over.
 */
export async function removeStuckPods(options: Options): Promise<void> {
  const { cluster, snapshots, log } = options;
  const sets = snapshots.flatMap(({ object }) => (object && isOrdered(object) ? [object] : []));
  await Promise.all(
    sets.map(async before => {
      const now = await observed(before, options);
      if (now === undefined) return;
      for (const pod of stuckPods({ before, now, pods: await podsOf(cluster, now) })) {
        await cluster.remove(refOf(pod), { uid: pod.metadata.uid ?? '' });
        log.info(
          `${describeRef(refOf(pod))} deleted: it is of a version that failed, and the others would wait for it`,
        );
      }
    }),
  );
}

function isOrdered(object: KubeObject): boolean {
  return groupKind(object) === 'apps/StatefulSet' && specOf(object).updateStrategy?.type !== 'OnDelete';
}

/** Whether a StatefulSet may hold broken pods that a new version would wait for: its last rollout has not ended. */
export function isUnsettled(object: KubeObject): boolean {
  return isOrdered(object) && !statefulSetReadiness(object).ok;
}

/**
 * Pods that are not ready, nor of the version that the set has now. One of the version that ran before may only need more
 * time; it counts when waiting cannot mend it.
 */
export function stuckPods({
  before,
  now,
  pods,
}: {
  readonly before: KubeObject;
  readonly now: KubeObject;
  readonly pods: readonly KubeObject[];
}): readonly KubeObject[] {
  const { currentRevision } = statusOf(before);
  const { updateRevision } = statusOf(now);
  return pods.filter(
    pod =>
      ownedBy(pod, now.metadata.uid ?? '') &&
      pod.metadata.deletionTimestamp === undefined &&
      !isReady(pod) &&
      revisionOf(pod) !== updateRevision &&
      (revisionOf(pod) !== currentRevision || podFailureOf(pod) !== undefined),
  );
}

/**
 * The set once its controller knows its template: before, it would make the deleted pod again as it was. As it is,
 * when that takes too long; `undefined` when there is no such set.
 */
async function observed(
  before: KubeObject,
  options: Pick<Options, 'cluster' | 'clock'>,
): Promise<KubeObject | undefined> {
  const { cluster, clock = systemClock } = options;
  const { signal } = new AbortController();
  let now: KubeObject | undefined;
  await waitForObject(refOf(before), { cluster, clock, signal, timeoutMs: observedWithinMs }, live => {
    now = live;
    return (
      live === undefined || (statusOf(live).observedGeneration ?? 0) >= (live.metadata.generation ?? 0) || undefined
    );
  });
  return now;
}

async function podsOf(cluster: Cluster, set: KubeObject): Promise<readonly KubeObject[]> {
  const { namespace } = set.metadata;
  return cluster.list({ apiVersion: 'v1', kind: 'Pod', ...(namespace !== undefined && { namespace }) });
}
