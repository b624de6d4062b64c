import { afterEach, describe, expect, it } from '@jest/globals';
import type { ProxyRequest } from '../../src/cluster/cluster.js';
import { FailedStep } from '../../src/strategies/outcome/outcome.js';
import { idle } from '../support/cluster/run-controllers.js';
import { liveWeb } from '../support/strategies/live-web.js';
import {
  closeReleases,
  endOf,
  killAtWrite,
  leaseRef,
  plainManifests,
  releaseAfter,
  served,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

const live = releaseAfter(async ({ cluster }) => {
  cluster.givenBy('kubectl-client-side-apply', ...liveWeb);
  await idle();
});
/** Users are on v2 on green. */
const roles = releaseAfter(async web => {
  for (const version of ['v1', 'v2']) {
    await web.stage(plainManifests(version));
    await web.promote();
  }
});

const on = { kind: 'on', perSecond: 5 } as const;
const strict = { ...on, maxFailures: 0 } as const;
const long = { stableForMs: 30_000 };
const isSynthetic = ({ headers }: ProxyRequest): boolean => headers?.['user-agent'] === 'cutover-synthetic-traffic';

const changes = [
  {
    change: 'an adoption',
    before: live,
    begin: (web: WebRelease) => web.stage(plainManifests('v1'), long),
    first: 'APPLY Deployment shop/web-blue',
    moves: 'APPLY Service shop/web',
    users: ['site:v1', 'site:v1'],
    restored: { kind: 'not-adopted', result: { kind: 'restored', restored: { kind: 'complete' } } },
  },
  {
    change: 'leaving the roles',
    before: roles,
    begin: (web: WebRelease) => web.deploy(plainManifests('v3'), long),
    first: 'APPLY Deployment shop/web',
    moves: 'APPLY Service shop/web',
    users: ['site:v2', 'site:v2'],
    restored: { kind: 'restored', restored: { kind: 'complete' } },
  },
] as const;

describe.each(changes)('requests during $change', ({ before, begin, first, moves, users, restored }) => {
  it('are counted from before the first change', async () => {
    const web = await before();
    web.syntheticTraffic = on;
    const writesBefore: number[] = [];
    web.answer = request => {
      if (isSynthetic(request)) writesBefore.push(web.cluster.writes().filter(call => !call.includes('Lease')).length);
      return 200;
    };
    await endOf(begin(web));
    expect(writesBefore[0]).toBe(0);
    const [counts] = web.ctx().recordedTraffic;
    expect(counts).toMatchObject({ failed: 0, failedBefore: 0 });
    expect(counts!.sent).toBe(writesBefore.length);
  });

  it('end it as soon as more have failed than may, before users are moved', async () => {
    const web = await before();
    web.syntheticTraffic = strict;
    web.answer = request => (isSynthetic(request) && web.cluster.writes().includes(first) ? 500 : 200);
    const end = await endOf(begin(web));
    await idle();
    expect(end).toMatchObject({
      message: expect.stringMatching(/^Users lose requests: 1 of \d+ requests .* failed, the first one with 500/),
    });
    expect((end as FailedStep).outcome).toMatchObject({
      serving: restored,
      checks: [{ name: 'synthetic-traffic', verdict: 'fail' }],
    });
    expect(web.cluster.writes()).not.toContain(moves);
    expect([served(web.cluster), unfinished(web.cluster)]).toEqual([users, '-']);
  });
});

describe('requests while a strategy change that was killed is finished', () => {
  it('are counted while the active role is deleted', async () => {
    const web = await roles();
    killAtWrite(web.cluster, 12);
    await endOf(web.deploy(plainManifests('v3')));
    web.cluster.before = () => undefined;
    web.cluster.store.remove(leaseRef);
    expect(unfinished(web.cluster)).toBe('leave');
    web.syntheticTraffic = on;
    const isBegun: boolean[] = [];
    web.answer = request => {
      if (isSynthetic(request)) isBegun.push(web.cluster.writes().some(call => call.startsWith('REMOVE Deployment')));
      return 200;
    };
    expect(await web.deploy(plainManifests('v3'))).toMatchObject({ outcome: 'unchanged' });
    expect(isBegun[0]).toBe(false);
    expect(web.ctx().recordedTraffic).toMatchObject([{ version: 'revision 3', failed: 0 }]);
  });
});
