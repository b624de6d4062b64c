import { describeRef, refOf, type KubeObject, type ObjectRef } from '../kubernetes/object.js';
import { isReady } from '../kubernetes/pods/pod.js';
import { hashLabel } from '../kubernetes/pods/pod-template.js';
import { selectorOf, selects } from '../kubernetes/selectors.js';
import { ownedBy } from '../kubernetes/workload.js';
import type { Inventory } from '../rollout/inventory.js';
import type { ReadyWorkload } from '../rollout/observer.js';
import { judgeServedPods } from './served-pods.js';

/** Ready pods that a Service leads to, and that are not of the revision. */
export interface Strangers {
  readonly service: ObjectRef;
  /** What runs them: a Deployment, a StatefulSet or, if nothing does, a pod. */
  readonly owner: ObjectRef;
  readonly pods: number;
}

/** What is behind a Service. */
export type ServiceEndpoints =
  /** Its endpoints are the ready pods that it selects. */
  | { readonly kind: 'served'; readonly strangers: readonly Strangers[] }
  /** It selects no ready pod, only these that are not ready. */
  | { readonly kind: 'empty'; readonly pods: number }
  /** Its endpoints are not yet those pods. */
  | { readonly kind: 'behind'; readonly reason: string };

/** `Service shop/web also leads to pods that are not of this revision: Deployment shop/old (2 pods)`. */
export function describeStrangers({ service, owner, pods }: Strangers): string {
  const count = pods === 1 ? '1 pod' : `${pods} pods`;
  return `${describeRef(service)} also leads to pods that are not of this revision: ${describeRef(owner)} (${count})`;
}

export const endpointSliceKind = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' };

/** Judges a live Service with a selector by what the watches have reported. `own`: the ready workloads of the revision. */
export function judgeService(
  service: KubeObject,
  inventory: Inventory,
  own: readonly ReadyWorkload[],
): ServiceEndpoints {
  const { namespace, pods, slices } = behind(service, inventory);
  const { kind, reason } = judgeServedPods({ slices, pods, owners: [] });
  if (kind === 'behind') return { kind, reason };
  if (kind === 'too-few') return { kind: 'empty', pods: pods.length };
  const strangers = pods.filter(isReady).filter(pod => !own.some(workload => runs(workload, pod, inventory)));
  const counts = new Map<string, Strangers>();
  for (const pod of strangers) {
    const owner = ownerOf(pod, inventory, namespace);
    const { pods: counted = 0 } = counts.get(describeRef(owner)) ?? {};
    counts.set(describeRef(owner), { service: refOf(service), owner, pods: counted + 1 });
  }
  return { kind: 'served', strangers: [...counts.values()] };
}

/** Whether a Service has an endpoint that is ready. */
export function hasEndpoints(service: KubeObject, inventory: Inventory): boolean {
  return behind(service, inventory).slices.some(slice => {
    const endpoints = (slice['endpoints'] ?? []) as readonly { readonly conditions?: { readonly ready?: boolean } }[];
    return endpoints.some(({ conditions }) => conditions?.ready !== false);
  });
}

interface Behind {
  readonly namespace?: string;
  readonly pods: readonly KubeObject[];
  readonly slices: readonly KubeObject[];
}

function behind(service: KubeObject, inventory: Inventory): Behind {
  const { name, namespace } = service.metadata;
  const scope = namespace === undefined ? {} : { namespace };
  const selector = selectorOf(service);
  return {
    ...scope,
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

/** The controller of a pod, or what controls that. */
function ownerOf(object: KubeObject, inventory: Inventory, namespace: string | undefined): ObjectRef {
  const controller = object.metadata.ownerReferences?.find(owner => owner.controller !== false);
  if (controller === undefined) return refOf(object);
  const { apiVersion, kind, name } = controller;
  const ref = { apiVersion, kind, name, ...(namespace !== undefined && { namespace }) };
  const live = inventory.find(ref);
  return live === undefined ? ref : ownerOf(live, inventory, namespace);
}
