import { describe, expect, it } from '@jest/globals';
import { Heartbeat, waitLogged } from '../../src/cluster/heartbeat.js';
import { fakeClock, manualClock, settle } from '../support/clock.js';
import { listLog } from '../support/log.js';

const line = (left: number): string => `${left} s left`;
const { signal } = new AbortController();

describe('a wait that is logged', () => {
  it.each([
    [0, [0], []],
    [30_000, [30_000], []],
    [31_000, [30_000, 1_000], ['1 s left']],
    [90_000, [30_000, 30_000, 30_000], ['60 s left', '30 s left']],
  ])('of %d ms waits just that, with a line each 30 s', async (ms, waited, lines) => {
    const clock = fakeClock();
    const log = listLog();
    await waitLogged(ms, { clock, log, signal }, line);
    expect([clock.waited, log.lines]).toEqual([waited, lines]);
  });

  it('ends without a line when it is cancelled', async () => {
    const clock = manualClock();
    const log = listLog();
    const cancel = new AbortController();
    const wait = waitLogged(90_000, { clock, log, signal: cancel.signal }, line);
    await clock.advance(20_000);
    cancel.abort();
    await wait;
    expect(log.lines).toEqual([]);
  });
});

describe('a heartbeat', () => {
  it('logs only after 30 s in which nothing else was logged', async () => {
    const clock = manualClock();
    const log = listLog();
    const heartbeat = new Heartbeat({ clock, log });
    for (let second = 0; second < 100; second += 10) {
      await clock.advance(10_000);
      if (second === 20) heartbeat.log('something new');
      heartbeat.beat(() => `still, ${clock.now() / 1000} s`);
    }
    await settle();
    expect(log.lines).toEqual(['something new', 'still, 60 s', 'still, 90 s']);
  });
});
