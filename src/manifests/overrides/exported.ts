import { describePath, fieldAt, isFields, listAt, withField, without, type Path } from '../../kubernetes/fields.js';
import { groupKind } from '../../kubernetes/kinds.js';
import { refKey, refOf, type KubeObject, type ObjectRef } from '../../kubernetes/object.js';
import type { ManifestWarning } from '../problems.js';
import type { Resource } from '../resource.js';

/** Metadata that only the API server and controllers set. */
const metadataFields = [
  'managedFields',
  'resourceVersion',
  'uid',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'ownerReferences',
];

/** Annotations that controllers, nodes and `kubectl apply` set. Applied, they conflict with their owner, or mislead it. */
const annotations = [
  'autoscaling.alpha.kubernetes.io/conditions',
  'autoscaling.alpha.kubernetes.io/current-metrics',
  'batch.kubernetes.io/job-completion-index',
  'batch.kubernetes.io/job-tracking',
  'control-plane.alpha.kubernetes.io/leader',
  'deployment.kubernetes.io/desired-replicas',
  'deployment.kubernetes.io/max-replicas',
  'deployment.kubernetes.io/revision',
  'deployment.kubernetes.io/revision-history',
  'deprecated.daemonset.template.generation',
  'endpoints.kubernetes.io/last-change-trigger-time',
  'kubectl.kubernetes.io/last-applied-configuration',
  'kubernetes.io/config.hash',
  'kubernetes.io/config.mirror',
  'kubernetes.io/config.seen',
  'kubernetes.io/config.source',
  'kubernetes.io/service-account.uid',
  'pv.kubernetes.io/bind-completed',
  'pv.kubernetes.io/bound-by-controller',
  'pv.kubernetes.io/provisioned-by',
  'volume.beta.kubernetes.io/storage-provisioner',
  'volume.kubernetes.io/provisioner-deletion-secret-name',
  'volume.kubernetes.io/provisioner-deletion-secret-namespace',
  'volume.kubernetes.io/selected-node',
  'volume.kubernetes.io/storage-provisioner',
];

/** With one of these, a pod belongs to a controller that may delete it. */
const podLabels = [
  'apps.kubernetes.io/pod-index',
  'batch.kubernetes.io/job-completion-index',
  'controller-revision-hash',
  'pod-template-generation',
  'pod-template-hash',
  'statefulset.kubernetes.io/pod-name',
];

/** The API server sets these on the pods of a Job, and refuses those of another Job. */
const jobLabels = ['batch.kubernetes.io/controller-uid', 'batch.kubernetes.io/job-name', 'controller-uid', 'job-name'];

/** The API server and controllers add these, and take them away. */
const finalizers: ReadonlySet<unknown> = new Set([
  'batch.kubernetes.io/job-tracking',
  'foregroundDeletion',
  'kubernetes.io/pv-protection',
  'kubernetes.io/pvc-protection',
  'orphan',
  'service.kubernetes.io/load-balancer-cleanup',
]);

/** The manifests without what the cluster itself sets. */
export interface WithoutClusterFields {
  readonly resources: readonly Resource[];
  readonly warnings: readonly ManifestWarning[];
  /** Lines for the log: the fields that each object loses. */
  readonly notes: readonly string[];
}

/**
 * Manifests may be exports of live objects. Leaves out, with a warning, the objects that a controller among the others makes, such as
 * the ReplicaSets of a Deployment; and from every object the fields that the API server or a controller sets.
 */
export function withoutClusterFields(resources: readonly Resource[]): WithoutClusterFields {
  const keys = new Set(resources.map(({ object }) => refKey(refOf(object))));
  const notes: string[] = [];
  const warnings: ManifestWarning[] = [];
  const kept = resources.flatMap(resource => {
    const { object, at } = resource;
    const name = `${object.kind} ${object.metadata.name}`;
    const controller = controllerOf(object);
    if (controller !== undefined && keys.has(refKey(controller))) {
      const message = `${name} is left out: ${controller.kind} ${controller.name} of these manifests makes it.`;
      warnings.push({ message, at });
      return [];
    }
    const present = pathsOf(object).filter(path => fieldAt(object, path) !== undefined);
    const told = present.filter(path => !isBlank(fieldAt(object, path))).map(describePath);
    if (told.length > 0) notes.push(`${name}: left out, since the cluster sets it: ${told.join(', ')}`);
    return [{ ...resource, object: withoutFinalizers(present.reduce(withoutField, object)) }];
  });
  return { resources: kept, warnings, notes };
}

function pathsOf(object: KubeObject): readonly Path[] {
  const metadata: Path = ['metadata'];
  return [
    ['status'],
    ...below(metadata, metadataFields),
    ...below([...metadata, 'annotations'], annotations),
    ...pathsOfKind(object),
  ];
}

function pathsOfKind(object: KubeObject): readonly Path[] {
  const labels: Path = ['metadata', 'labels'];
  const isBoundByController = fieldAt(object, ['metadata', 'annotations', 'pv.kubernetes.io/bound-by-controller']);
  switch (groupKind(object)) {
    case '/Pod':
      return [['spec', 'nodeName'], ...below(labels, [...podLabels, ...jobLabels])];
    case '/Namespace':
      return [['spec', 'finalizers']];
    case '/PersistentVolumeClaim':
      return isBoundByController === undefined ? [] : [['spec', 'volumeName']];
    case '/PersistentVolume':
      return isBoundByController === undefined ? [] : [['spec', 'claimRef']];
    case 'rbac.authorization.k8s.io/ClusterRole':
      // A controller fills them in from other roles. Applying them again would take the rights of those roles away.
      return isFields(object['aggregationRule']) ? [['rules']] : [];
    case 'batch/Job':
      if (fieldAt(object, ['spec', 'manualSelector']) === true) return [];
      return [['spec', 'selector'], ...[labels, ['spec', 'template', ...labels]].flatMap(at => below(at, jobLabels))];
    default:
      return [];
  }
}

function below(parent: Path, names: readonly string[]): readonly Path[] {
  return names.map(name => [...parent, name]);
}

/** The object that made this one, by its name at the time of the export. */
function controllerOf(object: KubeObject): ObjectRef | undefined {
  for (const owner of listAt(object, ['metadata', 'ownerReferences'])) {
    if (!isFields(owner) || owner['controller'] !== true) continue;
    const { apiVersion, kind, name } = owner;
    if (typeof apiVersion !== 'string' || typeof kind !== 'string' || typeof name !== 'string') continue;
    const { namespace } = object.metadata;
    return { apiVersion, kind, name, ...(namespace !== undefined && { namespace }) };
  }
  return undefined;
}

/** Whether a tool wrote the field without a value, as `kubectl create --dry-run` does: nothing is lost that anybody wrote. */
function isBlank(value: unknown): boolean {
  if (value === null || value === '') return true;
  if (Array.isArray(value)) return value.every(isBlank);
  return isFields(value) && Object.values(value).every(isBlank);
}

function withoutField(object: KubeObject, path: Path): KubeObject {
  const parent = path.slice(0, -1);
  const fields = fieldAt(object, parent);
  return isFields(fields) ? withField(object, parent, without(fields, [String(path.at(-1))])) : object;
}

function withoutFinalizers(object: KubeObject): KubeObject {
  const path: Path = ['metadata', 'finalizers'];
  const all = listAt(object, path);
  const own = all.filter(finalizer => !finalizers.has(finalizer));
  if (own.length === all.length) return object;
  return own.length === 0 ? withoutField(object, path) : withField(object, path, own);
}
