import { afterEach, describe, expect, it } from '@jest/globals';
import { scaleLive } from '../support/cluster/workloads.js';
import {
  autoscalerRef,
  closeReleases,
  failureOf,
  killAtWrite,
  leaseRef,
  releaseAfter,
  roleManifests,
  serviceRef,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Users are on blue, revision 1; revision 2 is staged on green. */
const staged = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
  await release.stage(roleManifests('v2'));
});

/** Somebody gives the new role an autoscaler of their own. */
function scaleByHand({ cluster }: WebRelease): void {
  const { name, namespace } = autoscalerRef('web-green');
  cluster.givenBy('kubectl-edit', {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name, ...(namespace !== undefined && { namespace }), annotations: { 'cutover/release': 'web' } },
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, minReplicas: 2, maxReplicas: 9 },
  });
}

const most = ({ cluster }: WebRelease): unknown =>
  (cluster.store.get(autoscalerRef('web-green'))?.['spec'] as { maxReplicas: number }).maxReplicas;

describe('a field of others in what follows a switch', () => {
  it('is left to them with a warning, and the switch is complete', async () => {
    const release = await staged();
    release.cluster.before = call => {
      if (call === 'APPLY Service shop/web') scaleByHand(release);
    };
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched' });
    expect([most(release), unfinished(release.cluster)]).toEqual([9, '-']);
    expect(release.ctx().log.lines.join('\n')).toMatch(
      /HorizontalPodAutoscaler shop\/web-green stays as others have set it: .*kubectl-edit.* `action: deploy` and `force-conflicts: true`/,
    );
  });

  it('blocks no later deploy', async () => {
    const release = await staged();
    // Its last write but two: the record says that users are on green, and its autoscaler is not there yet.
    killAtWrite(release.cluster, 5);
    await failureOf(release.promote());
    release.cluster.before = () => undefined;
    release.cluster.store.remove(leaseRef);
    expect(unfinished(release.cluster)).toBe('finish');
    scaleByHand(release);
    await expect(release.go(roleManifests('v3'))).resolves.toMatchObject({ outcome: 'switched', activeRole: 'blue' });
    expect(most(release)).toBe(9);
  });
});

describe('a field of others of the public Service', () => {
  it('stops a promotion, and what its error says helps', async () => {
    const release = await staged();
    const { store } = release.cluster;
    const service = store.get(serviceRef('web'))!;
    const spec = service['spec'] as { readonly ports: readonly object[] };
    const ports = spec.ports.map(port => ({ ...port, targetPort: 9 }));
    store.update({ ...service, spec: { ...spec, ports } }, { manager: 'kubectl-edit' });
    expect(await failureOf(release.promote())).toMatchObject({
      error: {
        code: 'conflict',
        hint: expect.stringContaining('`action: deploy` and `force-conflicts: true`') as unknown,
      },
    });
    const again = await release.stage(roleManifests('v2'), { forceConflicts: true });
    expect(again).toMatchObject({ outcome: 'staged', revision: 3 });
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched', revision: 3 });
    await expect(release.stage(roleManifests('v2'), { forceConflicts: true })).resolves.toMatchObject({
      outcome: 'unchanged',
    });
  });
});

describe('a shared Deployment that is scaled after the staging', () => {
  it('is no part of what a promotion compares', async () => {
    const shared = `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, annotations: {cutover/shared: "true"}}
spec:
  replicas: 2
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec: {containers: [{name: api, image: "api:v1", ports: [{containerPort: 8080}]}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: api}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: api}, minReplicas: 2, maxReplicas: 9}
`;
    const release = await staged();
    await release.stage(roleManifests('v3') + shared);
    const { store } = release.cluster;
    const ref = { ...serviceRef('api'), apiVersion: 'apps/v1', kind: 'Deployment' };
    scaleLive(release.cluster, store.get(ref)!, { replicas: 5, manager: 'kube-controller-manager' });
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched', activeRole: 'green' });
    expect(store.get(ref)).toMatchObject({ spec: { replicas: 5 } });
    await expect(release.stage(roleManifests('v3') + shared)).resolves.toMatchObject({ outcome: 'unchanged' });
  });
});
