import { own } from '../own.js';
import { textAt } from './fields.js';
import { groupOf, type KubeObject } from './object.js';

/** Cluster-scoped kinds by API group; the empty group is the core group. */
const clusterScoped: Readonly<Record<string, readonly string[]>> = {
  '': ['Namespace', 'Node', 'PersistentVolume', 'ComponentStatus'],
  'admissionregistration.k8s.io': [
    'MutatingAdmissionPolicy',
    'MutatingAdmissionPolicyBinding',
    'MutatingWebhookConfiguration',
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionPolicyBinding',
    'ValidatingWebhookConfiguration',
  ],
  'apiextensions.k8s.io': ['CustomResourceDefinition'],
  'apiregistration.k8s.io': ['APIService'],
  'cert-manager.io': ['ClusterIssuer'],
  'certificates.k8s.io': ['CertificateSigningRequest', 'ClusterTrustBundle'],
  'flowcontrol.apiserver.k8s.io': ['FlowSchema', 'PriorityLevelConfiguration'],
  'gateway.networking.k8s.io': ['GatewayClass'],
  'networking.k8s.io': ['IngressClass', 'IPAddress', 'ServiceCIDR'],
  'node.k8s.io': ['RuntimeClass'],
  'rbac.authorization.k8s.io': ['ClusterRole', 'ClusterRoleBinding'],
  'resource.k8s.io': ['DeviceClass', 'ResourceSlice'],
  'scheduling.k8s.io': ['PriorityClass'],
  'snapshot.storage.k8s.io': ['VolumeSnapshotClass', 'VolumeSnapshotContent'],
  'storage.k8s.io': ['CSIDriver', 'CSINode', 'StorageClass', 'VolumeAttachment', 'VolumeAttributesClass'],
};

/** `apps/Deployment`, `/Service`: a kind without its version. */
export function groupKind({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): string {
  return `${groupOf(apiVersion)}/${kind}`;
}

export interface Namespace extends KubeObject {
  readonly apiVersion: 'v1';
  readonly kind: 'Namespace';
}

export function isNamespace(object: KubeObject): object is Namespace {
  return object.apiVersion === 'v1' && object.kind === 'Namespace';
}

export function isSecret({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): boolean {
  return apiVersion === 'v1' && kind === 'Secret';
}

/** Whether the object is of an API group in which Kubernetes has its workloads. */
export function isBuiltInWorkload(object: KubeObject): boolean {
  return ['', 'apps', 'batch'].includes(groupOf(object.apiVersion));
}

/** Cluster-scoped custom kinds, as `<group>/<kind>`, that CustomResourceDefinitions among the objects define. */
export function definedClusterKinds(objects: readonly KubeObject[]): ReadonlySet<string> {
  const definitions = objects.filter(object => {
    const isDefinition = groupKind(object) === 'apiextensions.k8s.io/CustomResourceDefinition';
    return isDefinition && textAt(object, ['spec', 'scope']) === 'Cluster';
  });
  return new Set(
    definitions.map(object => {
      return `${textAt(object, ['spec', 'group']) ?? ''}/${textAt(object, ['spec', 'names', 'kind']) ?? ''}`;
    }),
  );
}

/** Whether the kind is cluster-scoped. `defined`: see {@link definedClusterKinds}. An unknown kind counts as namespaced. */
export function isClusterScoped(object: KubeObject, defined: ReadonlySet<string>): boolean {
  const builtIn = own(clusterScoped, groupOf(object.apiVersion))?.includes(object.kind) ?? false;
  return builtIn || defined.has(groupKind(object));
}
