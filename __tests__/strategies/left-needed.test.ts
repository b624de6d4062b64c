import { afterEach, describe, expect, it } from '@jest/globals';
import { givenCustomKind } from '../support/strategies/custom-kind.js';
import { leftLine, leftLines } from '../support/strategies/left-lines.js';
import {
  closeReleases,
  plainManifests,
  releaseAfter,
  roleManifests,
  webRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const cfg = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg}\n---\n';
const keep = (object: string): string =>
  `${leftLine}: ${object}. Keep ${object}: a revision on record needs it, and Cutover might not create it again.`;
const command = `${leftLine}: ConfigMap shop/cfg. If nobody needs them: \`kubectl delete -n shop configmap/cfg\`.`;
const reading = (text: string): string =>
  text.replace('containers: [{', 'containers: [{envFrom: [{configMapRef: {name: cfg}}], ');
/** Pods whose specification has these fields, too. */
const withPods = (text: string, fields: string): string =>
  text.replace('spec: {containers:', `spec: {${fields}, containers:`);

describe('a ConfigMap that left, and that the last revision with it does not read', () => {
  it('has no command while the other role, or the role that is replaced, reads it', async () => {
    const release = webRelease();
    await release.stage(cfg + reading(roleManifests('v1')));
    await release.promote();
    await release.stage(cfg + roleManifests('v2'));
    await release.promote();
    await release.stage(roleManifests('v3'));
    expect(leftLines(release)).toEqual([]);
    await release.reject();
    await release.rollback();
    await release.stage(roleManifests('v4'));
    expect(leftLines(release)).toEqual([]);
  });

  const adopted = releaseAfter(async release => {
    await release.deploy(cfg + reading(plainManifests('v1')));
    await release.stage(cfg + plainManifests('v2'));
  });

  it('has no command while the adopted version reads it, which a rollback leads to', async () => {
    const release = await adopted();
    await release.promote();
    await release.stage(plainManifests('v3'));
    expect(leftLines(release)).toEqual([]);
    await release.stage(plainManifests('v4'));
    expect(leftLines(release)).toEqual([]);
    await release.rollback();
    await release.stage(plainManifests('v5'));
    expect(leftLines(release)).toEqual([]);
  });

  it('has no command while users are on the adopted version, which reads it', async () => {
    const release = await adopted();
    await release.stage(plainManifests('v3'));
    expect(leftLines(release)).toEqual([]);
    await release.stage(plainManifests('v4'));
    expect(leftLines(release)).toEqual([]);
  });

  it('has a command once no role has a revision that reads it, and none is on record', async () => {
    const release = webRelease();
    const inputs = { historyLimit: 1 };
    for (const manifests of [cfg + reading(roleManifests('v1')), cfg + roleManifests('v2'), roleManifests('v3')]) {
      await release.stage(manifests, inputs);
      expect(leftLines(release)).toEqual([]);
      await release.promote(inputs);
    }
    await release.stage(roleManifests('v4'), inputs);
    expect(leftLines(release)).toEqual([]);
    await release.promote(inputs);
    await release.stage(roleManifests('v5'), inputs);
    expect(leftLines(release)).toEqual([command]);
  });

  it('has no command beside an object that is kept and reads it', async () => {
    const release = webRelease();
    const job =
      'apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec: {schedule: "0 0 * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: "x:1", envFrom: [{configMapRef: {name: cfg}}]}]}}}}}\n---\n';
    await release.stage(cfg + job + roleManifests('v1'));
    await release.promote();
    for (const version of ['v2', 'v3']) {
      await release.stage(cfg + roleManifests(version));
      await release.promote();
    }
    await release.stage(roleManifests('v4'));
    expect(leftLines(release)).toEqual([keep('CronJob shop/nightly')]);
  });

  it('has no command where users are on a content again that is deployed again, and the other role reads it', async () => {
    const release = webRelease();
    await release.stage(cfg + roleManifests('v1'));
    await release.promote();
    await release.stage(reading(roleManifests('v2')));
    await release.promote();
    await release.stage(roleManifests('v3'));
    await release.promote();
    await expect(release.stage(roleManifests('v3'))).resolves.toMatchObject({ outcome: 'unchanged' });
    expect(leftLines(release)).toEqual([]);
  });
});

describe('an object that left, and without which the pods of the manifests do not start', () => {
  it.each([
    ['PersistentVolumeClaim', 'v1', 'volumes: [{name: d, persistentVolumeClaim: {claimName: used}}]'],
    [
      'SecretProviderClass',
      'secrets-store.csi.x-k8s.io/v1',
      'volumes: [{name: d, csi: {driver: secrets-store.csi.k8s.io, volumeAttributes: {secretProviderClass: used}}}]',
    ],
    ['ResourceClaim', 'resource.k8s.io/v1', 'resourceClaims: [{name: gpu, resourceClaimName: used}]'],
    ['ResourceClaimTemplate', 'resource.k8s.io/v1', 'resourceClaims: [{name: gpu, resourceClaimTemplateName: used}]'],
  ])('is kept: %s', async (kind, apiVersion, fields) => {
    const release = webRelease();
    if (apiVersion !== 'v1') givenCustomKind(release.cluster, apiVersion, kind);
    const spec =
      kind === 'PersistentVolumeClaim' ? '{accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}' : '{}';
    const object = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: used}\nspec: ${spec}\n---\n`;
    await release.deploy(object + withPods(plainManifests('v1'), fields));
    await release.deploy(withPods(plainManifests('v2'), fields));
    expect(leftLines(release)).toEqual([keep(`${kind} shop/used`)]);
  });
});
