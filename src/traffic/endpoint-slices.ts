import type { Cluster } from '../cluster/cluster.js';
import { CutoverError } from '../errors.js';
import { describeRef, type KubeObject, type ObjectRef } from '../kubernetes/object.js';
import { isReady } from '../kubernetes/pods/pod.js';
import { labelSelectorOf } from '../kubernetes/selectors.js';
import type { Log } from '../log.js';
import type { ConfirmOptions, ExpectedPods } from './router.js';
import { judgeServedPods, type ServedVerdict } from './served-pods.js';

/** EndpointSlices follow a selector within moments; if it does not, the cluster is faulty and not the application slow. */
export const confirmMs = 30_000;

interface Confirmation extends ConfirmOptions {
  readonly cluster: Cluster;
  readonly log: Log;
  readonly service: ObjectRef;
  readonly expected: ExpectedPods;
}

/**
 * Waits until the Service's EndpointSlices hold exactly the expected pods that are ready, and enough of them; resolves with
 * those pods. A pod that is replaced meanwhile is waited for, since users reach the right version without it. Throws
 * `switch` at the deadline.
 */
export async function confirmEndpoints(options: Confirmation): Promise<readonly KubeObject[]> {
  const { cluster, log, service, expected, signal: cancelled } = options;
  const { timeoutMs, readyTimeoutMs = timeoutMs } = options;
  const ended = new AbortController();
  const signal = AbortSignal.any([cancelled, ended.signal]);
  const [slices, pods, owners] = [watchedBy('EndpointSlice'), watchedBy('Pod'), watchedBy('ReplicaSet')];
  const seen: { verdict: ServedVerdict; follows: boolean } = {
    verdict: { kind: 'lagging', reason: 'no EndpointSlice was seen yet' },
    follows: false,
  };
  let timer = setTimeout(() => ended.abort(), timeoutMs);

  /** Called at each event. */
  const judge = (): void => {
    // With several slices, one of them may look complete.
    if (signal.aborted || ![slices, pods, owners].every(({ synced }) => synced)) return;
    const verdict = judgeServedPods({
      slices: [...slices.objects.values()],
      pods: [...pods.objects.values()],
      owners: [...owners.objects.values()],
      ...(expected.workloads !== undefined && { workloads: expected.workloads }),
      ...(expected.beside !== undefined && { beside: expected.beside }),
    });
    seen.verdict = verdict;
    if (verdict.kind === 'served') ended.abort();
    if (verdict.kind !== 'too-few' || seen.follows) return;
    // The cluster follows. From now on, only the application needs time.
    seen.follows = true;
    clearTimeout(timer);
    timer = setTimeout(() => ended.abort(), Math.max(timeoutMs, readyTimeoutMs));
    log.info(`${describeRef(service)}: its endpoints are the expected pods, but too few are ready: ${verdict.reason}`);
  };

  const read = async (watched: Watched, labelSelector: string): Promise<void> => {
    const { namespace } = service;
    const kind = { ...watched.kind, ...(namespace !== undefined && { namespace }) };
    for await (const event of cluster.watch(kind, { labelSelector, signal })) {
      if (event.type === 'synced') watched.synced = true;
      else if (event.type === 'DELETED') watched.objects.delete(keyOf(event.object));
      else watched.objects.set(keyOf(event.object), event.object);
      judge();
    }
  };
  try {
    const selector = labelSelectorOf(expected.object);
    await Promise.all([
      read(slices, `kubernetes.io/service-name=${service.name}`),
      read(pods, selector),
      read(owners, selector),
    ]);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    ended.abort();
    clearTimeout(timer);
  }
  const { kind, reason } = seen.verdict;
  if (kind === 'served') {
    log.info(`${describeRef(service)}: ${reason}`);
    return [...pods.objects.values()].filter(isReady);
  }
  cancelled.throwIfAborted();
  const lateMs = seen.follows ? Math.max(timeoutMs, readyTimeoutMs) : timeoutMs;
  throw kind === 'too-few' ? tooFewPods(service, lateMs, reason) : endpointsDidNotFollow(service, lateMs, reason);
}

interface Watched {
  readonly kind: { readonly apiVersion: string; readonly kind: string };
  /** By uid: a pod may be deleted while another one gets its name. */
  readonly objects: Map<string, KubeObject>;
  synced: boolean;
}

const apiVersions = { EndpointSlice: 'discovery.k8s.io/v1', Pod: 'v1', ReplicaSet: 'apps/v1' };

function watchedBy(kind: keyof typeof apiVersions): Watched {
  return { kind: { apiVersion: apiVersions[kind], kind }, objects: new Map(), synced: false };
}

function keyOf({ metadata }: KubeObject): string {
  return metadata.uid ?? metadata.name;
}

function endpointsDidNotFollow(service: ObjectRef, afterMs: number, reason: string): CutoverError {
  const name = describeRef(service);
  return new CutoverError(
    `${name} was switched, but its endpoints did not follow within ${Math.round(afterMs / 1000)} s: ${reason}`,
    {
      code: 'switch',
      object: name,
      hint: 'Look at the EndpointSlices of the Service and at the endpointslice controller of the cluster.',
    },
  );
}

function tooFewPods(service: ObjectRef, afterMs: number, reason: string): CutoverError {
  const name = describeRef(service);
  return new CutoverError(
    `${name} was switched, but too few of its pods were ready after ${Math.round(afterMs / 1000)} s: ${reason}`,
    { code: 'switch', object: name, hint: 'They were ready before the switch. Look at the events of these pods.' },
  );
}
