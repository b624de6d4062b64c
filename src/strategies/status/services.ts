import { asCutoverError } from '../../errors.js';
import { endpointSliceKind, readyEndpoints } from '../../kubernetes/endpoint-slice.js';
import { refKey, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import { labelSelectorOf } from '../../kubernetes/selectors.js';
import { Inventory } from '../../rollout/inventory.js';
import type { RunContext } from '../../run/context.js';
import { judgeService } from '../../traffic/service-endpoints.js';
import { Runners, type Strangers } from '../../traffic/strangers.js';
import type { ServiceHealth, Uncompared } from '../outcome/live-state.js';

/** What is known of a Service. */
export interface ServiceLook {
  readonly health: ServiceHealth;
  readonly strangers: readonly Strangers[];
  readonly unknown: readonly Uncompared[];
}

/** Why an object could not be read, where that is no reason to fail: a status is asked for when something is wrong. Else throws. */
export function reasonOf(thrown: unknown): string {
  const { code, message } = asCutoverError(thrown);
  if (code === 'forbidden' || code === 'unknown-kind' || code === 'not-found') return message;
  throw thrown;
}

/**
 * Looks at the endpoints of a Service, and at the pods behind it that `own` does not run: objects by their key; empty: nobody
 * knows which ones should be there.
 */
export async function lookAtService(ctx: RunContext, ref: ObjectRef, own: ReadonlySet<string>): Promise<ServiceLook> {
  const { namespace, name } = ref;
  const scope = namespace === undefined ? {} : { namespace };
  let service: KubeObject | undefined;
  let slices: readonly KubeObject[];
  try {
    service = await ctx.cluster.get(ref);
    if (service === undefined) return { health: { ref }, strangers: [], unknown: [] };
    const labelSelector = `kubernetes.io/service-name=${name}`;
    slices = await ctx.cluster.list({ ...endpointSliceKind, ...scope }, { labelSelector });
  } catch (error) {
    const reason = `how many of its endpoints are ready is unknown: ${reasonOf(error)}`;
    return { health: { ref, unknown: true }, strangers: [], unknown: [{ ref, reason }] };
  }
  const health = { ref, endpoints: readyTargets(slices).size };
  if (health.endpoints === 0 || own.size === 0) return { health, strangers: [], unknown: [] };
  try {
    const [pods, replicaSets] = await Promise.all([
      ctx.cluster.list({ apiVersion: 'v1', kind: 'Pod', ...scope }, { labelSelector: labelSelectorOf(service) }),
      ctx.cluster.list({ apiVersion: 'apps/v1', kind: 'ReplicaSet', ...scope }),
    ]);
    const inventory = inventoryOf([...slices, ...pods, ...replicaSets]);
    const judged = judgeService(service, inventory, []);
    const served = judged.kind === 'served' ? judged.strangers : [];
    const found = await new Runners(ctx.cluster, inventory, []).strangersBehind(service, served);
    return { health, strangers: found.filter(({ owner }) => !own.has(refKey(owner))), unknown: [] };
  } catch (error) {
    const reason = `whether all pods behind it are of the release is unknown: ${reasonOf(error)}`;
    return { health, strangers: [], unknown: [{ ref, reason }] };
  }
}

function inventoryOf(objects: readonly KubeObject[]): Inventory {
  const inventory = new Inventory();
  for (const object of objects) inventory.update({ type: 'ADDED', object });
  return inventory;
}

/** A pod is in one slice for each of its addresses. */
function readyTargets(slices: readonly KubeObject[]): ReadonlySet<string> {
  const ready = slices.flatMap(readyEndpoints);
  return new Set(ready.map(({ targetRef, addresses }) => JSON.stringify(targetRef ?? addresses)));
}
