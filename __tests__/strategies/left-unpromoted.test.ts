import { afterEach, describe, expect, it } from '@jest/globals';
import { leftLine, leftLines, leftOnRecord } from '../support/strategies/left-lines.js';
import { worker } from '../support/strategies/role-extras.js';
import {
  closeReleases,
  failureOf,
  plainManifests,
  releaseAfter,
  roleManifests,
  serviceRef,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const policy =
  'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: inner}\nspec: {podSelector: {}}\n---\n';
const inner = `${leftLine}: NetworkPolicy shop/inner. If nobody needs them: \`kubectl delete -n shop networkpolicy.networking.k8s.io/inner\`.`;

describe('an object that only a revision had that was never promoted', () => {
  const served = releaseAfter(async release => {
    await release.stage(roleManifests('v1'));
    await release.promote();
  });

  it('is named where another revision replaces it, and from then on', async () => {
    const release = await served();
    await release.stage(policy + roleManifests('v2'));
    await release.stage(roleManifests('v3'));
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[inner], ['inner']]);
    await release.promote();
    await release.stage(roleManifests('v4'));
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[inner], ['inner']]);
  });

  it('is named where it belongs to the role', async () => {
    const release = await served();
    await release.stage(roleManifests('v2') + worker);
    await release.stage(roleManifests('v3'));
    expect(leftLines(release)).toEqual([
      `${leftLine}: Deployment shop/worker-green. If nobody needs them: \`kubectl delete -n shop deployment.apps/worker-green\`.`,
    ]);
  });

  it.each<[string, (release: WebRelease) => Promise<unknown>]>([
    ['a revision is staged', release => release.stage(roleManifests('v5'))],
    ['the roles are left', release => release.deploy(plainManifests('v5'))],
  ])('is named where it had left before, and that revision was rejected, when %s', async (_step, next) => {
    const release = webRelease();
    for (const manifests of [policy + roleManifests('v1'), roleManifests('v2'), roleManifests('v3')]) {
      await release.stage(manifests);
      await release.promote();
    }
    await release.stage(policy + roleManifests('v4'));
    await release.reject();
    await next(release);
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[inner], ['inner']]);
  });

  it('is named where nothing was ever promoted', async () => {
    const release = webRelease();
    await release.stage(policy + roleManifests('v1'));
    await release.stage(roleManifests('v2'));
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[inner], ['inner']]);
  });
});

describe('an object of a rolling release that a revision has that is staged at the adoption', () => {
  const adopted = releaseAfter(async release => {
    await release.deploy(policy + plainManifests('v1'));
    await release.stage(policy + plainManifests('v2'));
  });

  it.each<[string, (release: WebRelease) => Promise<unknown>]>([
    ['was staged', release => release.stage(plainManifests('v3'))],
    [
      'was rejected',
      async release => {
        await release.reject();
        await release.stage(plainManifests('v3'));
      },
    ],
  ])('is named once it left, where that revision %s', async (_case, next) => {
    const release = await adopted();
    await next(release);
    expect(leftLines(release).join()).toContain('NetworkPolicy shop/inner');
    await release.promote();
    await release.stage(plainManifests('v4'));
    expect(leftLines(release).join()).toContain('NetworkPolicy shop/inner');
    expect(leftOnRecord(release)).toContain('inner');
  });
});

describe('an object that only a step had that was never finished', () => {
  const unfinishedStep = { rollbackOnFailure: false } as const;

  it('is named by the next staging', async () => {
    const release = webRelease();
    await release.stage(roleManifests('v1'));
    await release.promote();
    release.answer = () => 500;
    await failureOf(release.stage(policy + roleManifests('v2') + worker, unfinishedStep));
    release.answer = () => 200;
    await release.stage(roleManifests('v3'));
    expect([...leftOnRecord(release)].sort()).toEqual(['inner', 'worker-green']);
    await release.promote();
    await release.stage(roleManifests('v4'));
    expect([...leftOnRecord(release)].sort()).toEqual(['inner', 'worker-green']);
  });

  it('is named by the next deploy', async () => {
    const release = webRelease();
    await release.deploy(plainManifests('v1'));
    release.answer = () => 500;
    await failureOf(release.deploy(policy + plainManifests('v2'), unfinishedStep));
    release.answer = () => 200;
    await release.deploy(plainManifests('v3'));
    expect([leftLines(release), leftOnRecord(release)]).toEqual([[inner], ['inner']]);
  });
});

describe('a revision that is not on record any more', () => {
  const config = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg}\n---\n';
  const reading = (version: string): string =>
    roleManifests(version).replaceAll('containers: [{', 'containers: [{envFrom: [{configMapRef: {name: cfg}}], ');
  const forget = ({ cluster: { store } }: WebRelease, revision: number): void => {
    store.remove({ apiVersion: 'v1', kind: 'Secret', name: `cutover-web.${revision}`, namespace: 'shop' });
  };

  it('leads to no command where users may be on it', async () => {
    const release = webRelease();
    await release.stage(config + reading('v1'));
    await release.promote();
    await release.stage(config + roleManifests('v2'));
    forget(release, 1);
    await release.stage(roleManifests('v3'));
    expect(leftLines(release).join()).not.toContain('kubectl delete');
    expect(leftOnRecord(release)).toContain('cfg');
  });

  it('does not stop a staging where nothing leads to it, and it cannot be read', async () => {
    const release = webRelease();
    await release.stage(roleManifests('v1'));
    await release.promote();
    await release.stage(policy + roleManifests('v2'));
    await release.stage(roleManifests('v3'));
    const { store } = release.cluster;
    const secret = store.get({ apiVersion: 'v1', kind: 'Secret', name: 'cutover-web.2', namespace: 'shop' })!;
    store.update({ ...secret, data: { ...(secret['data'] as object), info: 'e30=' } });
    await expect(release.stage(roleManifests('v4'))).resolves.toMatchObject({ outcome: 'staged' });
  });
});

describe('a Deployment that users are on, although the record names another role', () => {
  it('is not named', async () => {
    const renamed = (version: string): string =>
      roleManifests(version).replaceAll('web-$<TARGET_ROLE>', 'site-$<TARGET_ROLE>');
    const release = webRelease();
    for (const version of ['v1', 'v2', 'v3']) {
      await release.stage(roleManifests(version));
      await release.promote();
    }
    await release.stage(renamed('v4'));
    await release.reject();
    const { store } = release.cluster;
    const live = store.get(serviceRef('web'))!;
    store.update(
      { ...live, spec: { ...(live['spec'] as object), selector: { app: 'web', role: 'green' } } },
      { manager: 'kubectl-patch' },
    );
    await release.stage(renamed('v5'), { forceConflicts: true });
    expect(leftLines(release).join()).not.toContain('web-green');
  });
});
