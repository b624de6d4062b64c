import { describe, expect, it, jest } from '@jest/globals';
import { Script } from 'node:vm';
import type { Expectation } from '../../src/inputs/checks/expectations.js';
import { checkExpectation } from '../../src/verify/expectation.js';
import { quote } from '../../src/verify/quote.js';

interface Row {
  readonly title: string;
  readonly expected: Partial<Expectation>;
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly reason: string;
}

const judged = ({ expected, status = 200, headers = {}, body = '' }: Row) =>
  checkExpectation({ status: ['2xx'], ...expected }, { status, headers, body: Buffer.from(body) });

const health = '{"status":{"db":"up"},"items":[{"name":"a","tags":[1,2]}],"off":null,"zero":0}';

describe('an answer passes', () => {
  it.each<Row>([
    { title: 'with any 2xx status by default', expected: {}, status: 204, reason: 'answered 204' },
    { title: 'with exactly the status asked for', expected: { status: [404] }, status: 404, reason: 'answered 404' },
    {
      title: 'with one of several statuses',
      expected: { status: [301, '4xx'] },
      status: 418,
      reason: 'answered 418',
    },
    {
      title: 'when the body contains the text',
      expected: { contains: 'Tomcat/8' },
      body: '<h1>Apache Tomcat/8</h1>',
      reason: 'answered 200',
    },
    {
      title: 'when the body matches the expression',
      expected: { matches: '^v\\d+$' },
      body: 'v12',
      reason: 'answered 200',
    },
    {
      title: 'when the JSON path has the value',
      expected: { json: { path: 'status.db', equals: 'up' } },
      body: health,
      reason: 'answered 200',
    },
    {
      title: 'when the JSON path goes through an array',
      expected: { json: { path: 'items.0.name', equals: 'a' } },
      body: health,
      reason: 'answered 200',
    },
    {
      title: 'when the JSON value is a structure that is equal',
      expected: { json: { path: 'items.0.tags', equals: [1, 2] } },
      body: health,
      reason: 'answered 200',
    },
    {
      title: 'when the JSON value is null and null is expected',
      expected: { json: { path: 'off', equals: null } },
      body: health,
      reason: 'answered 200',
    },
    {
      title: 'when the header has the value',
      expected: { header: { 'x-version': '8' } },
      headers: { 'x-version': ' 8' },
      reason: 'answered 200',
    },
  ])('$title', row => {
    expect(judged(row)).toEqual({ verdict: 'pass', reason: row.reason });
  });
});

describe('an answer fails with the expected and the actual answer', () => {
  it.each<Row>([
    {
      title: 'with a status of another class',
      expected: {},
      status: 500,
      body: 'Internal\n  error',
      reason: 'expected status 2xx; got 500 "Internal error"',
    },
    {
      title: 'with a redirect, which is not followed',
      expected: { status: [200, 204] },
      status: 302,
      reason: 'expected status 200 or 204; got 302 (empty)',
    },
    {
      title: 'when the body lacks the text, case included',
      expected: { contains: 'Tomcat/8' },
      body: 'tomcat/8',
      reason: 'expected a body that contains "Tomcat/8"; got 200 "tomcat/8"',
    },
    {
      title: 'when the body does not match',
      expected: { matches: '^v8$' },
      body: 'v9',
      reason: 'expected a body that matches /^v8$/; got 200 "v9"',
    },
    {
      title: 'when the body is not JSON',
      expected: { json: { path: 'status', equals: 'up' } },
      body: 'up',
      reason: 'expected JSON in which status is "up" (the body is not JSON); got 200 "up"',
    },
    {
      title: 'when the JSON path ends early',
      expected: { json: { path: 'status.db.name', equals: 'x' } },
      body: '{"status":{"db":1}}',
      reason:
        'expected JSON in which status.db.name is "x" (there is no status.db.name); got 200 "{"status":{"db":1}}"',
    },
    {
      title: 'when the JSON path names something every object inherits',
      expected: { json: { path: 'constructor.name', equals: 'Object' } },
      body: '{}',
      reason: 'expected JSON in which constructor.name is "Object" (there is no constructor.name); got 200 "{}"',
    },
    {
      title: 'when the JSON value has another type',
      expected: { json: { path: 'zero', equals: '0' } },
      body: '{"zero":0}',
      reason: 'expected JSON in which zero is "0" (it is 0); got 200 "{"zero":0}"',
    },
    {
      title: 'when the header is another',
      expected: { header: { 'x-version': '8' } },
      headers: { 'x-version': '7' },
      reason: 'expected header x-version: 8 (it is "7"); got 200 (empty)',
    },
    {
      title: 'when the header is missing',
      expected: { header: { 'x-version': '8' } },
      reason: 'expected header x-version: 8 (it is not set); got 200 (empty)',
    },
    {
      title: 'and lists every expectation that does not hold',
      expected: { contains: 'v8', header: { 'x-a': '1' } },
      status: 503,
      body: 'v7',
      reason: 'expected status 2xx and a body that contains "v8" and header x-a: 1 (it is not set); got 503 "v7"',
    },
  ])('$title', row => {
    expect(judged(row)).toEqual({ verdict: 'fail', reason: row.reason });
  });

  it('shows the first 200 characters of a long body, without a partial value', () => {
    const reasonFor = (body: string) =>
      checkExpectation({ status: [201] }, { status: 200, headers: {}, body: Buffer.from(body) }).reason;
    expect(reasonFor('12345 789 '.repeat(500))).toBe(
      `expected status 201; got 200 "${'12345 789 '.repeat(20).trim()}…"`,
    );
    expect(reasonFor(`{"status":"down","key":"${'s'.repeat(5000)}"}`)).toBe(
      'expected status 201; got 200 "{"status":"down","key":"…"',
    );
    expect(reasonFor('x'.repeat(5000))).toBe('expected status 201; got 200 "(5000 characters)"');
  });
});

it('an invalid regular expression is an input error', () => {
  const attempt = () =>
    checkExpectation({ status: ['2xx'], matches: '(' }, { status: 200, headers: {}, body: Buffer.from('') });
  expect(attempt).toThrow(
    expect.objectContaining({ code: 'input', message: 'The regular expression /(/ of a check is not valid' }),
  );
});

describe('a regular expression without an end', () => {
  // Doubles its work with each character.
  const matches = '^(a+)+$';
  const answer = { status: 200, headers: {}, body: Buffer.from(`${'a'.repeat(60)}!`) };

  it('is an input error, and is not tried again', () => {
    const run = jest.spyOn(Script.prototype, 'runInNewContext');
    for (const body of [answer.body, answer.body, Buffer.from('ok')])
      expect(() => checkExpectation({ status: ['2xx'], matches }, { ...answer, body })).toThrow(
        expect.objectContaining({
          code: 'input',
          message: `The regular expression /${matches}/ of a check takes more than 1 s on the answer`,
        }),
      );
    expect(run).toHaveBeenCalledTimes(1);
    run.mockRestore();
  });

  it('is not one with a long answer', () => {
    const body = Buffer.from(`${'x'.repeat(2_000_000)}ok`);
    expect(checkExpectation({ status: ['2xx'], matches: 'o(k+)$' }, { ...answer, body }).verdict).toBe('pass');
  });
});

describe('quoted text', () => {
  it.each([
    ['', '(empty)'],
    [' \n\t ', '(empty)'],
    ['two\r\nlines', '"two lines"'],
    ['\u001b[31mred\u0000', '"red"'],
  ])('%j is shown as %s', (text, shown) => {
    expect(quote(text)).toBe(shown);
  });
});
