import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { manualClock, type ManualClock } from '../../support/clock.js';
import { memoryCluster, type MemoryCluster } from '../../support/cluster/memory-cluster.js';
import {
  changeLease,
  contender,
  errorOf,
  foreignLease,
  holderOf,
  leaseSpec,
  liveLease,
  lockRef,
  noAnswer,
  pass,
} from '../../support/strategies/lock.js';
import { runOf } from '../../support/strategies/context.js';

const minutes = (number: number) => number * 60_000;
const expired = 90;
/** Seconds between two looks at a held Lease. */
const lookEvery = 1;

describe('a run that finds the lock held', () => {
  it('waits until the other run releases it, with a line each 30 s that names that run and one when it has the lock', async () => {
    const cluster = memoryCluster();
    const clock = manualClock();
    const first = await contender(cluster, 1, { clock }).lock;
    const second = contender(cluster, 2, { clock, timeoutMs: minutes(5) });
    await pass(200, clock);
    expect(second.state()).toBe('waiting');
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(1) });
    await first.release();
    await pass(lookEvery, clock);
    const lock = await second.lock;
    expect(lock.waited).toBe(true);
    expect(second.log.lines).toEqual([
      `Waiting up to 300 s for the lock of web, which ${runOf(1).url} holds`,
      ...[270, 240, 210, 180, 150, 120].map(left => {
        const start = `Still waiting for the lock, up to ${left} s more: ${runOf(1).url} holds it`;
        return expect.stringMatching(new RegExp(`^${start}, unchanged for (0|10) s$`));
      }),
      'The lock of web is free: this run holds it now',
    ]);
    await lock.release();
  });

  it('waits for the next holder too, with a line that names it', async () => {
    const cluster = memoryCluster();
    const clock = manualClock();
    const first = await contender(cluster, 1, { clock }).lock;
    const waiting = [2, 3].map(id => contender(cluster, id, { clock, timeoutMs: minutes(5) }));
    await pass(10, clock);
    await first.release();
    await pass(lookEvery, clock);
    expect(waiting.map(({ state }) => state()).sort()).toEqual(['held', 'waiting']);
    const [winner] = waiting.filter(({ state }) => state() === 'held');
    const [other] = waiting.filter(({ state }) => state() === 'waiting');
    const next = winner === waiting[0] ? 2 : 3;
    expect(other!.log.lines).toEqual([
      `Waiting up to 300 s for the lock of web, which ${runOf(1).url} holds`,
      `Waiting up to 289 s for the lock of web, which ${runOf(next).url} holds`,
    ]);
    await (await winner!.lock).release();
    await pass(lookEvery, clock);
    expect(other!.state()).toBe('held');
  });

  it('gives up after `lock-timeout`', async () => {
    const cluster = memoryCluster();
    const clock = manualClock();
    const first = await contender(cluster, 1, { clock }).lock;
    const second = contender(cluster, 2, { clock, timeoutMs: 45_000 });
    await pass(44, clock);
    expect(second.state()).toBe('waiting');
    await pass(1, clock);
    expect(await errorOf(second.lock)).toMatchObject({
      code: 'locked',
      message: `Another run still holds release web after 45 s: ${runOf(1).url}`,
    });
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(1) });
    await first.release();
  });

  it('ends its wait when it is cancelled', async () => {
    const cluster = memoryCluster();
    const clock = manualClock();
    const cancel = new AbortController();
    await contender(cluster, 1, { clock }).lock;
    const second = contender(cluster, 2, { clock, timeoutMs: minutes(5), signal: cancel.signal });
    await pass(10, clock);
    cancel.abort();
    expect(await errorOf(second.lock)).toMatchObject({ code: 'cancelled' });
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(1) });
  });
});

describe('a Lease that nobody renews', () => {
  const skewed = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString().replace('Z', '000Z');

  it.each([
    ['says nothing of its times', {}],
    ['was last renewed by a clock that is 90 s behind', { renewTime: skewed(-90) }],
    ['was last renewed by a clock that is 90 s ahead', { renewTime: skewed(90) }],
    ['was last renewed at no time that can be read', { renewTime: 'soon' }],
    ['lasts a second only', { leaseDurationSeconds: 1 }],
    ['has no holder', { holderIdentity: '' }],
  ])('and that %s is taken over once it was seen unchanged for 60 + 30 s', async (_what, spec) => {
    const cluster = memoryCluster();
    const clock = manualClock();
    cluster.given(foreignLease(spec));
    const run = contender(cluster, 1, { clock, timeoutMs: minutes(5) });
    await pass(expired - 1, clock);
    expect(run.state()).toBe('waiting');
    await pass(1, clock);
    expect(run.state()).toBe('held');
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(1), leaseTransitions: 1 });
    expect(run.log.lines.slice(1)).toEqual([
      `Still waiting for the lock, up to 270 s more: ${runOf(9).url} holds it, unchanged for 30 s`,
      `Still waiting for the lock, up to 240 s more: ${runOf(9).url} holds it, unchanged for 60 s`,
      `Took over the lock of web from ${runOf(9).url}, which has not renewed it any more`,
    ]);
    const lock = await run.lock;
    expect([lock.waited, lock.fence.isOpen()]).toEqual([true, true]);
  });

  it('is not taken over while it lasts, where it lasts longer', async () => {
    const cluster = memoryCluster();
    const clock = manualClock();
    cluster.given(foreignLease({ leaseDurationSeconds: 120 }));
    const run = contender(cluster, 1, { clock, timeoutMs: minutes(5) });
    await pass(149, clock);
    expect(run.state()).toBe('waiting');
    await pass(1, clock);
    expect(run.state()).toBe('held');
  });

  it.each([
    ['its own clock shows', {}],
    ['a clock shows that is 90 s behind', { renewTime: skewed(-90) }],
    ['a clock shows that is 90 s ahead', { renewTime: skewed(90) }],
    ['a clock shows that stands still', { renewTime: '2026-03-01T12:00:00.000000Z' }],
  ])('was renewed in between, whatever time %s: its time begins anew', async (_what, spec) => {
    const cluster = memoryCluster();
    const clock = manualClock();
    cluster.given(foreignLease(spec));
    const run = contender(cluster, 1, { clock, timeoutMs: minutes(5) });
    await pass(80, clock);
    changeLease(cluster, spec);
    await pass(expired - 1, clock);
    expect(run.state()).toBe('waiting');
    await pass(1 + lookEvery, clock);
    expect(run.state()).toBe('held');
  });

  it('goes to one of two runs that take it over at once', async () => {
    const cluster = memoryCluster();
    const clock = manualClock();
    cluster.given(foreignLease());
    const both = [1, 2].map(id => contender(cluster, id, { clock, timeoutMs: minutes(5) }));
    await pass(expired, clock);
    expect(both.map(({ state }) => state()).sort()).toEqual(['held', 'waiting']);
    const holder = both.findIndex(({ state }) => state() === 'held') + 1;
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(holder), leaseTransitions: 1 });
    await pass(expired, clock);
    expect(both.map(({ state }) => state()).sort()).toEqual(['held', 'waiting']);
  });

  it('is taken over though the answer to that is lost', async () => {
    const cluster = memoryCluster();
    const clock = manualClock();
    cluster.given(foreignLease());
    const replace = cluster.replace.bind(cluster);
    cluster.replace = object => replace(object).then(() => Promise.reject(noAnswer));
    const run = contender(cluster, 1, { clock, timeoutMs: minutes(5) });
    await pass(expired + 1, clock);
    expect(run.state()).toBe('held');
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(1), leaseTransitions: 1 });
  });

  it('is given up when the API server answers no attempt to take it over', async () => {
    const cluster = memoryCluster();
    const clock = manualClock();
    cluster.given(foreignLease());
    cluster.before = call => {
      if (call.startsWith('REPLACE')) throw noAnswer;
    };
    const run = contender(cluster, 1, { clock, after: holderOf(9) });
    await pass(30, clock);
    expect(await errorOf(run.lock)).toBe(noAnswer);
    expect(leaseSpec(cluster)).toMatchObject({ holderIdentity: holderOf(9) });
  });

  it('is free at the next look when somebody deletes it', async () => {
    const cluster = memoryCluster();
    const clock = manualClock();
    cluster.given(foreignLease());
    const run = contender(cluster, 1, { clock, timeoutMs: minutes(5) });
    await pass(10, clock);
    cluster.store.remove(lockRef);
    await pass(lookEvery, clock);
    expect(run.state()).toBe('held');
  });
});

describe('two runs whose clocks began at other moments', () => {
  // A renewal that writes the same time again would change nothing, and the test is faster than a millisecond.
  beforeEach(() => {
    let now = 0;
    jest.spyOn(Date, 'now').mockImplementation(() => (now += 1));
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** Run 1 renews until it dies; run 2 waits. */
  const playedUntilDeath = async (cluster: MemoryCluster, one: ManualClock, other: ManualClock) => {
    await contender(cluster, 1, { clock: one }).lock;
    const second = contender(cluster, 2, { clock: other, timeoutMs: minutes(10) });
    await pass(120, one, other);
    return second;
  };

  it.each([
    ['behind', 0, 90],
    ['ahead', 90, 0],
  ])('agree on who holds the lock, though the one that waits is 90 s %s', async (_what, head, otherHead) => {
    const cluster = memoryCluster();
    const [one, other] = [manualClock(), manualClock()];
    await pass(head, one);
    await pass(otherHead, other);
    const second = await playedUntilDeath(cluster, one, other);
    expect(second.state()).toBe('waiting');
    // The first run is dead: its clock stands still. It renewed last within the last ten seconds.
    await pass(expired - 10, other);
    expect(second.state()).toBe('waiting');
    await pass(10, other);
    expect(second.state()).toBe('held');
    expect(liveLease(cluster)).toBeDefined();
  });
});
