import type { Rule } from './rule.js';
import { nameOf } from './context.js';

/** One removal a line: apiVersion, kinds, the minor release of Kubernetes 1 that stopped serving them, their replacement. */
const removals = `
extensions/v1beta1 Deployment,DaemonSet,ReplicaSet 16 apps/v1
extensions/v1beta1 NetworkPolicy 16 networking.k8s.io/v1
extensions/v1beta1 PodSecurityPolicy 16 -
extensions/v1beta1 Ingress 22 networking.k8s.io/v1
apps/v1beta1 Deployment,StatefulSet,ControllerRevision 16 apps/v1
apps/v1beta2 Deployment,StatefulSet,DaemonSet,ReplicaSet,ControllerRevision 16 apps/v1
networking.k8s.io/v1beta1 Ingress,IngressClass 22 networking.k8s.io/v1
rbac.authorization.k8s.io/v1alpha1 Role,RoleBinding,ClusterRole,ClusterRoleBinding 23 rbac.authorization.k8s.io/v1
rbac.authorization.k8s.io/v1beta1 Role,RoleBinding,ClusterRole,ClusterRoleBinding 22 rbac.authorization.k8s.io/v1
admissionregistration.k8s.io/v1beta1 MutatingWebhookConfiguration,ValidatingWebhookConfiguration 22 admissionregistration.k8s.io/v1
apiextensions.k8s.io/v1beta1 CustomResourceDefinition 22 apiextensions.k8s.io/v1
apiregistration.k8s.io/v1beta1 APIService 22 apiregistration.k8s.io/v1
certificates.k8s.io/v1beta1 CertificateSigningRequest 22 certificates.k8s.io/v1
coordination.k8s.io/v1beta1 Lease 22 coordination.k8s.io/v1
scheduling.k8s.io/v1alpha1 PriorityClass 23 scheduling.k8s.io/v1
scheduling.k8s.io/v1beta1 PriorityClass 22 scheduling.k8s.io/v1
storage.k8s.io/v1beta1 CSIDriver,CSINode,StorageClass,VolumeAttachment 22 storage.k8s.io/v1
storage.k8s.io/v1beta1 CSIStorageCapacity 27 storage.k8s.io/v1
batch/v2alpha1 CronJob 21 batch/v1
batch/v1beta1 CronJob 25 batch/v1
discovery.k8s.io/v1beta1 EndpointSlice 25 discovery.k8s.io/v1
events.k8s.io/v1beta1 Event 25 events.k8s.io/v1
node.k8s.io/v1beta1 RuntimeClass 25 node.k8s.io/v1
policy/v1beta1 PodDisruptionBudget 25 policy/v1
policy/v1beta1 PodSecurityPolicy 25 -
autoscaling/v2beta1 HorizontalPodAutoscaler 25 autoscaling/v2
autoscaling/v2beta2 HorizontalPodAutoscaler 26 autoscaling/v2
flowcontrol.apiserver.k8s.io/v1beta1 FlowSchema,PriorityLevelConfiguration 26 flowcontrol.apiserver.k8s.io/v1
flowcontrol.apiserver.k8s.io/v1beta2 FlowSchema,PriorityLevelConfiguration 29 flowcontrol.apiserver.k8s.io/v1
flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema,PriorityLevelConfiguration 32 flowcontrol.apiserver.k8s.io/v1
`;

interface Removal {
  readonly minor: string;
  /** The apiVersion to use; `-` if there is none. */
  readonly replacement: string;
}

const table: ReadonlyMap<string, Removal> = new Map(
  removals
    .trim()
    .split('\n')
    .flatMap(line => {
      const [apiVersion = '', kinds = '', minor = '', replacement = ''] = line.split(' ');
      return kinds.split(',').map(kind => [`${apiVersion} ${kind}`, { minor, replacement }] as const);
    }),
);

export const removedApi: Rule = ({ resources }) =>
  resources.flatMap(resource => {
    const { apiVersion, kind } = resource.object;
    const removal = table.get(`${apiVersion} ${kind}`);
    if (removal === undefined) return [];
    const { minor, replacement } = removal;
    return [
      {
        resource,
        path: ['apiVersion'],
        message: `${nameOf(resource)} has apiVersion ${apiVersion}, which Kubernetes has not served since 1.${minor}.`,
        remedy:
          replacement === '-'
            ? 'Remove it: Pod Security Admission, by labels of the namespace, replaced it.'
            : `Use ${replacement}, and check for fields that were renamed.`,
      },
    ];
  });
