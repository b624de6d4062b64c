import type { Clock } from '../cluster/clock.js';
import type { Cluster } from '../cluster/cluster.js';
import { CutoverError } from '../errors.js';
import type { Log } from '../log.js';
import { groupKind } from '../manifests/kinds.js';
import { describeRef, refOf } from '../manifests/object.js';
import type { KubeObject } from '../manifests/object.js';
import { spoken } from './failure.js';
import type { Readiness } from './readiness.js';
import {
  autoscalerReadiness,
  claimReadiness,
  crdReadiness,
  cronJobReadiness,
  namespaceReadiness,
} from './resource-readiness.js';

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
export async function served(options: ServedOptions): Promise<void> {
  await Promise.all(options.objects.map(object => one(object, options)));
}

async function one(object: KubeObject, { cluster, log, clock, signal, timeoutMs }: ServedOptions): Promise<void> {
  const judge = judges[groupKind(object)];
  if (judge === undefined) return;
  const { name, ...kind } = refOf(object);
  const who = describeRef(refOf(object));
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
  const ending = new AbortController();
  const end = AbortSignal.any([signal, ending.signal]);
  const overdue = clock.wait(timeoutMs, end).then(() => ending.abort());
  try {
    for await (const event of cluster.watch(kind, { fieldSelector: `metadata.name=${name}`, signal: end })) {
      if (event.type === 'synced' || event.object.metadata.uid !== object.metadata.uid) continue;
      readiness = judge(event.object);
      if (settled(readiness)) return;
    }
  } finally {
    ending.abort();
    await overdue;
  }
  signal.throwIfAborted();
  throw new CutoverError(`${who} could not be used after ${spoken(timeoutMs)}: ${readiness.reason}`, {
    code: 'timeout',
    object: who,
    hint,
  });
}
