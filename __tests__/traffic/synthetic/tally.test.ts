import { describe, expect, it } from '@jest/globals';
import { Tally, type Outcome } from '../../../src/traffic/synthetic/tally.js';

const before: Outcome = { kind: 'answered', isExpected: false };
const after: Outcome = { kind: 'answered', isExpected: true };
const failed = (why = '503'): Outcome => ({ kind: 'failed', why });
const unknown: Outcome = { kind: 'unknown', why: 'the API server is down' };

/** Requests that each take 10 ms, one after the other: when they were sent, and their results. */
function tallyOf(requests: readonly (readonly [number, Outcome])[], changeMs = 0): Tally {
  const tally = new Tally(1_000_000);
  tally.change(changeMs);
  for (const [atMs, outcome] of requests) tally.end(tally.begin(atMs), atMs + 10, outcome);
  return tally;
}

describe('the failures that the change can have caused', () => {
  it('are those since the change', () => {
    const tally = tallyOf([
      [0, before],
      [200, failed()],
    ]);
    tally.move(300);
    tally.end(tally.begin(400), 410, failed());
    tally.endKept(500, failed(), false);
    expect(tally.failed).toBe(3);
  });

  it('are, if the version that users leave fails, those on connections of their own since they were moved', () => {
    const tally = tallyOf(
      [
        [0, before],
        [100, failed()],
        [200, before],
        [300, failed()],
      ],
      250,
    );
    tally.move(350);
    tally.endKept(400, failed(), false);
    expect(tally.failed).toBe(0);
    tally.end(tally.begin(500), 510, failed());
    expect(tally.failed).toBe(1);
  });
});

describe('the counts of requests', () => {
  it('begin with the first request that was answered', () => {
    const counts = tallyOf([
      [0, failed()],
      [200, unknown],
      [400, before],
      [600, failed()],
    ]).counts(700);
    expect(counts).toMatchObject({ startedAt: 1_000_400, sent: 2, failed: 1, unknown: { requests: 0 } });
    expect(counts.unanswered).toBeUndefined();
  });

  it('tell why nothing was counted', () => {
    const counts = tallyOf([
      [0, failed('ECONNREFUSED')],
      [200, failed()],
    ]).counts(300);
    expect(counts).toMatchObject({ sent: 0, failed: 0, unanswered: 'ECONNREFUSED', longestGapMs: 0 });
    expect(counts.versions).toBeUndefined();
  });

  it('keep failures in a row as one window, up to the next request that was answered', () => {
    const counts = tallyOf([
      ...([
        [0, before],
        [200, failed('500')],
        [400, failed('ECONNRESET')],
        [600, before],
      ] as const),
      ...([
        [800, failed('503')],
        [1000, failed('503')],
      ] as const),
    ]).counts(1100);
    expect(counts.windows).toEqual([
      { fromMs: 200, toMs: 600, failed: 2, why: '500' },
      { fromMs: 800, toMs: 1100, failed: 2, why: '503' },
    ]);
    expect(counts).toMatchObject({ sent: 6, failed: 4 });
  });

  it('are in the order in which requests were sent, whatever the order of their answers', () => {
    const tally = tallyOf([[0, before]]);
    const [first, second, third] = [tally.begin(200), tally.begin(400), tally.begin(600)];
    tally.end(third, 610, before);
    tally.end(second, 420, failed());
    expect(tally.counts(700).sent).toBe(1);
    tally.end(first, 10_200, failed('no answer within 10 s'));
    expect(tally.counts(10_300).windows).toEqual([{ fromMs: 200, toMs: 600, failed: 2, why: 'no answer within 10 s' }]);
  });

  it('leave out only the requests that have no result when they end', () => {
    const tally = tallyOf([[0, before]]);
    tally.begin(200);
    tally.end(tally.begin(400), 410, failed());
    tally.leaveOut();
    expect(tally.counts(500)).toMatchObject({ sent: 2, failed: 1 });
  });

  it('have the slowest answer and the longest time between two answers, up to the end', () => {
    const tally = tallyOf([
      [0, before],
      [200, before],
      [1200, failed()],
    ]);
    expect(tally.counts(300)).toMatchObject({ slowestMs: 10, longestGapMs: 200 });
    expect(tally.counts(5210)).toMatchObject({ slowestMs: 10, longestGapMs: 5000 });
  });

  it('leave requests that tell nothing out of failures and windows', () => {
    const counts = tallyOf([
      [0, before],
      [200, failed()],
      [400, unknown],
      [600, failed()],
      [800, before],
    ]).counts(900);
    expect(counts).toMatchObject({ sent: 4, failed: 2, unknown: { requests: 1, why: 'the API server is down' } });
    expect(counts.windows).toEqual([{ fromMs: 200, toMs: 800, failed: 2, why: '503' }]);
  });

  it('have an entry for each second', () => {
    const counts = tallyOf([
      [500, before],
      [1400, before],
      [1600, after],
      [3400, failed()],
      [3450, unknown],
      [3500, after],
    ]).counts(3600);
    expect(counts.seconds).toEqual([
      { expected: 0, other: 2, failed: 0, unknown: 0 },
      { expected: 1, other: 0, failed: 0, unknown: 0 },
      { expected: 0, other: 0, failed: 1, unknown: 1 },
      { expected: 1, other: 0, failed: 0, unknown: 0 },
    ]);
  });

  it('tell versions apart, and which requests the version before answered after users were moved', () => {
    const tally = tallyOf(
      [
        [0, before],
        [200, before],
      ],
      300,
    );
    const crossing = tally.begin(390);
    tally.move(400);
    tally.end(crossing, 450, before);
    for (const [atMs, outcome] of [
      [600, after],
      [800, before],
      [1000, after],
    ] as const)
      tally.end(tally.begin(atMs), atMs + 5, outcome);
    expect(tally.counts(1100)).toMatchObject({
      movedMs: 400,
      versions: { expected: 2, other: 4, late: { requests: 1, lastMs: 400 } },
    });
  });

  it('do not tell versions apart if the version before answers as the new one should', () => {
    const tally = tallyOf(
      [
        [0, after],
        [200, before],
        [400, after],
      ],
      100,
    );
    const counts = tally.counts(500);
    expect(counts.versions).toBeUndefined();
    expect(counts.seconds).toEqual([{ expected: 3, other: 0, failed: 0, unknown: 0 }]);
  });

  it('learn from no answer that came only after the change began', () => {
    const tally = tallyOf([[0, before]]);
    tally.change(100);
    const crossing = tally.begin(90);
    tally.end(crossing, 400, after);
    expect(tally.counts(500).versions).toMatchObject({ expected: 1, other: 1 });
  });

  it('do not tell versions apart if only one kind of answer was seen, as at a first release', () => {
    const counts = tallyOf(
      [
        [200, after],
        [400, after],
      ],
      100,
    ).counts(500);
    expect(counts.versions).toBeUndefined();
    expect(counts.seconds).toEqual([{ expected: 2, other: 0, failed: 0, unknown: 0 }]);
  });

  it('do not tell versions apart without a check that could', () => {
    expect(tallyOf([[0, { kind: 'answered' }]]).counts(100).versions).toBeUndefined();
  });

  it('call no answer late once users were sent back', () => {
    const tally = tallyOf([[0, before]], 100);
    tally.move(200);
    tally.end(tally.begin(400), 405, before);
    tally.moveBack();
    tally.end(tally.begin(600), 605, before);
    const counts = tally.counts(700);
    expect(counts.versions?.late.requests).toBe(0);
    expect(counts.movedMs).toBeUndefined();
  });

  it('count the failures before the change apart, too', () => {
    const tally = tallyOf(
      [
        [0, before],
        [200, failed()],
        [400, failed()],
      ],
      300,
    );
    expect(tally.counts(500)).toMatchObject({ failed: 2, failedBefore: 1 });
  });

  it('say how many answers may not be of the application, on all connections', () => {
    const moved: Outcome = { kind: 'answered', unlike: '301' };
    const tally = tallyOf([
      [0, { kind: 'answered' }],
      [200, moved],
    ]);
    tally.endKept(300, { kind: 'answered', unlike: '404' }, true);
    expect(tally.counts(500)).toMatchObject({ failed: 0, unlike: { requests: 2, first: '301' } });
    expect(tallyOf([[0, before]]).counts(100)).not.toHaveProperty('unlike');
  });

  it('count the connection that is kept alive apart', () => {
    const tally = new Tally(0);
    tally.change(100);
    tally.endKept(0, failed(), true);
    tally.end(tally.begin(10), 20, before);
    tally.endKept(1000, before, true);
    tally.endKept(2000, failed(), false);
    tally.endKept(3000, unknown, false);
    tally.endKept(4000, after, true);
    expect(tally.failed).toBe(1);
    expect(tally.counts(4100)).toMatchObject({
      sent: 1,
      failed: 0,
      keptAlive: { sent: 3, failed: 1, reopened: 1, isOnExpected: true, unknown: 'the API server is down' },
    });
  });
});
