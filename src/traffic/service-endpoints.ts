import { endpointSliceKind, readyEndpoints } from '../kubernetes/endpoint-slice.js';
import type { KubeObject } from '../kubernetes/object.js';
import { isReady } from '../kubernetes/pods/pod.js';
import { hashLabel } from '../kubernetes/pods/pod-template.js';
import { selectorOf, selects } from '../kubernetes/selectors.js';
import { ownedBy } from '../kubernetes/workload.js';
import type { Inventory } from '../rollout/inventory.js';
import type { ReadyWorkload } from '../rollout/observer.js';
import { judgeServedPods } from './served-pods.js';

/** What is behind a Service. */
export type ServiceEndpoints =
  /** Its endpoints are the ready pods that it selects. `strangers`: those that no workload of the revision runs. */
  | { readonly kind: 'served'; readonly strangers: readonly KubeObject[] }
  /** It selects no ready pod, only these that are not ready. */
  | { readonly kind: 'empty'; readonly pods: number }
  /** Its endpoints are not yet those pods. */
  | { readonly kind: 'lagging'; readonly reason: string };

/** Judges a live Service with a selector by what the watches have reported. `own`: the ready workloads of the revision. */
export function judgeService(
  service: KubeObject,
  inventory: Inventory,
  own: readonly ReadyWorkload[],
): ServiceEndpoints {
  const { pods, slices } = backendsOf(service, inventory);
  const { kind, reason } = judgeServedPods({ slices, pods, owners: [] });
  if (kind === 'lagging') return { kind, reason };
  if (kind === 'too-few') return { kind: 'empty', pods: pods.length };
  const strangers = pods.filter(isReady).filter(pod => !own.some(workload => runs(workload, pod, inventory)));
  return { kind: 'served', strangers };
}

/** Whether a Service has an endpoint that is ready. */
export function hasEndpoints(service: KubeObject, inventory: Inventory): boolean {
  return backendsOf(service, inventory).slices.some(slice => readyEndpoints(slice).length > 0);
}

/** The pods that a Service selects, and its EndpointSlices. */
interface Backends {
  readonly pods: readonly KubeObject[];
  readonly slices: readonly KubeObject[];
}

function backendsOf(service: KubeObject, inventory: Inventory): Backends {
  const { name, namespace } = service.metadata;
  const scope = namespace === undefined ? {} : { namespace };
  const selector = selectorOf(service);
  return {
    pods: inventory
      .all({ apiVersion: 'v1', kind: 'Pod', ...scope })
      .filter(({ metadata }) => selects(selector, metadata.labels ?? {})),
    slices: inventory
      .all({ ...endpointSliceKind, ...scope })
      .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name),
  };
}

/** Whether the workload runs the pod, in the version that is ready. */
function runs({ ref, uid, templateHash }: ReadyWorkload, pod: KubeObject, inventory: Inventory): boolean {
  if (ref.kind !== 'Deployment') return pod.metadata.uid === uid || ownedBy(pod, uid);
  return (
    pod.metadata.labels?.[hashLabel] === templateHash &&
    inventory.ownedBy(uid, 'ReplicaSet').some(({ metadata }) => ownedBy(pod, metadata.uid ?? ''))
  );
}
