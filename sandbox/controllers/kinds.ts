import type { KubeObject, ObjectMeta } from '../object.js';
import type { Store } from '../api/store/store.js';
import type { Condition } from './condition.js';
import type { Pod, PodTemplate } from './pod.js';

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
}

export interface Deployment extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
    readonly paused?: boolean;
    readonly minReadySeconds?: number;
    readonly revisionHistoryLimit?: number;
    readonly progressDeadlineSeconds?: number;
    readonly strategy?: {
      readonly type?: string;
      readonly rollingUpdate?: { readonly maxSurge?: number | string; readonly maxUnavailable?: number | string };
    };
  };
  readonly status?: DeploymentStatus;
}

export interface DeploymentStatus {
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly unavailableReplicas?: number;
  readonly terminatingReplicas?: number;
  readonly conditions?: readonly Condition[];
}

export interface ReplicaSet extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
    readonly minReadySeconds?: number;
  };
  readonly status?: {
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly terminatingReplicas?: number;
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
  };
}

/** The kinds whose templates are kept as ControllerRevisions. */
interface RevisedSpec<Rolling> {
  readonly selector: LabelSelector;
  readonly template: PodTemplate;
  readonly minReadySeconds?: number;
  readonly revisionHistoryLimit?: number;
  readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: Rolling };
}

export interface StatefulSet extends KubeObject {
  readonly spec: RevisedSpec<{ readonly partition?: number; readonly maxUnavailable?: number | string }> & {
    readonly replicas?: number;
    readonly serviceName?: string;
    readonly podManagementPolicy?: string;
    readonly ordinals?: { readonly start?: number };
    readonly volumeClaimTemplates?: readonly Pick<KubeObject, 'metadata'>[];
  };
  readonly status?: {
    readonly currentReplicas?: number;
    readonly currentRevision?: string;
    readonly updateRevision?: string;
  };
}

export interface DaemonSet extends KubeObject {
  readonly spec: RevisedSpec<{ readonly maxSurge?: number | string; readonly maxUnavailable?: number | string }>;
}

/** A pod template that was, or is, that of a StatefulSet or DaemonSet. */
export interface ControllerRevision extends KubeObject {
  readonly data: { readonly spec: { readonly template: PodTemplate & { readonly $patch?: string } } };
  readonly revision: number;
}

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly nodePort?: number;
  readonly protocol?: string;
  readonly appProtocol?: string;
}

export interface Service extends KubeObject {
  readonly spec?: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly ServicePort[];
    readonly publishNotReadyAddresses?: boolean;
  };
}

export interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
  readonly hostname?: string;
  readonly nodeName?: string;
  readonly targetRef?: {
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
  };
}

export interface EndpointPort {
  readonly name?: string;
  readonly port?: number;
  readonly protocol?: string;
  readonly appProtocol?: string;
}

export interface EndpointSlice extends KubeObject {
  readonly addressType: string;
  readonly endpoints?: readonly Endpoint[] | null;
  readonly ports?: readonly EndpointPort[] | null;
}

export interface Job extends KubeObject {
  readonly spec: {
    readonly template: PodTemplate;
    readonly backoffLimit?: number;
    readonly completions?: number;
    readonly parallelism?: number;
    readonly activeDeadlineSeconds?: number;
    readonly ttlSecondsAfterFinished?: number;
    readonly suspend?: boolean;
  };
  readonly status?: { readonly startTime?: string; readonly conditions?: readonly Condition[] };
}

export interface Namespace extends KubeObject {
  readonly spec?: { readonly finalizers?: readonly string[] };
  readonly status?: { readonly phase?: string };
}

/** A kind and the shape its objects have. `shape` is never set: it only carries the type. */
export interface Kind<T extends KubeObject> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly shape?: T;
}

export const POD: Kind<Pod> = { apiVersion: 'v1', kind: 'Pod' };
export const SERVICE: Kind<Service> = { apiVersion: 'v1', kind: 'Service' };
export const NAMESPACE: Kind<Namespace> = { apiVersion: 'v1', kind: 'Namespace' };
export const EVENT: Kind<KubeObject> = { apiVersion: 'v1', kind: 'Event' };
export const NODE: Kind<KubeObject> = { apiVersion: 'v1', kind: 'Node' };
export const DEPLOYMENT: Kind<Deployment> = { apiVersion: 'apps/v1', kind: 'Deployment' };
export const REPLICA_SET: Kind<ReplicaSet> = { apiVersion: 'apps/v1', kind: 'ReplicaSet' };
export const STATEFUL_SET: Kind<StatefulSet> = { apiVersion: 'apps/v1', kind: 'StatefulSet' };
export const DAEMON_SET: Kind<DaemonSet> = { apiVersion: 'apps/v1', kind: 'DaemonSet' };
export const REVISION: Kind<ControllerRevision> = { apiVersion: 'apps/v1', kind: 'ControllerRevision' };
export const CLAIM: Kind<KubeObject> = { apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
export const JOB: Kind<Job> = { apiVersion: 'batch/v1', kind: 'Job' };
export const ENDPOINT_SLICE: Kind<EndpointSlice> = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' };

/** `shop/web`: one object of a kind, as the queues of the controllers name it. */
export function keyOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

/** The live object that {@link keyOf} named, typed. */
export function getByKey<T extends KubeObject>(store: Store, kind: Kind<T>, key: string): T | undefined {
  const [namespace = '', name = ''] = key.split('/');
  const ref = { apiVersion: kind.apiVersion, kind: kind.kind, name };
  return store.get(namespace === '' ? ref : { ...ref, namespace }) as T | undefined;
}

/** All live objects of the kind, typed; `namespace` absent: everywhere. */
export function listKind<T extends KubeObject>(store: Store, kind: Kind<T>, namespace?: string): readonly T[] {
  const { apiVersion } = kind;
  const ref = { apiVersion, kind: kind.kind };
  return store.list(namespace === undefined ? ref : { ...ref, namespace }) as readonly T[];
}

/** The owner that controls the object; undefined: it has none. */
export function controllerOf(object: KubeObject): NonNullable<ObjectMeta['ownerReferences']>[number] | undefined {
  return object.metadata.ownerReferences?.find(owner => owner.controller === true);
}

/** Objects of the kind in the owner's namespace that the owner controls. */
export function ownedBy<T extends KubeObject>(store: Store, kind: Kind<T>, owner: KubeObject): readonly T[] {
  return listKind(store, kind, owner.metadata.namespace).filter(
    object => controllerOf(object)?.uid === owner.metadata.uid,
  );
}

/** Metadata by which `owner` controls what it creates. */
export function controlledBy(owner: KubeObject): readonly (NonNullable<ObjectMeta['ownerReferences']>[number] & {
  readonly blockOwnerDeletion: boolean;
})[] {
  const { name, uid = '' } = owner.metadata;
  const { apiVersion, kind } = owner;
  return [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }];
}

/** True if `labels` has every label of `wanted`. An empty `wanted` matches everything. */
export function hasLabels(
  labels: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([name, value]) => labels?.[name] === value);
}

/** The time as Kubernetes writes it: seconds, UTC. */
export function timestamp(ms: number = Date.now()): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
