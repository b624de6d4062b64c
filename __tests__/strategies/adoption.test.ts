import { afterEach, describe, expect, it } from '@jest/globals';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { idle } from '../support/cluster/run-controllers.js';
import {
  application,
  autoscalerRef,
  closeReleases,
  deploymentRef,
  endOf,
  failureOf,
  killAtWrite,
  leaseRef,
  plainManifests,
  refuseWrites,
  releaseAfter,
  replicasIn,
  revisionOf,
  served,
  serviceRef,
  stateOf,
  traceWrites,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const inShop = { namespace: 'shop' };
const labels = { app: 'web' };
const kubectl = 'kubectl-client-side-apply';
const webDeployment = (image: string): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', ...inShop },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: { containers: [{ name: 'web', image, ports: [{ containerPort: 8080 }] }] },
    },
  },
});
const service: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', ...inShop },
  spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
};
const autoscaler: KubeObject = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web', ...inShop },
  spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, minReplicas: 2, maxReplicas: 4 },
};
const budget: KubeObject = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'web', ...inShop },
  spec: { minAvailable: 1, selector: { matchLabels: labels } },
};

/** An application that somebody applied with kubectl; its pods are ready and nothing is on record. */
const live = releaseAfter(async ({ cluster }) => {
  cluster.givenBy(kubectl, webDeployment('site:v1'), service, autoscaler, budget);
  await idle();
});

describe('x', () => {
  it('traces', async () => {
    const release = await live();
    const trace = traceWrites(release.cluster);
    const outcome = await endOf(release.stage(plainManifests('v2')));
    console.log(trace, outcome, JSON.stringify(stateOf(release.cluster), null, 1), release.ctx().log.lines);
  });
});
