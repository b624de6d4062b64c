import { asCutoverError, CutoverError } from '../../../errors.js';
import { replicasOf } from '../../../kubernetes/deployment.js';
import { describeRef, refKey, refOf, type KubeObject } from '../../../kubernetes/object.js';
import { statusOf } from '../../../kubernetes/status.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { OperationContext } from '../../../run/context.js';
import { reachableDeployments } from '../closing/left-pods.js';

/** Fewer than half of the pods that users were sent to are ready. */
export class LostReadiness extends CutoverError {}

/** A role that users are on. */
export interface ServingRole {
  readonly state: Pick<BlueGreenState, 'roles' | 'publicServices'>;
  readonly role: string;
}

/**
 * Does `work` while the Deployments that users are on are ready. Ends it, and throws {@link LostReadiness}, once fewer than half of
 * the pods of one of them are ready. An autoscaler that asks for more pods makes no difference.
 */
export async function whileReady<T>(
  ctx: OperationContext,
  { state, role }: ServingRole,
  work: (ctx: OperationContext) => Promise<T>,
): Promise<T> {
  const served = await reachableDeployments(ctx, state, role);
  const sizes = new Map(
    served.filter(live => replicasOf(live) > 0).map(live => [refKey(refOf(live)), replicasOf(live)]),
  );
  const [lost, ended] = [new AbortController(), new AbortController()];
  const watching = watch(ctx, { state, role, sizes, signal: AbortSignal.any([ctx.signal, ended.signal]) }).then(
    error => error && lost.abort(error),
    (error: unknown) => {
      if (!ctx.signal.aborted && !ended.signal.aborted) lost.abort(asCutoverError(error));
    },
  );
  try {
    const result = await work({ ...ctx, signal: AbortSignal.any([ctx.signal, lost.signal]) });
    lost.signal.throwIfAborted();
    return result;
  } catch (error) {
    throw lost.signal.aborted && !ctx.signal.aborted ? lost.signal.reason : error;
  } finally {
    ended.abort();
    await watching;
  }
}

interface Watched extends ServingRole {
  /** Replicas at the beginning, by the key of each Deployment. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly signal: AbortSignal;
}

/** Resolves with the first loss, or with `undefined` when the signal aborts. */
async function watch(
  ctx: OperationContext,
  { state, role, sizes, signal }: Watched,
): Promise<LostReadiness | undefined> {
  const { namespace } = state.publicServices[0];
  const kind = { apiVersion: 'apps/v1', kind: 'Deployment', ...(namespace !== undefined && { namespace }) };
  for await (const event of ctx.cluster.watch(kind, { signal })) {
    if (event.type === 'synced') continue;
    const size = sizes.get(refKey(refOf(event.object)));
    if (size === undefined) continue;
    const ready = event.type === 'DELETED' ? 0 : readyOf(event.object);
    if (ready < quorumOf(event.object, size)) return lostReadiness(event.object, { role, ready, size });
  }
  return undefined;
}

function readyOf(deployment: KubeObject): number {
  return statusOf(deployment).readyReplicas ?? 0;
}

/** How many pods must be ready: half of those that it had, or of those that it wants now if these are fewer. At least one. */
function quorumOf(deployment: KubeObject, size: number): number {
  return Math.max(1, Math.ceil(Math.min(size, replicasOf(deployment)) / 2));
}

function lostReadiness(
  deployment: KubeObject,
  { role, ready, size }: { readonly role: string; readonly ready: number; readonly size: number },
): LostReadiness {
  const name = describeRef(refOf(deployment));
  return new LostReadiness(`${role} lost its pods after users were sent to it: ${name} has ${ready} of ${size} ready`, {
    code: 'switch',
    object: name,
    hint: 'Look at the events and the logs of its pods.',
  });
}
