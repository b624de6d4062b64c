import { describe, expect, it } from '@jest/globals';
import { isDeployment, replicasOf, withReplicas } from '../../src/kubernetes/deployment.js';
import { templateLabels } from '../../src/kubernetes/pods/pod-spec.js';
import type { KubeObject } from '../../src/kubernetes/object.js';
import { selectorOf } from '../../src/kubernetes/selectors.js';

const deployment = (name: string, labels: Readonly<Record<string, string>>): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'shop' },
  spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [] } } },
});

describe('the fields of workloads', () => {
  const web = deployment('web', { app: 'web' });

  it.each([
    ['v1', 'Deployment', false],
    ['apps/v1', 'Deployment', true],
    ['apps/v1', 'StatefulSet', false],
  ])('%s %s is a Deployment: %s', (apiVersion, kind, expected) => {
    expect(isDeployment({ apiVersion, kind })).toBe(expected);
  });

  it('replicas are 1 unless they are set, also to 0', () => {
    expect(replicasOf(web)).toBe(1);
    expect(replicasOf(withReplicas(web, 0))).toBe(0);
    expect(withReplicas(web, 3)).toEqual({ ...web, spec: { ...(web['spec'] as object), replicas: 3 } });
    expect(replicasOf(web)).toBe(1);
  });

  it('missing parts are empty', () => {
    const bare = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } };
    expect([templateLabels(bare), selectorOf(bare)]).toEqual([{}, {}]);
  });
});
