import { afterEach, describe, expect, it } from '@jest/globals';
import { idle } from '../support/cluster/run-controllers.js';
import {
  closeReleases,
  endOf,
  killAtWrite,
  leaseRef,
  plainManifests,
  releaseAfter,
  served,
  unfinished,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const release = releaseAfter(web => web.deploy(plainManifests('v1')));

describe('a deploy that recreates a Deployment and fails', () => {
  it.each(['', ', after one that was killed'])('restores what served%s', async before => {
    const web = await release();
    if (before !== '') {
      // It has changed the Deployment, but not recorded its end.
      killAtWrite(web.cluster, 6);
      await endOf(web.deploy(plainManifests('v2')));
      web.cluster.before = () => undefined;
      web.cluster.store.remove(leaseRef);
      await idle();
    }
    const otherSelector = plainManifests('broken')
      .replace('selector: {matchLabels: {app: web}}', 'selector: {matchLabels: {app: web, track: a}}')
      .replace('labels: {app: web}}\n    spec', 'labels: {app: web, track: a}}\n    spec');
    const recreate = { jobs: false, objects: [{ kind: 'Deployment', name: 'web' }] };
    await endOf(web.deploy(otherSelector, { recreate, timeoutMs: 20_000 }));
    await idle();
    expect(served(web.cluster)).toEqual(['site:v1', 'site:v1']);
    expect(unfinished(web.cluster)).toBe('-');
  });
});
