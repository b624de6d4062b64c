import { afterEach, describe, expect, it } from '@jest/globals';
import { worker } from '../support/strategies/role-extras.js';
import { leftLine, leftLines, leftOnRecord } from '../support/strategies/left-lines.js';
import {
  closeReleases,
  configRef,
  endOf,
  failureOf,
  killAtWrite,
  leaseRef,
  plainManifests,
  releaseAfter,
  roleManifests,
  unfinished,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const more = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n---\n';
const policy =
  'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: inner}\nspec: {podSelector: {}}\n---\n';
const creds = 'apiVersion: v1\nkind: Secret\nmetadata: {name: creds}\nstringData: {key: hidden-value}\n---\n';
const kept = `${leftLine}: NetworkPolicy shop/inner. Keep NetworkPolicy shop/inner: a revision on record needs it, and Cutover might not create it again.`;
const told = `${leftLine}: ConfigMap shop/more, NetworkPolicy shop/inner. If nobody needs them: \`kubectl delete -n shop configmap/more networkpolicy.networking.k8s.io/inner\`.`;

/** The run is killed when it asks for this write. */
function killAt({ cluster }: WebRelease, write: string): void {
  cluster.before = call => {
    if (call !== write) return;
    killAtWrite(cluster, 1);
    cluster.before(call);
  };
}

/** What a killed run leaves, once its lock has run out. */
function revive({ cluster }: WebRelease): void {
  cluster.before = () => undefined;
  if (cluster.store.get(leaseRef) !== undefined) cluster.store.remove(leaseRef);
}

describe('an object of both roles that the manifests do not have when the roles are left', () => {
  const switched = releaseAfter(async release => {
    await release.stage(more + policy + roleManifests('v1'));
    await release.promote();
    await release.stage(more + policy + roleManifests('v2'));
    await release.promote();
  });

  it('is named by that deploy and by the later ones', async () => {
    const release = await switched();
    await release.deploy(plainManifests('v3'));
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[told], ['more', 'inner']]);
    await release.deploy(plainManifests('v4'));
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[told], ['more', 'inner']]);
  });

  it('is named by the deploy that finishes what a killed one left', async () => {
    const release = await switched();
    const { cluster } = release;
    killAt(release, 'REMOVE Deployment shop/web-green');
    await endOf(release.deploy(plainManifests('v3')));
    expect(unfinished(cluster)).toBe('leave');
    revive(release);
    await release.deploy(plainManifests('v3'));
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[told], ['more', 'inner']]);
  });

  it('is not named where the roles are restored', async () => {
    const release = await switched();
    release.answer = () => 500;
    await failureOf(release.deploy(plainManifests('v3')));
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[], []]);
  });

  it('is told by a plan', async () => {
    const release = await switched();
    const { preview } = await release.planRolling(plainManifests('v3'));
    expect(preview?.notes).toContainEqual({
      kind: 'left',
      objects: [
        configRef('more'),
        { ...configRef('inner'), apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', neededBy: 2 },
      ],
    });
  });

  it('is not named where the new pods read it', async () => {
    const release = await switched();
    const reading = plainManifests('v3').replace(
      'containers: [{',
      'containers: [{envFrom: [{configMapRef: {name: more}}], ',
    );
    await release.deploy(reading);
    expect(leftLines(release).join()).not.toContain('more');
    expect(leftOnRecord(release)).toEqual(['more', 'inner']);
  });

  it('is named where it had left before', async () => {
    const release = await switched();
    await release.stage(policy + roleManifests('v3') + worker);
    await release.promote();
    await release.deploy(plainManifests('v4'));
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[told], ['more', 'inner']]);
  });

  it('is named at once, also where pods of the roles read it: no rollback leads to them', async () => {
    const release = webRelease();
    const reading = roleManifests('v1').replace(
      'containers: [{',
      'containers: [{envFrom: [{configMapRef: {name: more}}], ',
    );
    await release.stage(more + reading);
    await release.promote();
    await release.deploy(plainManifests('v2'));
    expect(leftLines(release)).toEqual([
      `${leftLine}: ConfigMap shop/more. If nobody needs them: \`kubectl delete -n shop configmap/more\`.`,
    ]);
  });

  it('is named where it is a Secret, without its value', async () => {
    const release = webRelease();
    await release.stage(creds + roleManifests('v1'));
    await release.promote();
    await release.deploy(plainManifests('v2'));
    expect(leftLines(release)).toEqual([
      `${leftLine}: Secret shop/creds. If nobody needs them: \`kubectl delete -n shop secret/creds\`.`,
    ]);
    expect(release.ctx().log.lines.join('\n')).not.toContain('hidden-value');
  });
});

describe('an object of a rolling release that the manifests do not have when it is adopted', () => {
  const rolling = releaseAfter(release => release.deploy(more + policy + plainManifests('v1', { autoscaler: true })));

  it('is named by the deploy that adopts, and by the later ones', async () => {
    const release = await rolling();
    await release.stage(plainManifests('v2', { autoscaler: true }));
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[kept], ['more', 'inner']]);
    await release.promote();
    await release.stage(plainManifests('v3', { autoscaler: true }));
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[kept], ['more', 'inner']]);
  });

  it.each(['APPLY Service shop/web', 'APPLY HorizontalPodAutoscaler shop/web-blue'])(
    'is named where the adoption was killed at %s, and finished later',
    async write => {
      const release = await rolling();
      const { cluster } = release;
      killAt(release, write);
      await endOf(release.stage(plainManifests('v2', { autoscaler: true })));
      expect(unfinished(cluster)).toBe('adopt');
      revive(release);
      await release.stage(plainManifests('v2', { autoscaler: true }));
      expect([leftLines(release), leftOnRecord(release)]).toEqual([[kept], ['more', 'inner']]);
    },
  );

  it('is on record where the staging after the adoption failed', async () => {
    const release = await rolling();
    release.answer = () => 500;
    await failureOf(release.stage(plainManifests('v2', { autoscaler: true })));
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[], ['more', 'inner', 'settings', 'web']]);
    release.answer = () => 200;
    await release.stage(plainManifests('v2', { autoscaler: true }));
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[kept], ['more', 'inner']]);
  });

  it('is not forgotten among a hundred others that the manifests have', async () => {
    const release = webRelease();
    const others = Array.from(
      { length: 101 },
      (_, index) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other-${index}}\n---\n`,
    ).join('');
    await release.deploy(policy + others + plainManifests('v1', { autoscaler: true }));
    await release.stage(others + plainManifests('v2', { autoscaler: true }));
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[kept], ['inner']]);
  });

  it('is told by a plan', async () => {
    const release = await rolling();
    const { preview } = await release.plan(plainManifests('v2', { autoscaler: true }));
    expect(preview?.notes).toContainEqual({
      kind: 'left',
      objects: [{ ...configRef('inner'), apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', neededBy: 1 }],
    });
  });

  it('has no command while a revision on record had pods that use it', async () => {
    const release = await rolling();
    const account = 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: runner}\n---\n';
    const using = plainManifests('v2').replace('spec: {containers:', 'spec: {serviceAccountName: runner, containers:');
    await release.deploy(account + using);
    await release.deploy(plainManifests('v3'));
    expect(leftLines(release)).toEqual([
      `${leftLine}: ConfigMap shop/more, NetworkPolicy shop/inner, HorizontalPodAutoscaler shop/web, ServiceAccount shop/runner. If nobody needs them: \`kubectl delete -n shop configmap/more networkpolicy.networking.k8s.io/inner horizontalpodautoscaler.autoscaling/web\`. Keep ServiceAccount shop/runner: a revision on record needs it, and Cutover might not create it again.`,
    ]);
  });

  it('has no command while the manifests need it for their pods', async () => {
    const release = await rolling();
    const account = 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: runner}\n---\n';
    const using = (text: string): string =>
      text.replace('spec: {containers:', 'spec: {serviceAccountName: runner, containers:');
    await release.deploy(account + using(plainManifests('v2')));
    await release.deploy(using(plainManifests('v3')));
    expect(leftLines(release).join()).toContain('Keep ServiceAccount shop/runner');
    expect(leftLines(release).join()).not.toContain('serviceaccount/runner');
  });

  it('is not named as long as the adopted pods read it', async () => {
    const release = webRelease();
    const reading = plainManifests('v1').replace(
      'containers: [{',
      'containers: [{envFrom: [{configMapRef: {name: more}}], ',
    );
    await release.deploy(more + reading);
    await release.stage(plainManifests('v2'));
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[], ['more']]);
  });
});

describe('a shared Secret that left the manifests of a blue/green release', () => {
  it('is named once no revision on record needs it, without its value', async () => {
    const release = webRelease();
    const inputs = { historyLimit: 1 };
    await release.stage(creds + roleManifests('v1'), inputs);
    await release.promote(inputs);
    for (const version of ['v2', 'v3']) {
      await release.stage(roleManifests(version), inputs);
      expect(leftLines(release)).toEqual([]);
      expect(leftOnRecord(release)).toEqual(['creds']);
      await release.promote(inputs);
    }
    await release.stage(roleManifests('v4'), inputs);
    await release.promote(inputs);
    await release.stage(roleManifests('v5'), inputs);
    expect(leftLines(release)).toEqual([
      `${leftLine}: Secret shop/creds. If nobody needs them: \`kubectl delete -n shop secret/creds\`.`,
    ]);
    expect(release.ctx().log.lines.join('\n')).not.toContain('hidden-value');
  });
});
