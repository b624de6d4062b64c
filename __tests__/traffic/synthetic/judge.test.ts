import { describe, expect, it, jest } from '@jest/globals';
import { Script } from 'node:vm';
import type { Expectation } from '../../../src/inputs/checks/expectations.js';
import { Judge } from '../../../src/traffic/synthetic/judge.js';
import type { Reply } from '../../../src/traffic/synthetic/reply.js';
import { checkExpectation } from '../../../src/verify/expectation.js';
import { manualClock } from '../../support/clock.js';
import { listLog } from '../../support/log.js';

const to = { kind: 'url', url: 'http://shop.example.com/a' } as const;

/** A judge, and answers whose comparison takes this long. */
function judging(expected: Partial<Expectation>, costMs = 0) {
  const clock = manualClock();
  const log = listLog();
  let compared = 0;
  const replyOf = (text: string): Reply => {
    const body = Buffer.from(text);
    body.toString = () => {
      compared += 1;
      void clock.advance(costMs);
      return text;
    };
    return { kind: 'answered', answer: { status: 200, headers: {}, body } };
  };
  const judge = new Judge({
    route: { to, expect: { status: ['2xx'], ...expected } },
    version: 'revision 2',
    clock,
    log,
  });
  return { clock, log, told: (text: string) => judge.outcomeOf(replyOf(text)), compared: () => compared };
}

describe('what an answer counts as', () => {
  it('is one of the new version if it is as the check of the path expects', () => {
    const { told } = judging({ contains: 'v2' });
    expect([told('v2'), told('v1')]).toEqual([
      { kind: 'answered', isExpected: true },
      { kind: 'answered', isExpected: false },
    ]);
  });

  it('is not looked at if users stay on their version', () => {
    const { clock, log } = judging({});
    const judge = new Judge({ route: { to, expect: { status: ['2xx'], contains: 'v2' } }, clock, log });
    expect(
      judge.outcomeOf({ kind: 'answered', answer: { status: 200, headers: {}, body: Buffer.from('v2') } }),
    ).toEqual({
      kind: 'answered',
    });
  });

  it('is not told any more once comparing takes too long, which one line says', () => {
    const { told, compared, log } = judging({ contains: 'v2' }, 60);
    for (let asked = 0; asked < 40; asked += 1) told('v2');
    // Half a second in a row, and a fifth of each second after that.
    expect(compared()).toBe(9);
    expect(told('v2')).toEqual({ kind: 'answered' });
    expect(log.lines).toEqual([
      'Synthetic traffic does not tell versions apart: to compare its answers with the check of its path takes too long.',
    ]);
  });

  it('is told for as long as comparing leaves most of the time to others', async () => {
    const { clock, told, log } = judging({ contains: 'v2' }, 60);
    for (let asked = 0; asked < 100; asked += 1) {
      expect(told('v2')).toEqual({ kind: 'answered', isExpected: true });
      await clock.advance(300);
    }
    expect(log.lines).toEqual([]);
  });

  it('is not told by an expression without an end, which is tried once, and only in the time that is left', () => {
    const run = jest.spyOn(Script.prototype, 'runInNewContext');
    const matches = '^(b+)+$';
    const { told, log } = judging({ matches });
    const endless = `${'b'.repeat(60)}!`;
    expect([told(endless), told(endless), told('b')]).toEqual([
      { kind: 'answered' },
      { kind: 'answered' },
      { kind: 'answered' },
    ]);
    expect(run.mock.calls.map(([, options]) => options)).toEqual([{ timeout: 500 }]);
    run.mockRestore();
    expect(log.lines).toEqual([
      `Synthetic traffic does not tell versions apart: The regular expression /${matches}/ of a check takes more than 0.5 s on the answer.`,
    ]);
    // The check itself has more time.
    const answer = { status: 200, headers: {}, body: Buffer.from('bb') };
    expect(checkExpectation({ status: ['2xx'], matches }, answer).verdict).toBe('pass');
  });

  it.each([
    ['a 2xx', undefined, { status: 204 }, undefined],
    ['a status that the check names', ['2xx', 401], { status: 401 }, undefined],
    ['another one than the check names', [204], { status: 200 }, '200'],
    ['a login', undefined, { status: 401 }, '401'],
    ['a path that is not there', undefined, { status: 404 }, '404'],
    [
      'the address with https, whose path is not shown',
      undefined,
      { status: 301, headers: { location: 'https://shop.example.com/a?token=hunter22' } },
      '301, to https://shop.example.com',
    ],
    ['another page of the application', undefined, { status: 302, headers: { location: '/login' } }, '302'],
    [
      'another host',
      undefined,
      { status: 302, headers: { location: '//login.example.com/x' } },
      '302, to http://login.example.com',
    ],
    ['nonsense', undefined, { status: 302, headers: { location: 'http://[' } }, '302'],
  ] as const)('says whether it may be another answer than the application has: %s', (...[, status, answer, unlike]) => {
    const { clock, log } = judging({});
    const judge = new Judge({ route: { to, ...(status && { expect: { status } }) }, clock, log });
    const outcome = judge.outcomeOf({ kind: 'answered', answer: { headers: {}, body: Buffer.from(''), ...answer } });
    expect(outcome).toEqual({ kind: 'answered', ...(unlike !== undefined && { unlike }) });
  });
});
