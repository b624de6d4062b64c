import { CutoverError } from '../errors.js';
import { groupOf } from '../kubernetes/object.js';
import type { KindRef, ObjectRef } from '../kubernetes/object.js';

/** How the API server addresses a kind. */
export interface ServedKind {
  readonly plural: string;
  readonly namespaced: boolean;
}

/** One kind per line: group (empty for core), kind, plural, and `cluster` for cluster-scoped kinds. */
const builtInTable = `
 ConfigMap configmaps
 Endpoints endpoints
 Event events
 LimitRange limitranges
 Namespace namespaces cluster
 Node nodes cluster
 PersistentVolume persistentvolumes cluster
 PersistentVolumeClaim persistentvolumeclaims
 Pod pods
 PodTemplate podtemplates
 ReplicationController replicationcontrollers
 ResourceQuota resourcequotas
 Secret secrets
 Service services
 ServiceAccount serviceaccounts
admissionregistration.k8s.io MutatingWebhookConfiguration mutatingwebhookconfigurations cluster
admissionregistration.k8s.io ValidatingAdmissionPolicy validatingadmissionpolicies cluster
admissionregistration.k8s.io ValidatingAdmissionPolicyBinding validatingadmissionpolicybindings cluster
admissionregistration.k8s.io ValidatingWebhookConfiguration validatingwebhookconfigurations cluster
apiextensions.k8s.io CustomResourceDefinition customresourcedefinitions cluster
apiregistration.k8s.io APIService apiservices cluster
apps ControllerRevision controllerrevisions
apps DaemonSet daemonsets
apps Deployment deployments
apps ReplicaSet replicasets
apps StatefulSet statefulsets
authentication.k8s.io SelfSubjectReview selfsubjectreviews cluster
authorization.k8s.io SelfSubjectAccessReview selfsubjectaccessreviews cluster
autoscaling HorizontalPodAutoscaler horizontalpodautoscalers
batch CronJob cronjobs
batch Job jobs
certificates.k8s.io CertificateSigningRequest certificatesigningrequests cluster
coordination.k8s.io Lease leases
discovery.k8s.io EndpointSlice endpointslices
events.k8s.io Event events
networking.k8s.io Ingress ingresses
networking.k8s.io IngressClass ingressclasses cluster
networking.k8s.io NetworkPolicy networkpolicies
node.k8s.io RuntimeClass runtimeclasses cluster
policy PodDisruptionBudget poddisruptionbudgets
rbac.authorization.k8s.io ClusterRole clusterroles cluster
rbac.authorization.k8s.io ClusterRoleBinding clusterrolebindings cluster
rbac.authorization.k8s.io Role roles
rbac.authorization.k8s.io RoleBinding rolebindings
scheduling.k8s.io PriorityClass priorityclasses cluster
storage.k8s.io CSIDriver csidrivers cluster
storage.k8s.io StorageClass storageclasses cluster
`;

const builtInKinds: ReadonlyMap<string, ServedKind> = new Map(
  builtInTable
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const [group = '', kind = '', plural = '', scope] = line.split(' ');
      return [`${group}/${kind}`, { plural, namespaced: scope !== 'cluster' }];
    }),
);

/** `/apis/apps/v1`, or `/api/v1` for the core group. */
export function groupVersionPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** Plural and scope of a built-in kind. `undefined`: the kind is not built in. */
export function builtInKind(kind: KindRef): ServedKind | undefined {
  return builtInKinds.get(`${groupOf(kind.apiVersion)}/${kind.kind}`);
}

/** Path of one object, or of the collection when the reference has no name. */
export function resourcePath(served: ServedKind, ref: ObjectRef | KindRef): string {
  const parts = [groupVersionPath(ref.apiVersion)];
  if (served.namespaced && ref.namespace !== undefined) parts.push('namespaces', encodeURIComponent(ref.namespace));
  parts.push(served.plural);
  if ('name' in ref) parts.push(encodeURIComponent(ref.name));
  return parts.join('/');
}

/** The discovery document of one group-version. */
interface ResourceList {
  readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
}

/** Plural and scope of kinds: from a table for built-in ones, else from the discovery of their group-version. */
export class Kinds {
  readonly #discover: (kind: KindRef) => Promise<unknown>;
  readonly #lists = new Map<string, Promise<ResourceList>>();

  /** `discover` reads the discovery document of the kind's group-version; throws `unknown-kind` where it is not served. */
  constructor(discover: (kind: KindRef) => Promise<unknown>) {
    this.#discover = discover;
  }

  async find(ref: KindRef): Promise<ServedKind> {
    const served = builtInKind(ref);
    if (served !== undefined) return served;
    let list = this.#lists.get(ref.apiVersion);
    if (list === undefined) {
      list = this.#discover(ref).then(answer => answer as ResourceList);
      this.#lists.set(ref.apiVersion, list);
      // A CustomResourceDefinition of this run may add the group-version later.
      list.catch(() => this.#lists.delete(ref.apiVersion));
    }
    const found = (await list).resources?.find(one => one.kind === ref.kind && !one.name.includes('/'));
    if (found !== undefined) return { plural: found.name, namespaced: found.namespaced };
    this.#lists.delete(ref.apiVersion);
    throw new CutoverError(`the API server serves ${ref.apiVersion}, but it has no kind ${ref.kind}`, {
      code: 'unknown-kind',
      hint: 'Check apiVersion and kind, or apply the CustomResourceDefinition first.',
      status: 404,
    });
  }
}
