import type { Cluster } from '../cluster/cluster.js';
import { CutoverError } from '../errors.js';
import { describeRef, type KubeObject, type ObjectRef } from '../kubernetes/object.js';
import type { Log } from '../log.js';
import type { ConfirmOptions, PodName } from './router.js';

/** EndpointSlices follow a selector within moments; if it does not, the cluster is faulty and not the application slow. */
export const confirmMs = 30_000;

interface SliceEndpoint {
  readonly conditions?: { readonly ready?: boolean; readonly terminating?: boolean };
  readonly targetRef?: { readonly kind?: string; readonly name?: string };
}

/** Whether the endpoints of a Service are exactly `expected`: all pods of the new role, none of the other. */
export function judgeEndpoints(
  slices: readonly KubeObject[],
  expected: readonly PodName[],
): { readonly done: boolean; readonly reason: string } {
  const ready = new Set(
    slices
      .flatMap(slice => (slice['endpoints'] as readonly SliceEndpoint[] | undefined) ?? [])
      // An absent `ready` means unknown, which consumers must read as ready.
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ targetRef }) => targetRef?.name ?? []),
  );
  const names = new Set(expected.map(({ name }) => name));
  const missing = [...names].filter(name => !ready.has(name));
  const foreign = [...ready].filter(name => !names.has(name));
  if (names.size === 0) return { done: false, reason: 'no pod is ready' };
  if (missing.length > 0) return { done: false, reason: `not yet an endpoint: ${missing.join(', ')}` };
  if (foreign.length > 0) return { done: false, reason: `still an endpoint: ${foreign.join(', ')}` };
  return { done: true, reason: `${ready.size} endpoint${ready.size === 1 ? '' : 's'}, all of the expected pods` };
}

/** Waits until the Service's EndpointSlices hold all of these pods and no other. Throws `switch` at the deadline. */
export async function confirmEndpoints(
  options: ConfirmOptions & {
    readonly cluster: Cluster;
    readonly log: Log;
    readonly service: ObjectRef;
    readonly pods: readonly PodName[];
  },
): Promise<void> {
  const { cluster, log, service, pods, timeoutMs, signal: cancelled } = options;
  const ended = new AbortController();
  const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), cancelled, ended.signal]);
  const slices = new Map<string, KubeObject>();
  let verdict = { done: false, reason: 'no EndpointSlice was seen yet' };
  let synced = false;
  const events = cluster.watch(
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      ...(service.namespace !== undefined && { namespace: service.namespace }),
    },
    { labelSelector: `kubernetes.io/service-name=${service.name}`, signal },
  );
  try {
    for await (const event of events) {
      if (event.type === 'DELETED') slices.delete(event.object.metadata.name);
      else if (event.type === 'synced') synced = true;
      else slices.set(event.object.metadata.name, event.object);
      // With several slices, one of them may look complete.
      if (!synced) continue;
      verdict = judgeEndpoints([...slices.values()], pods);
      if (verdict.done) {
        log.info(`${describeRef(service)}: ${verdict.reason}`);
        return;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    ended.abort();
  }
  cancelled.throwIfAborted();
  throw endpointsDidNotFollow(service, { timeoutMs, reason: verdict.reason });
}

function endpointsDidNotFollow(
  service: ObjectRef,
  { timeoutMs, reason }: { readonly timeoutMs: number; readonly reason: string },
): CutoverError {
  const name = describeRef(service);
  return new CutoverError(
    `${name} was switched, but its endpoints did not follow within ${Math.round(timeoutMs / 1000)} s: ${reason}`,
    {
      code: 'switch',
      object: name,
      hint: 'Look at the EndpointSlices of the Service and at the endpointslice controller of the cluster.',
    },
  );
}
