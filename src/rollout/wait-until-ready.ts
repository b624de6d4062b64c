import type { Clock } from '../cluster/clock.js';
import type { Cluster } from '../cluster/cluster.js';
import { waitForObject } from '../cluster/watch/wait-for-object.js';
import { CutoverError } from '../errors.js';
import type { Log } from '../log.js';
import { groupKind } from '../kubernetes/kinds.js';
import { describeRef, refOf } from '../kubernetes/object.js';
import type { KubeObject } from '../kubernetes/object.js';
import { spoken } from './failure.js';
import type { Readiness } from './readiness/readiness.js';
import {
  autoscalerReadiness,
  claimReadiness,
  crdReadiness,
  cronJobReadiness,
  namespaceReadiness,
} from './readiness/resources.js';

const judges: Readonly<Record<string, (object: KubeObject) => Readiness>> = {
  'apiextensions.k8s.io/CustomResourceDefinition': crdReadiness,
  '/Namespace': namespaceReadiness,
  '/PersistentVolumeClaim': claimReadiness,
  'autoscaling/HorizontalPodAutoscaler': autoscalerReadiness,
  'batch/CronJob': cronJobReadiness,
};

const hint = 'Look at its conditions with kubectl describe.';

interface ServedOptions {
  readonly cluster: Cluster;
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly objects: readonly KubeObject[];
  readonly timeoutMs: number;
}

/**
 * Waits until what other objects need to exist at all is there: definitions established, namespaces active. Claims,
 * autoscalers and CronJobs are judged as they are: what there is to say of them is said, and nothing is waited for.
 */
export async function waitUntilReady(options: ServedOptions): Promise<void> {
  await Promise.all(options.objects.map(object => one(object, options)));
}

async function one(object: KubeObject, { cluster, log, clock, signal, timeoutMs }: ServedOptions): Promise<void> {
  const judge = judges[groupKind(object)];
  if (judge === undefined) return;
  const ref = refOf(object);
  const who = describeRef(ref);
  /** Whether there is nothing to wait for any more. */
  const settled = (readiness: Readiness): boolean => {
    if (!readiness.done) return false;
    if (!readiness.ok) throw new CutoverError(`${who}: ${readiness.reason}`, { code: 'rollout', object: who, hint });
    if (readiness.note !== undefined) log[readiness.note.level](`${who}: ${readiness.note.text}`);
    return true;
  };
  let readiness = judge(object);
  if (settled(readiness)) return;
  log.info(`Waiting up to ${spoken(timeoutMs)} for ${who}: ${readiness.reason}`);
  const done = await waitForObject(ref, { cluster, clock, signal, timeoutMs }, live => {
    if (live?.metadata.uid !== object.metadata.uid || live === undefined) return undefined;
    readiness = judge(live);
    return settled(readiness) || undefined;
  });
  if (done) return;
  signal.throwIfAborted();
  throw new CutoverError(`${who} could not be used after ${spoken(timeoutMs)}: ${readiness.reason}`, {
    code: 'timeout',
    object: who,
    hint,
  });
}
