import type { KubeObject } from '../../../src/kubernetes/object.js';

const labels = { app: 'web' };

/** Deployment `web` in namespace `shop` as `kubectl apply` leaves it, without roles: image `site:v1`, two pods. */
export const liveDeployment: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: { containers: [{ name: 'web', image: 'site:v1', ports: [{ containerPort: 8080 }] }] },
    },
  },
};

/** The Service in front of it. */
export const liveService: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
};

/** Both. */
export const liveWeb: readonly KubeObject[] = [liveDeployment, liveService];
