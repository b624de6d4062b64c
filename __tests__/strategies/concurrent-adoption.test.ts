import { afterEach, describe, expect, it } from '@jest/globals';
import { idle } from '../support/cluster/run-controllers.js';
import { liveWeb } from '../support/strategies/live-web.js';
import {
  blueGreenStateOf,
  closeReleases,
  endOf,
  plainManifests,
  served,
  unfinished,
  webRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

describe('two deploys that find the same application to adopt', () => {
  it('adopt it once, and stage one after the other', async () => {
    const web = webRelease();
    const { cluster } = web;
    cluster.givenBy('kubectl-client-side-apply', ...liveWeb);
    await idle();
    const waiting = { lockTimeoutMs: 60_000 };
    const ends = await Promise.all([
      endOf(web.stage(plainManifests('v2'), waiting)),
      endOf(web.stage(plainManifests('v3'), waiting)),
    ]);
    expect(ends).toEqual([
      expect.objectContaining({ outcome: 'staged' }),
      expect.objectContaining({ outcome: 'staged' }),
    ]);
    const state = blueGreenStateOf(cluster)!;
    expect([...state.history].reverse().map(({ outcome, revision }) => [outcome, revision])).toEqual([
      ['adopted', 1],
      ['staged', 2],
      ['staged', 3],
    ]);
    expect([state.current, state.roles['blue']?.revision, state.staged?.revision]).toEqual([1, 1, 3]);
    expect(state.adopted).toBeDefined();
    expect([served(cluster), unfinished(cluster)]).toEqual([['site:v1', 'site:v1'], '-']);
    await expect(web.promote()).resolves.toMatchObject({ outcome: 'switched', revision: 3 });
  });
});
