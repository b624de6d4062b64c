import { describe, expect, it } from '@jest/globals';
import type { HttpCheck } from '../../src/inputs/checks/http.js';
import type { Check } from '../../src/inputs/inputs.js';
import { checksToRecord, recordedChecks } from '../../src/verify/recorded-checks.js';
import { listLog } from '../support/log.js';

const timing = { when: 'both', retryMs: 0, intervalMs: 1000 } as const;
const get = (target: string): HttpCheck => ({
  ...timing,
  kind: 'http',
  target,
  method: 'GET',
  expect: { status: ['2xx'] },
  pods: 'every',
});

describe('the checks on record', () => {
  it('are those of paths, and the names of all others', () => {
    const run: Check = { ...timing, kind: 'run', command: 'npm run smoke\ncurl -H "x: $TOKEN" https://example.com' };
    const recorded = checksToRecord([get('/healthz'), get('https://example.com/'), run]);
    expect(recorded).toEqual([
      get('/healthz'),
      { kind: 'other', name: 'GET https://example.com/', when: 'both' },
      { kind: 'other', name: 'run: npm run smoke …', when: 'both' },
    ]);
    const log = listLog();
    expect(recordedChecks(recorded, log)).toEqual([get('/healthz')]);
    expect(log.lines.join('\n')).toMatch(
      /skipped: GET https:\/\/example\.com\/: .* set `verify` in this step\n.*skipped: run: npm run smoke …: /,
    );
  });

  it('never have an address, nor is one taken from the record', () => {
    const check = { ...get('/healthz'), url: 'https://green.example.com' };
    expect(checksToRecord([check])).toEqual([get('/healthz')]);
    expect(recordedChecks([check], listLog())).toEqual([get('/healthz')]);
  });

  it.each(['/', '/a/b?c=d', '/a?next=../b', '/.well-known/x', '/a..b', '/...', '/a//b', '/%C3%A9'])(
    'are run: %s',
    path => {
      expect(recordedChecks([get(path)], listLog())).toEqual([get(path)]);
    },
  );

  it.each([
    '//169.254.169.254/latest/',
    '/\\169.254.169.254/latest/',
    '/..',
    '/../x',
    '/a/../../x',
    '/a/./b',
    '/%2e%2E/x',
    '/.%2e/x',
    '/a%2f..%2fx',
    '/%252e%252e/x',
    '/a\\..\\x',
    '/a#b',
    '/a b',
    '/a\r\nx: y',
  ])('are skipped if they could leave the pod or its host: %j', path => {
    const log = listLog();
    expect(recordedChecks([get(path)], log)).toEqual([]);
    expect(log.lines.join()).toContain('skipped: GET ');
  });
});
