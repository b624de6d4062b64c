import type { KubeObject } from './object.js';
import type { Labels } from './selectors.js';

export function isDeployment(object: { readonly apiVersion: string; readonly kind: string }): boolean {
  return object.apiVersion === 'apps/v1' && object.kind === 'Deployment';
}

/** Labels of a Deployment's pod template; empty if there is none. */
export function templateLabels(deployment: KubeObject): Labels {
  const spec = deployment['spec'] as { template?: { metadata?: { labels?: Record<string, string> } } } | undefined;
  return spec?.template?.metadata?.labels ?? {};
}

/** `spec.replicas`; Kubernetes' own default, 1, when absent. */
export function replicasOf(deployment: KubeObject): number {
  return (deployment['spec'] as { replicas?: number } | undefined)?.replicas ?? 1;
}

/** A copy with `spec.replicas`. */
export function withReplicas(deployment: KubeObject, replicas: number): KubeObject {
  return { ...deployment, spec: { ...(deployment['spec'] as object), replicas } };
}
