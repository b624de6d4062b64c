import { afterEach, describe, expect, it } from '@jest/globals';
import {
  closeReleases,
  failureOf,
  killAtWrite,
  leaseRef,
  plainManifests,
  releaseAfter,
  roleManifests,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const stable = { stableForMs: 5_000 };
const waits = (release: WebRelease): readonly number[] => release.ctx().clock.waited;

/** Users are on green, revision 2; blue holds revision 1. */
const kept = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
  await release.stage(roleManifests('v2'));
  await release.promote();
});

/** A container of a pod that runs was started once more. */
function restartPod({ cluster: { store } }: WebRelease): void {
  const [pod] = store.list({ apiVersion: 'v1', kind: 'Pod', namespace: 'shop' });
  const status = pod!['status'] as { readonly containerStatuses: readonly object[] };
  const containerStatuses = status.containerStatuses.map(container => ({ ...container, restartCount: 1 }));
  store.update({ ...pod!, status: { ...status, containerStatuses } }, { part: 'status' });
}

describe('pods that were ready before the step and are not changed by it', () => {
  it('are not waited for by a rolling deploy that changes nothing', async () => {
    const release = webRelease();
    await release.deploy(plainManifests('v1'), stable);
    expect(waits(release)).toEqual([5_000]);
    await expect(release.deploy(plainManifests('v1'), stable)).resolves.toMatchObject({ outcome: 'unchanged' });
    expect(waits(release)).toEqual([]);
  });

  it('are not waited for by a blue/green deploy of what is staged, or of what users have', async () => {
    const release = webRelease();
    await release.stage(roleManifests('v1'), stable);
    expect(waits(release)).toEqual([5_000]);
    await expect(release.stage(roleManifests('v1'), stable)).resolves.toMatchObject({ outcome: 'staged', revision: 1 });
    expect(waits(release)).toEqual([]);
    await release.promote();
    await expect(release.stage(roleManifests('v1'), stable)).resolves.toMatchObject({ outcome: 'unchanged' });
    expect(waits(release)).toEqual([]);
  });

  it('are not waited for by a rollback to a role that was kept', async () => {
    const release = await kept();
    await expect(release.rollback(stable)).resolves.toMatchObject({ outcome: 'rolled-back', activeRole: 'blue' });
    expect(waits(release)).toEqual([]);
  });

  it('must stay ready all the same where a container has restarted: it may do so again and again', async () => {
    const release = webRelease();
    await release.deploy(plainManifests('v1'), stable);
    restartPod(release);
    await release.deploy(plainManifests('v1'), stable);
    expect(waits(release)).toEqual([5_000]);
  });
});

describe('pods that were started a moment ago', () => {
  it('must stay ready where an earlier run was killed before it had seen them', async () => {
    const release = webRelease();
    // The last write is that of the record.
    killAtWrite(release.cluster, 7);
    await failureOf(release.deploy(plainManifests('v1'), stable));
    release.cluster.before = () => undefined;
    release.cluster.store.remove(leaseRef);
    await expect(release.deploy(plainManifests('v1'), stable)).resolves.toMatchObject({ outcome: 'deployed' });
    expect(release.cluster.writes().filter(write => !write.includes('cutover-web'))).toEqual([]);
    expect(waits(release)).toEqual([5_000]);
  });

  it('must stay ready where a rollback discards what is staged on their role', async () => {
    const release = await kept();
    await release.stage(roleManifests('v3'));
    await release.rollback(stable);
    expect(waits(release)).toEqual([5_000]);
  });
});
