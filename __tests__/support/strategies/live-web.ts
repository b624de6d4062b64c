import type { KubeObject } from '../../../src/kubernetes/object.js';

const labels = { app: 'web' };

/** Deployment `web` in namespace `shop` as `kubectl apply` leaves it, without roles: two pods. `more`: fields of its container. */
export function liveDeploymentOf(image: string, more: object = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'web', image, ports: [{ containerPort: 8080 }], ...more }] },
      },
    },
  };
}

/** The same with image `site:v1`. */
export const liveDeployment = liveDeploymentOf('site:v1');

/** Its autoscaler. */
export const liveAutoscaler: KubeObject = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, minReplicas: 2, maxReplicas: 4 },
};

/** The Service in front of it. */
export const liveService: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
};

/** The Deployment and the Service. */
export const liveWeb: readonly KubeObject[] = [liveDeployment, liveService];
