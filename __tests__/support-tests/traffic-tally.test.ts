import { describe, expect, it } from '@jest/globals';
import { Pace } from '../support/traffic/pace.js';
import type { Outcome, TrafficBatch } from '../support/traffic/batch.js';
import { Tally } from '../support/traffic/tally.js';
import type { TrafficCounts } from '../support/traffic/tally.js';

const startedAt = 1_000_000;

/** Begun, ended and body of requests on connections of their own, or with the number of a kept-alive one. */
type Row = readonly [begun: number, ended: number, result: Outcome['result'], line?: number];

function batchOf(rows: readonly Row[]): TrafficBatch {
  return {
    id: undefined,
    startedAt,
    elapsedMs: 1000,
    latenessMs: 3,
    sent: rows.filter(([, , , line]) => line === undefined).length,
    keptAlive: { sent: rows.filter(([, , , line]) => line !== undefined).length, opened: 2, retried: 0 },
    outcomes: rows.map(([begun, ended, result, line]) => ({ begun, ended, result, line })),
  };
}

function count(...rows: readonly Row[]): TrafficCounts {
  const tally = new Tally({ version: body => body, connections: 2 });
  tally.take(batchOf(rows));
  return tally.counts();
}

describe('The timeline', () => {
  const order = (counts: TrafficCounts): string => counts.timeline.map(({ version }) => version).join(' ');

  it('ignores an old answer to a request that was pending at the change', () => {
    const counts = count([0, 5, '7'], [10, 16, '8'], [9, 20, '7'], [16, 25, '7'], [21, 26, '8']);
    expect(order(counts)).toBe('7 8');
    expect(counts.stragglers).toBe(2);
    expect(counts.byVersion).toEqual({ 7: 3, 8: 2 });
  });

  it('shows an old answer to a request that was started after the new version had answered', () => {
    const counts = count([0, 5, '7'], [10, 16, '8'], [17, 20, '7'], [21, 26, '8']);
    expect(order(counts)).toBe('7 8 7 8');
    expect(counts.stragglers).toBe(0);
  });

  it('goes from the first answer of an entry to its last', () => {
    const { timeline } = count([0, 5, '7'], [3, 9, '7'], [10, 16, '8'], [9, 20, '7']);
    expect(timeline).toEqual([
      { version: '7', fromMs: 5, toMs: 9 },
      { version: '8', fromMs: 16, toMs: 16 },
    ]);
  });

  it('leaves kept-alive connections out, which are counted with their current version', () => {
    const counts = count([0, 5, '7'], [0, 6, '8', 0], [10, 12, '7', 0], [1, 14, '8', 1]);
    expect(order(counts)).toBe('7');
    expect(counts.keptAlive).toMatchObject({
      sent: 3,
      answered: 3,
      byVersion: { 7: 1, 8: 2 },
      current: ['7', '8'],
      behind: 0,
    });
  });
});

describe('Kept-alive connections', () => {
  it('are behind when they answer an old version to a request begun after the new one had answered', () => {
    const counts = count(
      [0, 5, '7'],
      [1, 6, '7', 0],
      [10, 16, '8'],
      [12, 18, '7', 0],
      [20, 22, '7', 0],
      [30, 31, '8', 0],
    );
    expect(counts.keptAlive).toMatchObject({ behind: 1, current: ['8', undefined] });
  });
});

describe('The counts', () => {
  it('keep for each version when its requests were begun and answered, in epoch milliseconds', () => {
    const { times } = count([4, 5, '7'], [10, 16, '8'], [2, 20, '7'], [8, 26, '8']);
    expect(times).toEqual({
      7: { firstBegun: 1_000_002, lastBegun: 1_000_004, firstAnswered: 1_000_005, lastAnswered: 1_000_020 },
      8: { firstBegun: 1_000_008, lastBegun: 1_000_010, firstAnswered: 1_000_016, lastAnswered: 1_000_026 },
    });
  });

  it('keep the first hundred windows of losses, and count them all', () => {
    const lost = { cause: 'reset', why: 'ECONNRESET' } as const;
    const counts = count(...Array.from({ length: 150 }, (_, at): Row => [at * 1001, at * 1001 + 1, lost]));
    expect({ sent: counts.sent, lost: counts.lost, listed: counts.losses.length }).toEqual({
      sent: 150,
      lost: 150,
      listed: 100,
    });
    expect(counts.losses[99]).toEqual({ fromMs: 99_099, toMs: 99_099, requests: 1, ...lost });
  });

  it('join requests in a row that were lost for the same reason', () => {
    const reset = { cause: 'reset', why: 'ECONNRESET' } as const;
    const refused = { cause: 'connect', why: 'ECONNREFUSED' } as const;
    expect(count([0, 1, reset], [1000, 1001, reset], [2001, 2002, reset], [2002, 2003, refused]).losses).toEqual([
      { fromMs: 0, toMs: 1000, requests: 2, ...reset },
      { fromMs: 2001, toMs: 2001, requests: 1, ...reset },
      { fromMs: 2002, toMs: 2002, requests: 1, ...refused },
    ]);
  });

  it('distinguish requests that this machine could not send from lost ones', () => {
    const { sent, lost, unsent, answered } = count([0, 0, { cause: 'here', why: 'EADDRNOTAVAIL' }], [1, 2, '7']);
    expect({ sent, lost, unsent, answered }).toEqual({ sent: 1, lost: 0, unsent: 1, answered: 1 });
  });

  it('name the longest gap between answers, the slowest answer and the rate', () => {
    expect(count([0, 5, '7'], [6, 8, '7'], [7, 30, '7'])).toMatchObject({
      longestGapMs: 22,
      slowestMs: 23,
      achievedPerSecond: 2,
      latenessMs: 3,
    });
  });
});

describe('The pace', () => {
  /** How many requests a stream begins at each of these times. */
  const dueAt = (pace: Pace, times: readonly number[]): number[] => times.map(now => pace.due(now));

  it('is steady and does not drift', () => {
    const pace = new Pace(100, 0);
    const due = dueAt(
      pace,
      Array.from({ length: 1000 }, (_, at) => at * 3),
    );
    expect(due.reduce((sum, one) => sum + one, 0)).toBe(300);
    expect(Math.max(...due)).toBe(1);
  });

  it('keeps up when ticks come late', () => {
    const pace = new Pace(500, 0);
    const due = dueAt(
      pace,
      Array.from({ length: 100 }, (_, at) => at * 18),
    );
    expect(due.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(880);
    expect(Math.max(...due)).toBeLessThanOrEqual(9);
  });

  it('catches up after a stall at twice the rate, and drops what is older than half a second', () => {
    const pace = new Pace(500, 0);
    pace.due(0);
    const due = dueAt(
      pace,
      Array.from({ length: 400 }, (_, at) => 10_000 + at * 2),
    );
    expect(due[0]).toBe(10);
    expect(Math.max(...due.slice(1))).toBe(2);
    // 400 in these 800 ms, and 250 of those that were missed.
    expect(due.reduce((sum, one) => sum + one, 0)).toBe(650);
    expect(pace.latenessMs).toBe(9998);
  });

  it('of 0 per second has nothing due', () => {
    const pace = new Pace(0, 0);
    expect(dueAt(pace, [0, 100, 10_000])).toEqual([0, 0, 0]);
    expect(pace.latenessMs).toBe(0);
  });
});
