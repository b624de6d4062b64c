import { afterEach, describe, expect, it } from '@jest/globals';
import {
  closeReleases,
  configRef,
  plainManifests,
  releaseAfter,
  stateOf,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const more = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n---\n';
const deployed = releaseAfter(release => release.deploy(more + plainManifests('v1')));
const told =
  'No longer among the manifests, but still live: ConfigMap shop/more. If nobody needs them: `kubectl delete -n shop configmap/more`.';
const tells = ({ ctx }: WebRelease): boolean => ctx().log.lines.includes(told);

describe('an object that left the manifests of a rolling release', () => {
  it('is named by every later deploy, also by one that changes nothing, until it is gone', async () => {
    const release = await deployed();
    await expect(release.deploy(plainManifests('v1'))).resolves.toMatchObject({ outcome: 'unchanged' });
    expect(tells(release)).toBe(true);
    await release.deploy(plainManifests('v2'));
    expect(tells(release)).toBe(true);
    await release.deploy(plainManifests('v3'));
    expect([tells(release), stateOf(release.cluster)]).toMatchObject([true, { left: [configRef('more')] }]);
    release.cluster.store.remove(configRef('more'));
    await release.deploy(plainManifests('v4'));
    expect(tells(release)).toBe(false);
    expect(stateOf(release.cluster)).not.toHaveProperty('left');
  });

  it('is named by a rollback to a revision that does not have it', async () => {
    const release = await deployed();
    await release.deploy(plainManifests('v2'));
    await release.deploy(`${more.replaceAll('more', 'newer')}${plainManifests('v3')}`);
    await release.rollback();
    expect(release.ctx().log.lines.join('\n')).toMatch(/still live: ConfigMap shop\/more, ConfigMap shop\/newer\./);
  });

  it('is not named where somebody else owns it by now, or where the manifests have it again', async () => {
    const release = await deployed();
    const { store } = release.cluster;
    await release.deploy(plainManifests('v2'));
    await release.deploy(more + plainManifests('v3'));
    expect(tells(release)).toBe(false);
    const live = store.get(configRef('more'))!;
    store.update({ ...live, metadata: { ...live.metadata, annotations: { 'cutover/release': 'other' } } });
    await release.deploy(plainManifests('v4'));
    expect(tells(release)).toBe(false);
  });

  it('costs no request where nothing left', async () => {
    const release = await deployed();
    await release.deploy(more + plainManifests('v2'));
    expect(release.cluster.calls.filter(call => call.startsWith('GET Secret'))).toEqual([
      'GET Secret shop/cutover-web',
    ]);
  });
});
