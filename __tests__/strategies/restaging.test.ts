import { afterEach, describe, expect, it } from '@jest/globals';
import {
  application,
  closeReleases,
  releaseAfter,
  configRef,
  deploymentRef,
  failureOf,
  killAtWrite,
  leaseRef,
  roleManifests,
  served,
  blueGreenStateOf,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Users are on blue, revision 1; green was never used. */
const live = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
});

/** Users are back on blue, revision 1; green still runs revision 2 with its configuration and autoscaler. */
const servedTwice = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
  await release.stage(roleManifests('v2'));
  await release.promote();
  await release.rollback();
});

const writesOfOthers = ({ cluster }: WebRelease) =>
  cluster.writes().filter(write => !/ cutover-web|\/cutover-web/.test(write));
const blue = ['site:v1', 'site:v1'];

/** A run that was killed at this write, and whose lock has run out since; no post step ran. */
async function lost(release: WebRelease, manifests: string, n: number): Promise<void> {
  killAtWrite(release.cluster, n);
  await failureOf(release.stage(manifests));
  release.cluster.before = () => undefined;
  release.cluster.store.remove(leaseRef);
}

describe('staging over an earlier staging', () => {
  it('replaces an interrupted one, and a rejection restores what was there before both', async () => {
    const release = await servedTwice();
    const { cluster } = release;
    const [before, { roles }] = [application(cluster), blueGreenStateOf(cluster)!];
    await lost(release, roleManifests('half'), 7);
    expect(application(cluster)).not.toEqual(before);
    await expect(release.stage(roleManifests('v4'))).resolves.toMatchObject({ outcome: 'staged', revision: 4 });
    expect([unfinished(cluster), blueGreenStateOf(cluster)?.staged?.previous?.revision]).toEqual(['-', 2]);
    await release.reject();
    expect(application(cluster)).toEqual(before);
    expect(blueGreenStateOf(cluster)).toMatchObject({ current: 1, roles });
  });

  it('restores what was there before an interrupted one when it fails', async () => {
    const release = await servedTwice();
    const { cluster } = release;
    const [before, { roles }] = [application(cluster), blueGreenStateOf(cluster)!];
    await lost(release, roleManifests('half'), 7);
    await failureOf(release.stage(roleManifests('broken')));
    expect(application(cluster)).toEqual(before);
    expect(blueGreenStateOf(cluster)).toMatchObject({ current: 1, roles });
    expect(unfinished(cluster)).toBe('-');
  });

  it('restores the staged revision when it fails after one over it that was interrupted', async () => {
    const release = await servedTwice();
    const { cluster } = release;
    const [before, { roles }] = [application(cluster), blueGreenStateOf(cluster)!];
    await release.stage(roleManifests('v3'));
    const staged = application(cluster);
    await lost(release, roleManifests('half'), 6);
    expect(blueGreenStateOf(cluster)).toMatchObject({ staged: { revision: 3 }, operation: { revision: 4 } });
    await failureOf(release.stage(roleManifests('broken')));
    expect([application(cluster), unfinished(cluster)]).toEqual([staged, '-']);
    expect(blueGreenStateOf(cluster)).toMatchObject({ staged: { revision: 3, previous: { revision: 2 } } });
    await release.reject();
    expect([application(cluster), blueGreenStateOf(cluster)?.roles]).toEqual([before, roles]);
  });

  it('that is killed is undone by its post step: what was staged before can be promoted again', async () => {
    const release = await servedTwice();
    const { cluster } = release;
    await release.stage(roleManifests('v3'));
    const staged = application(cluster);
    killAtWrite(cluster, 6);
    await failureOf(release.stage(roleManifests('half')));
    await release.post();
    expect([application(cluster), unfinished(cluster)]).toEqual([staged, '-']);
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched', revision: 3 });
    expect(served(cluster)).toEqual(['site:v3', 'site:v3']);
  });

  it('keeps what the first one found, and a rejection restores what was there before both', async () => {
    const release = await servedTwice();
    const { cluster } = release;
    const [before, { roles }] = [application(cluster), blueGreenStateOf(cluster)!];
    await release.stage(roleManifests('v3'));
    await release.stage(roleManifests('v4'));
    expect(blueGreenStateOf(cluster)?.staged).toMatchObject({ revision: 4, previous: { revision: 2 } });
    await release.reject();
    expect([application(cluster), blueGreenStateOf(cluster)?.roles]).toEqual([before, roles]);
  });

  it('restores the staged revision when it fails: that is what was verified, and can be promoted', async () => {
    const release = await live();
    const { cluster } = release;
    await release.stage(roleManifests('v2'));
    const before = application(cluster);
    await failureOf(release.stage(roleManifests('broken')));
    expect(application(cluster)).toEqual(before);
    expect([blueGreenStateOf(cluster)?.staged?.revision, served(cluster)]).toEqual([2, blue]);
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched', revision: 2 });
    expect(served(cluster)).toEqual(['site:v2', 'site:v2']);
  });
});

describe('the same manifests again', () => {
  it('write nothing where they serve, and are unchanged only if the active role passes its checks', async () => {
    const release = await live();
    await expect(release.stage(roleManifests('v1'))).resolves.toMatchObject({
      outcome: 'unchanged',
      activeRole: 'blue',
    });
    release.answer = () => 500;
    await expect(failureOf(release.stage(roleManifests('v1')))).resolves.toMatchObject({ error: { code: 'verify' } });
    expect(writesOfOthers(release)).toEqual([]);
    expect(blueGreenStateOf(release.cluster)).toMatchObject({ latest: 1, current: 1 });
  });

  it('are staged, not unchanged, while another staging is unfinished: only that clears the idle role', async () => {
    const release = await live();
    await lost(release, roleManifests('half'), 6);
    await expect(release.stage(roleManifests('v1'))).resolves.toMatchObject({ outcome: 'staged', revision: 3 });
    expect([unfinished(release.cluster), served(release.cluster)]).toEqual(['-', blue]);
  });

  it('write nothing where they are staged, and are staged only if they pass their checks', async () => {
    const release = await live();
    await release.stage(roleManifests('v2'));
    await expect(release.stage(roleManifests('v2'))).resolves.toMatchObject({ outcome: 'staged', revision: 2 });
    expect(release.cluster.writes()).toEqual([]);
    release.answer = () => 500;
    await expect(failureOf(release.stage(roleManifests('v2')))).resolves.toMatchObject({ error: { code: 'verify' } });
    expect(release.cluster.writes()).toEqual([]);
  });

  it('write nothing when others have only added to what was staged', async () => {
    const release = await live();
    const { store } = release.cluster;
    await release.stage(roleManifests('v2'));
    const green = store.get(deploymentRef('web-green'))!;
    store.update({ ...green, spec: { ...(green['spec'] as object), minReadySeconds: 1 } }, { manager: 'kubectl' });
    await expect(release.stage(roleManifests('v2'))).resolves.toMatchObject({ outcome: 'staged', revision: 2 });
    expect(release.cluster.writes()).toEqual([]);
  });

  it('are verified and recorded again when somebody replaced an object of what was staged', async () => {
    const release = await live();
    const { cluster } = release;
    await release.stage(roleManifests('v2'));
    const { metadata, data } = cluster.store.get(configRef('web-green'))!;
    cluster.store.remove(configRef('web-green'));
    const { name, namespace = '' } = metadata;
    cluster.given({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data });
    await expect(failureOf(release.promote())).resolves.toMatchObject({ error: { code: 'changed' } });
    await expect(release.stage(roleManifests('v2'))).resolves.toMatchObject({ outcome: 'staged', revision: 3 });
    const uid = cluster.store.get(configRef('web-green'))?.metadata.uid;
    expect(blueGreenStateOf(cluster)?.staged?.objects).toContainEqual(expect.objectContaining({ uid }));
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched', revision: 3 });
  });
});
