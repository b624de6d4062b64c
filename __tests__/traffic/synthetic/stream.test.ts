import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../../src/errors.js';
import type { Reply } from '../../../src/traffic/synthetic/reply.js';
import type { TrafficRoute } from '../../../src/traffic/synthetic/route.js';
import { TrafficStream } from '../../../src/traffic/synthetic/stream.js';
import { manualClock, settle } from '../../support/clock.js';
import { listLog } from '../../support/log.js';

const toUrl: TrafficRoute = {
  to: { kind: 'url', url: 'http://shop/' },
  path: { kind: 'url', url: 'http://shop/' },
  perSecond: 5,
  expect: { status: ['2xx'], contains: 'v2' },
};
const throughServer: TrafficRoute = {
  ...toUrl,
  to: { kind: 'api-server', namespace: 'shop', service: 'web', port: 80, path: '/' },
  path: { kind: 'api-server', service: 'web', path: '/' },
};
const page = (text: string): Reply => ({
  kind: 'answered',
  answer: { status: 200, headers: {}, body: Buffer.from(text) },
});
const broken: Reply = { kind: 'failed', why: '503' };
const never = new Promise<Reply>(() => undefined);

/** A stream whose requests get these replies; the last one is repeated. */
function start(replies: readonly (Reply | Promise<Reply>)[], route: Partial<TrafficRoute> = {}) {
  const clock = manualClock();
  const log = listLog();
  let sent = 0;
  const stream = new TrafficStream({
    route: { ...toUrl, ...route },
    senders: { own: () => Promise.resolve(replies[Math.min(sent++, replies.length - 1)]!) },
    version: 'revision 2',
    clock,
    log,
    tooManyFailed: ({ failed }, max) => new CutoverError(`${failed} failed, ${max} may`, { code: 'verify' }),
  });
  const advance = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 100) await clock.advance(100);
  };
  const end = async () => {
    const ending = stream.end(new AbortController().signal);
    await settle();
    return ending;
  };
  return { stream, clock, log, advance, end, sent: () => sent };
}

describe('a stream of requests', () => {
  it('sends at its rate until it is ended', async () => {
    const { advance, end, sent, log } = start([page('v1')]);
    await advance(2_000);
    expect(sent()).toBe(11);
    const counts = await end();
    expect(counts).toMatchObject({ sent: 11, failed: 0, perSecond: 5, version: 'revision 2', path: toUrl.path });
    await advance(1_000);
    expect(sent()).toBe(11);
    expect(log.lines).toEqual(['Synthetic traffic: 5 GET requests a second to http://shop/']);
  });

  it('sends no burst after the process stood still', async () => {
    const { clock, advance, sent } = start([page('v1')]);
    await clock.advance(60_000);
    expect(sent()).toBe(2);
    await advance(1_000);
    expect(sent()).toBe(7);
  });

  it('waits for the first answer before the change, but not for long', async () => {
    const { stream, clock } = start([never]);
    let isChanging = false;
    const waiting = stream.untilAnswered().then(() => (isChanging = true));
    await clock.advance(1_999);
    expect(isChanging).toBe(false);
    await clock.advance(1);
    await waiting;
  });

  it('has at most twenty requests under way', async () => {
    const { advance, sent } = start([page('v1'), never]);
    await advance(10_000);
    expect(sent()).toBe(21);
  });

  it('waits at the end for what is under way, unless the run is cancelled', async () => {
    let answerIt: (reply: Reply) => void = () => undefined;
    const { stream, advance } = start([page('v1'), new Promise<Reply>(resolve => (answerIt = resolve)), page('v1')]);
    await advance(300);
    const ending = stream.end(new AbortController().signal);
    answerIt(broken);
    expect(await ending).toMatchObject({ sent: 2, failed: 1 });
    const cancelled = start([page('v1'), never, page('v1')]);
    await cancelled.advance(500);
    expect(await cancelled.stream.end(AbortSignal.abort())).toMatchObject({ sent: 2, failed: 0 });
  });

  it('stops at once when fewer requests are asked for, and says so', async () => {
    const { advance, end, sent, log } = start([page('v1'), { kind: 'stop', why: 'the API server answered 429' }]);
    await settle();
    await advance(5_000);
    expect(sent()).toBe(2);
    expect(log.lines.at(-1)).toBe(
      'Synthetic traffic has stopped: the API server answered 429. What users meet from here on is not counted.',
    );
    // The time after that is no time without an answer.
    expect(await end()).toMatchObject({
      sent: 1,
      failed: 0,
      stopped: 'the API server answered 429',
      longestGapMs: 200,
    });
  });

  it('stops, with the reason, if sending itself goes wrong', async () => {
    const { advance, end } = start([page('v1'), Promise.reject(new Error('no such thing'))]);
    await advance(1_000);
    expect(await end()).toMatchObject({ stopped: 'no such thing' });
  });

  it('asks less often through the API server for a page that is large', async () => {
    const { advance, sent } = start([page('x'.repeat(1_000_000))], throughServer);
    await advance(10_000);
    expect(sent()).toBe(11);
  });

  it('asks less often by URL, too, for a page that is large', async () => {
    const { advance, sent } = start([page('x'.repeat(1_000_000))], { perSecond: 50 });
    await advance(10_000);
    // One more than every 200 ms: the second one was due before the first answer was here.
    expect(sent()).toBe(52);
  });

  it('asks less often through the API server while requests take too long there', async () => {
    const slow: Reply = { kind: 'unknown', why: 'the API server did not answer in time', isTimeout: true };
    const { advance, sent } = start([page('v1'), slow, slow, slow, slow, slow, page('v1')], throughServer);
    // After 1, 2, 4, 5 and 5 seconds, and then at its rate.
    await advance(17_200);
    expect(sent()).toBe(7);
    await advance(1_000);
    expect(sent()).toBe(12);
  });

  it('logs where failures begin and end', async () => {
    const { advance, log } = start([page('v1'), broken, broken, page('v1')]);
    await advance(1_000);
    expect(log.lines.slice(1)).toEqual([
      'Synthetic traffic: GET to http://shop/ fails: 503',
      'Synthetic traffic: GET to http://shop/ is answered again',
    ]);
  });

  it('logs only the first of many failures, and where the others are found', async () => {
    const flapping = Array.from({ length: 60 }, (_, at) => (at % 2 === 0 ? page('v1') : broken));
    const { advance, end, log } = start(flapping);
    await advance(12_000);
    expect(log.lines.slice(1)).toHaveLength(20);
    expect(log.lines.at(-1)).toBe(
      'Synthetic traffic: GET to http://shop/ is answered again. When it fails and is answered from here on, the summary says',
    );
    expect((await end()).windows).toHaveLength(30);
  });

  it('tells versions apart by the check', async () => {
    const { stream, advance, end } = start([page('v1'), page('v1'), page('v2')]);
    await advance(200);
    await stream.untilAnswered();
    stream.change();
    await advance(200);
    stream.move();
    await advance(200);
    expect((await end()).versions).toEqual({ expected: 2, other: 2, late: { requests: 0, lastMs: 0 } });
  });

  it('aborts as soon as more requests have failed than may', async () => {
    const { stream, advance, end } = start([page('v1'), broken], { maxFailures: 1 });
    await stream.untilAnswered();
    stream.change();
    await advance(200);
    expect(stream.exceeded.aborted).toBe(false);
    await advance(200);
    expect(stream.exceeded.reason).toMatchObject({ code: 'verify', message: '2 failed, 1 may' });
    await end();
  });

  it('does not count failures before the change towards that', async () => {
    const { stream, advance, end } = start([page('v1'), broken, broken, page('v1')], { maxFailures: 0 });
    await advance(500);
    stream.change();
    await advance(500);
    expect(stream.exceeded.aborted).toBe(false);
    expect(await end()).toMatchObject({ failed: 2, failedBefore: 2 });
  });
});
