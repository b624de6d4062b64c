import { CutoverError } from '../errors.js';
import { describeRef, refOf, type KubeObject, type ObjectRef } from '../kubernetes/object.js';
import type { RunContext } from '../run/context.js';

/** One pod that a Service should, or should not, lead to. */
export interface PodName {
  readonly name: string;
}

/** EndpointSlices follow a selector within moments; one that does not is a defect of the cluster, not a slow app. */
export const confirmMs = 30_000;

interface SliceEndpoint {
  readonly conditions?: { readonly ready?: boolean; readonly terminating?: boolean };
  readonly targetRef?: { readonly kind?: string; readonly name?: string };
}

/** Whether the endpoints of a Service are exactly the pods that are meant: all of the new side, none of the other. */
export function judgeEndpoints(
  slices: readonly KubeObject[],
  wanted: readonly PodName[],
): { readonly done: boolean; readonly reason: string } {
  const ready = new Set(
    slices
      .flatMap(slice => (slice['endpoints'] as readonly SliceEndpoint[] | undefined) ?? [])
      // An absent `ready` means unknown, which consumers must read as ready.
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ targetRef }) => targetRef?.name ?? []),
  );
  const names = new Set(wanted.map(({ name }) => name));
  const missing = [...names].filter(name => !ready.has(name));
  const foreign = [...ready].filter(name => !names.has(name));
  if (names.size === 0) return { done: false, reason: 'there is no pod to lead to' };
  if (missing.length > 0) return { done: false, reason: `not yet an endpoint: ${missing.join(', ')}` };
  if (foreign.length > 0) return { done: false, reason: `still an endpoint: ${foreign.join(', ')}` };
  return { done: true, reason: `${ready.size} endpoint${ready.size === 1 ? '' : 's'}, all of the new side` };
}

/**
 * Points the public Service at another side: one server-side apply, conditional on the version that was read, so that
 * users see the old side or the new one, never both and never none. clusterIP, nodePort and load balancer stay, since
 * the apply does not speak of them.
 */
export async function pointService(options: {
  readonly ctx: RunContext;
  readonly service: KubeObject;
  /** The Service as it was read a moment ago; absent: it does not exist yet. */
  readonly live: KubeObject | undefined;
  /** Whether to take the selector over from another manager. */
  readonly force: boolean;
}): Promise<KubeObject> {
  const { ctx, service, live, force } = options;
  const precondition =
    live?.metadata.resourceVersion === undefined ? {} : { resourceVersion: live.metadata.resourceVersion };
  const { object } = await ctx.cluster.apply(service, { force, ...precondition });
  ctx.log.info(`${describeRef(refOf(service))} ${live === undefined ? 'created' : 'switched'}`);
  return object;
}

/** Waits until the Service's EndpointSlices hold all `wanted` pods and no other. Throws `switch` at the deadline. */
export async function confirmEndpoints(options: {
  readonly ctx: RunContext;
  readonly service: ObjectRef;
  readonly wanted: readonly PodName[];
  readonly timeoutMs: number;
  /** Absent: the step's own; a switch back goes on after a cancel. */
  readonly signal?: AbortSignal;
}): Promise<void> {
  const { ctx, service, wanted, timeoutMs } = options;
  const deadline = AbortSignal.timeout(timeoutMs);
  const cancelled = options.signal ?? ctx.signal;
  const ended = new AbortController();
  const signal = AbortSignal.any([deadline, cancelled, ended.signal]);
  const slices = new Map<string, KubeObject>();
  let verdict = { done: false, reason: 'no EndpointSlice was seen yet' };
  let synced = false;
  const events = ctx.cluster.watch(
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
      // Of several slices the first alone may look complete.
      if (!synced) continue;
      verdict = judgeEndpoints([...slices.values()], wanted);
      if (verdict.done) {
        ctx.log.info(`${describeRef(service)}: ${verdict.reason}`);
        return;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    ended.abort();
  }
  cancelled.throwIfAborted();
  throw new CutoverError(
    `${describeRef(service)} was switched, but its endpoints did not follow within ${Math.round(timeoutMs / 1000)} s: ${verdict.reason}`,
    {
      code: 'switch',
      object: describeRef(service),
      hint: 'Look at the EndpointSlices of the Service and at the endpointslice controller of the cluster.',
    },
  );
}
