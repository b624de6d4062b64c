import { afterEach, describe, expect, it } from '@jest/globals';
import { formerRevisions } from '../../src/strategies/recorded/former-revisions.js';
import { blueGreenStateOf, closeReleases, roleManifests, webRelease } from '../support/strategies/web-release.js';

afterEach(closeReleases);

describe('the former revisions of a release', () => {
  it('are read one after another, and only references to their objects are kept', async () => {
    const release = webRelease();
    await release.stage(roleManifests('v1'));
    await release.promote();
    for (const version of ['v2', 'v3', 'v4']) await release.stage(roleManifests(version));
    const { records, log } = release.ctx();
    let underWay = 0;
    let most = 0;
    const counting: typeof records = {
      ...records,
      async readRevision(number) {
        underWay += 1;
        most = Math.max(most, underWay);
        return records.readRevision(number).finally(() => (underWay -= 1));
      },
    };
    const { list } = await formerRevisions({ records: counting, log }, blueGreenStateOf(release.cluster)!);
    expect(list.map(({ number }) => number).sort()).toEqual([1, 2, 3, 4]);
    expect(most).toBe(1);
    expect(JSON.stringify(list)).not.toContain('site:v');
  });
});
