import { asCutoverError, type CutoverError } from '../errors.js';
import type { Clock } from '../cluster/clock.js';
import type { Cluster, ObjectWriter } from '../cluster/cluster.js';
import { waitForObject } from '../cluster/watch/wait-for-object.js';
import type { Log } from '../log.js';
import { groupKind } from '../kubernetes/kinds.js';
import { describeRef, refOf } from '../kubernetes/object.js';
import type { KubeObject, ObjectRef } from '../kubernetes/object.js';
import type { Snapshot } from '../plan/change.js';
import { controllerRevisionOf } from '../kubernetes/pods/pod-template.js';
import { isActive, isReady } from '../kubernetes/pods/pod.js';
import { statusOf } from '../kubernetes/status.js';
import { ownedBy, specOf } from '../kubernetes/workload.js';
import { podFailureOf } from './pod-failure.js';
import { unobserved } from './readiness/readiness.js';
import { statefulSetReadiness } from './readiness/stateful-set.js';

/** A controller observes every change at once; one that does not run must not block the rollback. */
const observedWithinMs = 10_000;

/** What {@link removeStuckPods} needs. */
export interface StuckPodsOptions {
  readonly cluster: Pick<Cluster, 'list' | 'watch'>;
  readonly writer: Pick<ObjectWriter, 'remove'>;
  /** The objects before the change; other kinds than StatefulSets are ignored. */
  readonly snapshots: readonly Snapshot[];
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A StatefulSet that may wait forever, since a pod that it waits for could not be deleted. */
export interface StuckStatefulSet {
  readonly ref: ObjectRef;
  readonly error: CutoverError;
}

/**
 * Deletes pods of other versions that are not ready from StatefulSets whose template changed. Their controller replaces no
 * pod while an earlier one in the order is not ready, whatever its version, and so would wait for it forever
 * (https://github.com/kubernetes/kubernetes/issues/67250). Ready pods are left to the controller, and under OnDelete all
 * pods to their operators. Throws the first failure, once no request is pending.
 */
export async function removeStuckPods(options: StuckPodsOptions): Promise<void> {
  const [first] = await deleteStuckPods(options);
  if (first !== undefined) throw first.error;
}

/** As {@link removeStuckPods}, but a failure is logged and returned, and does not stop the others. */
export async function deleteStuckPods(options: StuckPodsOptions): Promise<readonly StuckStatefulSet[]> {
  const { snapshots, log } = options;
  const sets = snapshots.flatMap(({ object }) => (object && isOrdered(object) ? [object] : []));
  const failures = await Promise.all(
    sets.map(async before => {
      try {
        await deletePodsOf(before, options);
        return [];
      } catch (thrown) {
        const error = asCutoverError(thrown);
        const ref = refOf(before);
        log.warning(`${describeRef(ref)} may wait for pods that cannot become ready: ${error.message}`);
        return [{ ref, error }];
      }
    }),
  );
  return failures.flat();
}

async function deletePodsOf(before: KubeObject, options: StuckPodsOptions): Promise<void> {
  const { cluster, writer, log } = options;
  const now = await observed(before, options);
  if (now === undefined) return;
  for (const pod of stuckPods({ before, now, pods: await podsOf(cluster, now) })) {
    await writer.remove(refOf(pod), { uid: pod.metadata.uid ?? '' });
    log.info(`${describeRef(refOf(pod))} deleted: its version failed, and its StatefulSet would wait for it forever`);
  }
}

function isOrdered(object: KubeObject): boolean {
  return groupKind(object) === 'apps/StatefulSet' && specOf(object).updateStrategy?.type !== 'OnDelete';
}

/** Whether the object is a StatefulSet that may have pods that a new version would wait for: its last rollout is not complete. */
export function isUnsettled(object: KubeObject): boolean {
  return isOrdered(object) && !statefulSetReadiness(object).ok;
}

/**
 * Active pods that are neither ready nor of the set's current version. A pod of the previous version may only need more time; it is
 * stuck when it cannot become ready by itself.
 */
function stuckPods({
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
      isActive(pod) &&
      !isReady(pod) &&
      controllerRevisionOf(pod) !== updateRevision &&
      (controllerRevisionOf(pod) !== currentRevision || podFailureOf(pod) !== undefined),
  );
}

/**
 * The set once its controller has observed its template: until then it would recreate a deleted pod with the old one. After
 * the timeout the set as it is; `undefined` when it does not exist.
 */
async function observed(
  before: KubeObject,
  { cluster, clock, signal, log }: StuckPodsOptions,
): Promise<KubeObject | undefined> {
  let now: KubeObject | undefined;
  const ref = refOf(before);
  const describe = (): string => `${describeRef(ref)}: ${unobserved}`;
  const options = { cluster, clock, signal, log, describe, timeoutMs: observedWithinMs };
  await waitForObject(ref, options, live => {
    now = live;
    return (
      live === undefined || (statusOf(live).observedGeneration ?? 0) >= (live.metadata.generation ?? 0) || undefined
    );
  });
  return now;
}

async function podsOf(cluster: Pick<Cluster, 'list'>, set: KubeObject): Promise<readonly KubeObject[]> {
  const { namespace } = set.metadata;
  return cluster.list({ apiVersion: 'v1', kind: 'Pod', ...(namespace !== undefined && { namespace }) });
}
