import type { KubeObject } from './object.js';

export function isDeployment(object: { readonly apiVersion: string; readonly kind: string }): boolean {
  return object.apiVersion === 'apps/v1' && object.kind === 'Deployment';
}

/** `spec.replicas`; Kubernetes' own default, 1, when absent. */
export function replicasOf(deployment: KubeObject): number {
  return (deployment['spec'] as { replicas?: number } | undefined)?.replicas ?? 1;
}

/** A copy with `spec.replicas`. */
export function withReplicas(deployment: KubeObject, replicas: number): KubeObject {
  return { ...deployment, spec: { ...(deployment['spec'] as object), replicas } };
}
