import { afterEach, describe, expect, it } from '@jest/globals';
import { leftLines, leftOnRecord } from '../support/strategies/left-lines.js';
import {
  closeReleases,
  plainManifests,
  releaseAfter,
  roleManifests,
  served,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const config = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg}\n---\n';

/** Somebody, or another version, has changed the Secret of the revision. */
function spoil({ cluster: { store } }: WebRelease, revision: number): void {
  const secret = store.get({ apiVersion: 'v1', kind: 'Secret', name: `cutover-web.${revision}`, namespace: 'shop' })!;
  store.update({ ...secret, data: { ...(secret['data'] as object), info: 'e30=' } });
}

const warnings = ({ ctx }: WebRelease, revision: number): readonly string[] =>
  ctx().log.lines.filter(line => line.includes(`Secret shop/cutover-web.${revision} cannot be used`));

describe('a revision whose record cannot be read', () => {
  const switched = releaseAfter(async release => {
    await release.stage(config + roleManifests('v1'));
    await release.promote();
    await release.stage(config + roleManifests('v2'));
    await release.promote();
  });

  it.each([
    ['users are on it', 2],
    ['another one was staged in its place', 3],
  ])('does not stop a staging: %s', async (_case, revision) => {
    const release = await switched();
    await release.stage(config + roleManifests('v3'));
    await release.stage(config + roleManifests('v4'));
    spoil(release, revision);
    await expect(release.stage(roleManifests('v5'))).resolves.toMatchObject({ outcome: 'staged' });
    expect(warnings(release, revision)).toHaveLength(1);
  });

  it('has no object deleted by a command if users are on it: what its pods need is not known', async () => {
    const release = await switched();
    spoil(release, 2);
    await release.stage(roleManifests('v3'));
    expect(leftLines(release).join()).not.toContain('kubectl delete');
    expect(leftOnRecord(release)).toContain('cfg');
  });

  it('does not stop a deploy of what users are on', async () => {
    const release = await switched();
    await release.stage(roleManifests('v3'));
    await release.promote();
    spoil(release, 2);
    await expect(release.stage(roleManifests('v3'))).resolves.toMatchObject({ outcome: 'unchanged' });
    expect(leftLines(release).join()).not.toContain('kubectl delete');
  });

  it('does not stop the adoption of its pods', async () => {
    const release = webRelease();
    await release.deploy(config + plainManifests('v1'));
    spoil(release, 1);
    await expect(release.stage(plainManifests('v2'))).resolves.toMatchObject({ outcome: 'staged' });
    expect(leftLines(release).join()).not.toContain('kubectl delete');
    expect(served(release.cluster)).toEqual(['site:v1', 'site:v1']);
  });

  it.each<[string, (release: WebRelease) => Promise<unknown>, string]>([
    ['the next deploy', release => release.deploy(plainManifests('v3')), 'site:v3'],
    ['a rollback to the revision before', release => release.rollback(), 'site:v1'],
  ])('does not stop %s of a rolling release', async (_step, step, image) => {
    const release = webRelease();
    await release.deploy(plainManifests('v1'));
    await release.deploy(config + plainManifests('v2'));
    spoil(release, 2);
    await step(release);
    expect(served(release.cluster)).toEqual([image, image]);
    expect(warnings(release, 2)).toHaveLength(1);
  });
});
