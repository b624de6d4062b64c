import { givenCustomKind } from './custom-kind.js';
import type { MemoryCluster } from '../cluster/memory-cluster.js';
import { roleManifests } from './web-release.js';

/** A second Deployment of each role, `worker-blue` and `worker-green`, to be appended to manifests. */
export const worker = `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: worker-$<TARGET_ROLE>}
spec:
  selector: {matchLabels: {app: worker, role: $<TARGET_ROLE>}}
  template:
    metadata: {labels: {app: worker, role: $<TARGET_ROLE>}}
    spec: {containers: [{name: worker, image: "work:v1"}]}
`;

/** The manifests of `roleManifests`, with KEDA's ScaledObject as the autoscaler of each role. */
export function scaledManifests(version: string): string {
  return roleManifests(version)
    .replace('autoscaling/v2', 'keda.sh/v1alpha1')
    .replace('kind: HorizontalPodAutoscaler', 'kind: ScaledObject');
}

/** Serves the kind ScaledObject, without KEDA's controller. */
export function givenScaledObjectKind(cluster: MemoryCluster): void {
  givenCustomKind(cluster, 'keda.sh/v1alpha1', 'ScaledObject');
}
