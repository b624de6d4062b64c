import { Heartbeat } from '../../../cluster/heartbeat.js';
import { CutoverError } from '../../../errors.js';
import { describeRef, refOf, type KubeObject } from '../../../kubernetes/object.js';
import { activePods } from '../../../kubernetes/pods/pod.js';
import { selectorOf } from '../../../kubernetes/selectors.js';
import type { Snapshot } from '../../../plan/change.js';
import type { BlueGreenState } from '../../../release/state.js';
import type { OperationContext, RunContext } from '../../../run/context.js';
import { otherRole, selectsAny } from '../../../traffic/active-role.js';
import { requireUnmoved } from '../../../traffic/switch-precondition.js';
import { removeLive } from '../../recorded/remove-live.js';
import { inDeletionOrder } from './role-objects.js';

/** The idle role of a release that leaves its roles. */
export interface IdleRole {
  readonly state: BlueGreenState;
  readonly active: string;
  readonly objects: readonly KubeObject[];
  readonly timeoutMs: number;
}

/** How often the pods are listed while they end. */
const pollMs = 500;

/**
 * Deletes the idle role, and waits until none of its pods can answer: a public Service without a role in its selector would lead
 * users to them. Returns the public Services on which this was decided. Throws `timeout`; `moved` when somebody else
 * switches.
 */
export async function removeIdle(
  ctx: OperationContext,
  { state, active, objects, timeoutMs }: IdleRole,
): Promise<readonly Snapshot[]> {
  const role = otherRole(state.roleNames, active);
  const labels = state.roles[role]?.podLabels ?? [];
  const decidedOn = await Promise.all(
    state.publicServices.map(async (ref): Promise<Snapshot> => {
      const service = await ctx.cluster.get(ref);
      // Somebody may have switched since the deploy was planned.
      const selector = service === undefined ? {} : selectorOf(service);
      if (selectsAny(selector, labels) && !selectsAny(selector, state.roles[active]?.podLabels))
        throw usersMoved(describeRef(ref), role);
      return { ref, ...(service !== undefined && { object: service }) };
    }),
  );
  await removeUnreached(ctx, objects, decidedOn);
  const deadline = ctx.clock.now() + timeoutMs;
  const heartbeat = new Heartbeat(ctx);
  const ofRole = labels.filter(one => Object.keys(one).length > 0);
  while (ofRole.length > 0) {
    const pods = (await Promise.all(ofRole.map(one => activePodsWith(ctx, state, one)))).flat();
    if (pods.length === 0) break;
    if (ctx.clock.now() > deadline) throw stillThere(role, timeoutMs);
    heartbeat.beat(() => `Still waiting until no pod of ${role} is left: ${describePods(pods)}`);
    await ctx.clock.wait(pollMs, ctx.signal);
    ctx.signal.throwIfAborted();
  }
  return decidedOn;
}

/** Deletes objects of a role, each only while the public Services are as they were seen. Throws `moved` when one is not. */
export async function removeUnreached(
  ctx: OperationContext,
  objects: readonly KubeObject[],
  seen: readonly Snapshot[],
): Promise<void> {
  for (const object of inDeletionOrder(objects)) {
    for (const service of seen) await requireUnmoved(ctx.cluster, service);
    await removeLive(ctx, refOf(object), object.metadata.uid);
  }
}

/** `web-a, web-b, web-c and 2 more`. */
function describePods(pods: readonly KubeObject[]): string {
  const names = pods
    .slice(0, maxNamed)
    .map(({ metadata }) => metadata.name)
    .join(', ');
  return pods.length > maxNamed ? `${names} and ${pods.length - maxNamed} more` : names;
}

const maxNamed = 3;

async function activePodsWith(
  ctx: RunContext,
  { publicServices: [{ namespace }] }: BlueGreenState,
  labels: Readonly<Record<string, string>>,
): Promise<readonly KubeObject[]> {
  const pods = await ctx.cluster.list(
    { apiVersion: 'v1', kind: 'Pod', ...(namespace !== undefined && { namespace }) },
    {
      labelSelector: Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
    },
  );
  return activePods(pods);
}

function usersMoved(service: string, role: string): CutoverError {
  return new CutoverError(`${service} selects ${role}, which was idle when this deploy was planned`, {
    code: 'moved',
    object: service,
    hint: 'It was switched meanwhile. Run this step again: it plans from what is live now.',
  });
}

function stillThere(role: string, timeoutMs: number): CutoverError {
  return new CutoverError(`Pods of ${role} are still there ${Math.round(timeoutMs / 1000)} s after it was deleted`, {
    code: 'timeout',
    hint: 'The garbage collector of the cluster did not delete them. Look at their owners, then run this step again.',
  });
}
