import { afterEach, describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../src/errors.js';
import { breakPods } from '../support/cluster/run-controllers.js';
import {
  closeReleases,
  endOf,
  failureOf,
  killAtWrite,
  killed,
  leaseRef,
  releaseAfter,
  replicasIn,
  roleManifests,
  served,
  stateOf,
  unfinished,
  type WebRelease,
} from '../support/strategies/web-release.js';

afterEach(closeReleases);

/** Users are on blue, revision 1, and revision 2 is staged on green. */
const withPods = (replicas: number) =>
  releaseAfter(async release => {
    const of = (version: string): string => roleManifests(version, { replicas, autoscaler: false });
    await release.stage(of('v1'));
    await release.promote();
    await release.stage(of('v2'));
  });
const four = withPods(4);
const single = withPods(1);

const closing = { closeConnections: 'auto', timeoutMs: 600_000 } as const;
const isEviction = (call: string): boolean => call.startsWith('EVICT Pod shop/');
const evictions = ({ cluster }: WebRelease): number => cluster.calls.filter(isEviction).length;
const breakGreen = ({ cluster }: WebRelease): void => breakPods(cluster, { app: 'web', role: 'green' });
const connections = (outcome: { readonly serving: object }): unknown =>
  (outcome.serving as { idle: { connections: unknown } }).idle.connections;

/** What happens when the first pod is to be evicted. */
function atFirstEviction({ cluster }: WebRelease, happens: () => void): void {
  let isOver = false;
  cluster.before = call => {
    if (isOver || !isEviction(call)) return;
    isOver = true;
    happens();
  };
}

describe('while connections to the old role are closed', () => {
  it('nobody is sent back to a role that was scaled down before', async () => {
    const release = await four();
    atFirstEviction(release, () => breakGreen(release));
    const outcome = await release.promote({ ...closing, idlePolicy: { policy: 'scale-down', replicas: 2 } });
    expect(outcome).toMatchObject({ outcome: 'switched', activeRole: 'green' });
    expect([served(release.cluster).includes('site:v1'), replicasIn(release.cluster, 'web-blue')]).toEqual([false, 2]);
  });

  it.each(['api', 'unreachable', 'invalid'] as const)('an eviction that fails (%s) leaves them open', async code => {
    const release = await four();
    atFirstEviction(release, () => {
      throw new CutoverError('the API server answered 500', { code });
    });
    const outcome = await release.promote(closing);
    expect(connections(outcome)).toEqual({ kind: 'open', reason: 'the API server answered 500.' });
    expect([outcome.outcome, unfinished(release.cluster)]).toEqual(['switched', '-']);
  });

  it('it is on record that users are about to be sent back', async () => {
    const release = await four();
    const recorded: string[] = [];
    let isBroken = false;
    release.cluster.before = call => {
      if (isEviction(call) && !isBroken) {
        isBroken = true;
        breakGreen(release);
      } else if (isBroken && call === 'APPLY Service shop/web') recorded.push(unfinished(release.cluster));
    };
    await failureOf(release.promote(closing));
    expect(recorded).toEqual(['switch']);
    expect([unfinished(release.cluster), stateOf(release.cluster)?.current]).toEqual(['-', 1]);
  });
});

it('a rollback closes connections to a version that is not ready at once', async () => {
  const release = await four();
  await release.promote();
  breakGreen(release);
  const outcome = await release.rollback(closing);
  expect([outcome.outcome, connections(outcome)]).toEqual(['rolled-back', { kind: 'closed', pods: 4 }]);
  expect(evictions(release)).toBe(4);
  const waited = release.ctx().clock.waited.reduce((sum, ms) => sum + ms, 0);
  expect(waited).toBeLessThan(60_000);
});

it('a rollback closes connections to the only pod of the version that it left', async () => {
  const release = await single();
  await release.promote();
  const outcome = await release.rollback(closing);
  expect([outcome.outcome, connections(outcome)]).toEqual(['rolled-back', { kind: 'closed', pods: 1 }]);
});

it('a switch that was killed as connections were closed is finished, though the new version is broken by then', async () => {
  const release = await four();
  atFirstEviction(release, () => {
    killAtWrite(release.cluster, 1);
    throw killed;
  });
  await endOf(release.promote(closing));
  expect(unfinished(release.cluster)).toBe('finish');
  release.cluster.before = () => undefined;
  release.cluster.store.remove(leaseRef);
  breakGreen(release);
  const outcome = await release.promote(closing);
  expect(connections(outcome)).toMatchObject({ kind: 'open', reason: expect.stringContaining('green lost its pods') });
  expect([evictions(release), unfinished(release.cluster)]).toEqual([0, '-']);
  // The way on: another version, or back.
  await expect(release.rollback()).resolves.toMatchObject({ outcome: 'rolled-back', activeRole: 'blue' });
});
