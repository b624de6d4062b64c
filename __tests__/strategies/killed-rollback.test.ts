import { afterEach, describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../src/strategies/outcome/outcome.js';
import { idle } from '../support/cluster/run-controllers.js';
import {
  blueGreenStateOf,
  closeReleases,
  endOf,
  failureOf,
  killed,
  leaseRef,
  releaseAfter,
  roleManifests,
  served,
  serviceRef,
  staged,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Users are on green, revision 2; blue was kept with revision 1. */
const promoted = releaseAfter(async release => {
  await release.stage(roleManifests('v1'));
  await release.promote();
  await release.stage(roleManifests('v2'));
  await release.promote();
});

type Step = (release: WebRelease) => Promise<Outcome>;
const promote: Step = release => release.promote();
const rollBack: Step = release => release.rollback();

/** Kills the step at the n-th write (1 is the first) after its first one that matches. Leaves its lock. */
async function killAfter(
  release: WebRelease,
  step: Step,
  { write, n = 1 }: { write: string; n?: number },
): Promise<void> {
  const { cluster } = release;
  let since = -1;
  cluster.before = call => {
    if (!/^(APPLY|CREATE|EVICT|REASSIGN|REPLACE|REMOVE) /.test(call)) return;
    if (since >= 0 || call === write) since += 1;
    if (since >= n) throw killed;
  };
  await endOf(step(release));
  cluster.before = () => undefined;
}

/** The lock of the killed run has run out. */
async function runOut({ cluster }: WebRelease): Promise<void> {
  if (cluster.store.get(leaseRef) !== undefined) cluster.store.remove(leaseRef);
  await idle();
}

const itsSwitch = { write: 'APPLY Service shop/web' };
const itsRecord = { write: 'CREATE Lease shop/cutover-web', n: 2 };
const versions = ({ cluster }: WebRelease): readonly string[] => [...new Set(served(cluster))];
const where = (release: WebRelease): readonly unknown[] => [
  versions(release),
  unfinished(release.cluster),
  blueGreenStateOf(release.cluster)?.current,
];

describe('a rollback that was killed after its switch', () => {
  const afterItsSwitch = async (): Promise<WebRelease> => {
    const release = await promoted();
    await killAfter(release, rollBack, itsSwitch);
    await runOut(release);
    expect(where(release)).toEqual([['site:v1'], 'switch', 2]);
    return release;
  };

  it('and fails when it is run again does not go forward to the version that it left', async () => {
    const release = await afterItsSwitch();
    release.answer = () => 500;
    await expect(failureOf(release.rollback())).resolves.toMatchObject({
      error: { code: 'verify' },
      outcome: { serving: { kind: 'not-switched', active: 'blue' } },
    });
    expect(where(release)).toEqual([['site:v1'], 'switch', 2]);
    release.answer = () => 200;
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1 });
    expect(where(release)).toEqual([['site:v1'], '-', 1]);
  });

  it.each(['lost', 'post'])('and killed again once it is on record does not go forward (%s)', async then => {
    const release = await afterItsSwitch();
    await killAfter(release, rollBack, itsRecord);
    if (then === 'post') await expect(release.post()).resolves.toMatchObject({ kind: 'rollback-left' });
    await runOut(release);
    expect(where(release)).toEqual([['site:v1'], 'switch', 2]);
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1 });
    expect(where(release)).toEqual([['site:v1'], '-', 1]);
  });
});

describe('a rollback of a promotion that was killed after its switch', () => {
  const halfPromoted = async (): Promise<WebRelease> => {
    const release = await staged();
    await killAfter(release, promote, itsSwitch);
    await runOut(release);
    expect(where(release)).toEqual([['site:v2'], 'switch', 1]);
    return release;
  };

  it('is on record as a rollback from its first write on, and its post step leaves that to the next rollback', async () => {
    const release = await halfPromoted();
    await killAfter(release, rollBack, itsRecord);
    expect(blueGreenStateOf(release.cluster)?.operation).toMatchObject({ direction: 'rollback', role: 'blue' });
    await expect(release.post()).resolves.toMatchObject({ kind: 'rollback-left' });
    await expect(failureOf(release.promote())).resolves.toMatchObject({ code: 'changed' });
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1 });
    expect(where(release)).toEqual([['site:v1'], '-', 1]);
  });

  it('and fails leaves the promotion on record: either of them can be run again', async () => {
    const release = await halfPromoted();
    release.answer = () => 500;
    await expect(failureOf(release.rollback())).resolves.toMatchObject({
      outcome: { serving: { kind: 'not-switched', active: 'green' } },
    });
    expect(blueGreenStateOf(release.cluster)?.operation).toMatchObject({ direction: 'promote', role: 'green' });
    release.answer = () => 200;
    await expect(release.promote()).resolves.toMatchObject({ outcome: 'switched', revision: 2 });
    expect(where(release)).toEqual([['site:v2'], '-', 2]);
  });

  it.each<[string, Step]>([
    ['a promotion', promote],
    ['a staging', release => release.stage(roleManifests('v3'))],
    ['a rejection', release => release.reject()],
  ])('and killed after its switch refuses %s until it is run again', async (_, step) => {
    const release = await halfPromoted();
    await killAfter(release, rollBack, itsSwitch);
    await runOut(release);
    await expect(failureOf(step(release))).resolves.toMatchObject({
      code: 'changed',
      hint: expect.stringMatching(/Run `action: rollback` again/) as unknown,
    });
    await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', revision: 1 });
    expect(where(release)).toEqual([['site:v1'], '-', 1]);
  });
});

describe('a promotion whose switch was on its way when its process was killed', () => {
  it('is refused unless nothing was written since', async () => {
    const release = await staged();
    const { store } = release.cluster;
    const version = (): string => store.get(serviceRef('web'))?.metadata.resourceVersion ?? '';
    await killAfter(release, promote, { write: 'APPLY Service shop/web', n: 0 });
    const asked = version();
    await expect(release.post()).resolves.toMatchObject({ kind: 'restored' });
    expect(where(release)).toEqual([['site:v1'], '-', 1]);
    // Wrong today: the post step takes the lock of its process over at once, and writes nothing to a Service that is as before,
    // so a write that arrives later still finds the resourceVersion that it asks for.
    expect(version()).toBe(asked);
  });
});
