import { afterEach, describe, expect, it } from '@jest/globals';
import { nextStepYaml } from '../../src/report/next-step.js';
import type { Outcome } from '../../src/strategies/outcome/outcome.js';
import {
  closeReleases,
  plainManifests,
  roleManifests,
  served,
  webRelease,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Runs the step that an outcome prints. */
function follow(release: WebRelease, { rollbackHint: hint }: Outcome): Promise<Outcome> {
  if (hint?.action !== 'rollback') throw new Error('no rollback is printed');
  return release.rollback(hint.revision === undefined ? {} : { revision: hint.revision });
}

describe('the printed way back', () => {
  it('of a rolling release leads to the revision before, also after a rollback, and ends at the first', async () => {
    const release = webRelease();
    expect(await release.deploy(plainManifests('v1'))).not.toHaveProperty('rollbackHint');
    await release.deploy(plainManifests('v2'));
    const deployed = await release.deploy(plainManifests('v3'));
    const back = await follow(release, deployed);
    expect(back).toMatchObject({ outcome: 'rolled-back', revision: 2 });
    expect(nextStepYaml(back.rollbackHint!)).toContain("\n  revision: '1'");
    const further = await follow(release, back);
    expect(further).toMatchObject({ outcome: 'rolled-back', revision: 1 });
    expect([...new Set(served(release.cluster))]).toEqual(['site:v1']);
    expect(further).not.toHaveProperty('rollbackHint');
  });

  it('of a blue/green release leads to the other role, and a rollback prints none', async () => {
    const release = webRelease();
    await release.go(roleManifests('v1'));
    const back = await follow(release, await release.go(roleManifests('v2')));
    expect(back).toMatchObject({ outcome: 'rolled-back', revision: 1 });
    expect(back).not.toHaveProperty('rollbackHint');
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'unchanged' });
  });
});
