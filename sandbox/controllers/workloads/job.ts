import { ApiError } from '../../api/http/status.js';
import type { Controller } from '../context.js';
import { createRecorder } from '../cluster/events.js';
import { conditionOf, type Condition } from '../condition.js';
import type { Job } from '../kinds.js';
import { controlledBy, controllerOf, getByKey, JOB, keyOf, ownedBy, POD, timestamp } from '../kinds.js';
import type { Pod } from '../pod.js';
import { isActive, isReady, RETRY_REFUSED } from '../pod.js';
import { createQueue } from '../queue.js';
import { nonZero, setCondition, writeStatus } from '../status.js';

/** Seconds before a failed pod is replaced: this after the first, doubled with each further one, at most MOST. */
const BACK_OFF = 10;
const MOST = 360;

/** Runs Jobs until they have enough successful pods or more than backoffLimit failures. */
export const jobController: Controller = ({ store, clock }) => {
  const record = createRecorder(store, { component: 'job-controller' });
  /** When each Job was first seen, and when a failed pod of it may be replaced, in Kubernetes seconds. */
  const started = new Map<string, number>();
  /** Pods that were ended with their Job: they count as failed. */
  const stopped = new Map<string, number>();
  const notBefore = new Map<string, { readonly failures: number; readonly at: number }>();

  const queue = createQueue(clock, key => {
    const job = getByKey(store, JOB, key);
    if (!job || job.metadata.deletionTimestamp !== undefined) return;
    const uid = job.metadata.uid ?? '';
    const end = endOf(job);
    if (end) {
      const ttl = job.spec.ttlSecondsAfterFinished;
      if (ttl === undefined) return;
      const left = ttl - (Date.now() - Date.parse(end.lastTransitionTime ?? '')) / 1000;
      if (left > 0) queue.addAfter(key, left);
      else store.remove({ ...JOB, name: job.metadata.name, namespace: job.metadata.namespace ?? '' });
      return;
    }
    started.set(uid, started.get(uid) ?? clock.now());
    const pods = ownedBy(store, POD, job);
    const tally = tallyPods(pods);
    const deadline = job.spec.activeDeadlineSeconds;
    const overdue = deadline === undefined ? undefined : (started.get(uid) ?? 0) + deadline - clock.now();
    if (overdue !== undefined && overdue > 0) queue.addAfter(key, overdue + 0.01);
    const verdict = judgeJob(job, tally, overdue !== undefined && overdue <= 0);
    if (verdict) {
      const active = pods.filter(isActive);
      stopped.set(uid, (stopped.get(uid) ?? 0) + active.length);
      for (const pod of active) removePod(pod);
      // A Job has failed only when the last of its pods has ended.
      if (ownedBy(store, POD, job).some(isLeaving)) {
        report(job, { ...verdict, type: 'FailureTarget' });
        return;
      }
      const { reason, message } = verdict;
      record(job, verdict.type === 'Failed' ? { type: 'Warning', reason, message } : completed);
    } else if (job.spec.suspend === true) {
      for (const pod of pods.filter(isActive)) removePod(pod);
    } else {
      startPods(job, tally);
    }
    report(job, verdict);
  });

  function startPods(job: Job, tally: Tally): void {
    const uid = job.metadata.uid ?? '';
    if (tally.failed > (notBefore.get(uid)?.failures ?? 0)) {
      const wait = Math.min(MOST, BACK_OFF * 2 ** (tally.failed - 1));
      notBefore.set(uid, { failures: tally.failed, at: clock.now() + wait });
    }
    const wait = (notBefore.get(uid)?.at ?? 0) - clock.now();
    if (wait > 0) {
      queue.addAfter(keyOf(job), wait + 0.01);
      return;
    }
    const { parallelism = 1, completions = 1 } = job.spec;
    const missing = Math.min(parallelism, completions - tally.succeeded) - tally.active;
    try {
      for (let count = 0; count < missing; count += 1) {
        const pod = store.create(podOf(job));
        record(job, { type: 'Normal', reason: 'SuccessfulCreate', message: `Created pod: ${pod.metadata.name}` });
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      record(job, { type: 'Warning', reason: 'FailedCreate', message: `Error creating: ${error.message}` });
      queue.addAfter(keyOf(job), RETRY_REFUSED);
    }
  }

  function removePod(pod: Pod): void {
    const { name, namespace = '', uid = '' } = pod.metadata;
    store.remove({ ...POD, name, namespace }, { uid });
  }

  function report(job: Job, verdict: JobVerdict | undefined): void {
    const pods = ownedBy(store, POD, job);
    const { active, succeeded, failed } = tallyPods(pods);
    let conditions = suspension(job);
    if (verdict) {
      const { reason, message } = verdict;
      const first = verdict.type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
      for (const type of [first, verdict.type]) {
        conditions = setCondition(conditions, { type, status: 'True', reason, message });
      }
    }
    const ended = verdict?.type === 'Failed' ? (stopped.get(job.metadata.uid ?? '') ?? 0) : 0;
    writeStatus(store, job, {
      ...(job.spec.suspend === true ? {} : { startTime: job.status?.startTime ?? timestamp() }),
      ...nonZero({ active, succeeded, failed: failed + ended }),
      ready: pods.filter(pod => isActive(pod) && isReady(pod)).length,
      terminating: pods.filter(pod => pod.metadata.deletionTimestamp !== undefined).length,
      uncountedTerminatedPods: {},
      ...(conditions.length > 0 ? { conditions } : {}),
      ...(verdict?.type === 'Complete' ? { completionTime: timestamp() } : {}),
    });
    if (verdict) queue.add(keyOf(job));
  }

  const ends = [
    store.watch(JOB, ({ type, object }) => {
      if (type !== 'DELETED') queue.add(keyOf(object));
      else for (const map of [started, stopped, notBefore]) map.delete(object.metadata.uid ?? '');
    }),
    store.watch(POD, ({ object }) => {
      const owner = controllerOf(object);
      if (owner?.kind === 'Job') queue.add(`${object.metadata.namespace ?? ''}/${owner.name}`);
    }),
  ];
  return () => {
    queue.close();
    for (const end of ends) end();
  };
};

const isLeaving = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;

/** The Job's conditions with the condition Suspended. */
function suspension(job: Job): readonly Condition[] {
  const { conditions = [] } = job.status ?? {};
  const type = 'Suspended';
  if (job.spec.suspend === true) {
    return setCondition(conditions, { type, status: 'True', reason: 'JobSuspended', message: 'Job suspended' });
  }
  if (!conditionOf(conditions, type)) return conditions;
  return setCondition(conditions, { type, status: 'False', reason: 'JobResumed', message: 'Job resumed' });
}

const completed = { type: 'Normal', reason: 'Completed', message: 'Job completed' } as const;

/** Pods of a Job by their result. */
export interface Tally {
  readonly active: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Restarts of containers in running pods, as with restartPolicy OnFailure. */
  readonly restarts: number;
}

function tallyPods(pods: readonly Pod[]): Tally {
  const active = pods.filter(isActive);
  const restarts = active.flatMap(pod => (pod.status?.containerStatuses ?? []).map(status => status.restartCount));
  return {
    active: active.length,
    succeeded: pods.filter(pod => pod.status?.phase === 'Succeeded').length,
    failed: pods.filter(pod => pod.status?.phase === 'Failed').length,
    restarts: restarts.reduce((sum, count) => sum + count, 0),
  };
}

export interface JobVerdict {
  readonly type: 'Complete' | 'Failed' | 'FailureTarget';
  readonly reason: string;
  readonly message: string;
}

/** How the Job ends, if it ends now. `overdue`: activeDeadlineSeconds have passed. */
export function judgeJob(job: Job, tally: Tally, overdue: boolean): JobVerdict | undefined {
  if (tally.succeeded >= (job.spec.completions ?? 1)) {
    const message = 'Reached expected number of succeeded pods';
    return { type: 'Complete', reason: 'CompletionsReached', message };
  }
  const limit = job.spec.backoffLimit ?? 6;
  if (tally.failed > limit || (tally.restarts > 0 && tally.restarts >= limit)) {
    const message = 'Job has reached the specified backoff limit';
    return { type: 'Failed', reason: 'BackoffLimitExceeded', message };
  }
  if (overdue) {
    const message = 'Job was active longer than specified deadline';
    return { type: 'Failed', reason: 'DeadlineExceeded', message };
  }
  return undefined;
}

function endOf(job: Job): Condition | undefined {
  return ['Complete', 'Failed']
    .map(type => conditionOf(job.status?.conditions, type))
    .find(condition => condition?.status === 'True');
}

function podOf(job: Job): Pod {
  const { name, namespace = '', uid = '' } = job.metadata;
  const { metadata, spec } = job.spec.template;
  const own = { 'job-name': name, 'controller-uid': uid };
  const labels = {
    ...metadata?.labels,
    ...own,
    ...Object.fromEntries(Object.entries(own).map(([label, value]) => [`batch.kubernetes.io/${label}`, value])),
  };
  const ownerReferences = controlledBy(job);
  return {
    apiVersion: POD.apiVersion,
    kind: POD.kind,
    metadata: { ...metadata, labels, name: '', generateName: `${name}-`, namespace, ownerReferences },
    spec,
  };
}
