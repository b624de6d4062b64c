import { describe, expect, it } from '@jest/globals';
import { buildOutputs } from '../../src/report/outputs.js';
import { buildSummary } from '../../src/report/summary.js';
import { stripOf } from '../../src/report/traffic/strip.js';
import { trafficHeadline, trafficSection } from '../../src/report/traffic/traffic.js';
import type { TrafficCounts, TrafficSecond } from '../../src/run/traffic-counts.js';
import { staged } from '../support/reports.js';

const second = (more: Partial<TrafficSecond> = {}): TrafficSecond => ({
  expected: 0,
  other: 0,
  failed: 0,
  unknown: 0,
  ...more,
});
const before = second({ other: 5 });
const both = second({ expected: 2, other: 3 });
const after = second({ expected: 5 });

const byUrl: TrafficCounts = {
  path: { kind: 'url', url: 'https://shop.example.com/' },
  perSecond: 5,
  version: 'revision 7',
  startedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  sent: 25,
  failed: 0,
  failedBefore: 0,
  unknown: { requests: 0 },
  slowestMs: 43,
  longestGapMs: 244,
  keptAlive: { sent: 5, failed: 0, reopened: 1, isOnExpected: true },
  versions: { expected: 12, other: 13, late: { requests: 0, lastMs: 0 } },
  seconds: [before, before, both, after, after],
  windows: [],
  movedMs: 3_400,
};
const { keptAlive: _, ...rest } = byUrl;
const throughServer: TrafficCounts = { ...rest, path: { kind: 'api-server', service: 'web', path: '/' } };
const failing: Partial<TrafficCounts> = {
  failed: 3,
  windows: [{ fromMs: 1_200, toMs: 1_850, failed: 3, why: '503' }],
  seconds: [before, second({ other: 2, failed: 3 }), both, second({ unknown: 1 }), after],
};

describe('the strip', () => {
  it('has a row for each version, a character for each second, and the moment when all users were moved', () => {
    expect(stripOf(byUrl)).toEqual({
      text: ['            0 s', 'before      ██▄··', 'revision 7  ··▄██', 'moved          ▲'].join('\n'),
      legend:
        'One character is 1 s. █ answered, ▄ both versions answered, ▲ from here on all users should be on the new version.',
    });
  });

  it('marks failures, and what is not known', () => {
    const { text, legend } = stripOf({ ...byUrl, ...failing });
    expect(text).toContain('failed      ·×·?·');
    expect(legend).toContain('× a request failed, ? not known');
  });

  it('has one row where versions are not told apart', () => {
    const { versions: _versions, movedMs: _movedMs, ...untold } = byUrl;
    expect(stripOf({ ...untold, seconds: [after, second(), after] }).text).toBe('          0 s\nanswered  █·█');
  });

  it('has more seconds in a character for a long run, and loses no failure', () => {
    const seconds = Array.from({ length: 301 }, (_, at) => (at === 150 ? second({ failed: 1 }) : after));
    const { text, legend } = stripOf({ ...byUrl, seconds, movedMs: 200_000 });
    const lines = text.split('\n');
    expect(legend).toMatch(/^One character is 4 s\. /);
    expect(lines[0]).toMatch(/0 s {7}40 s {6}80 s/);
    expect(lines.find(line => line.startsWith('failed'))?.indexOf('×')).toBe(12 + 37);
    expect(lines.at(-1)).toBe(`moved${' '.repeat(7 + 50)}▲`);
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(115);
  });

  it('has only characters of the width and the colour of text', () => {
    expect(stripOf({ ...byUrl, ...failing }).text).toMatch(/^[\x20-\x7e\n█▄·×▲]+$/u);
  });
});

describe('the headline', () => {
  it.each([
    ['users noticed nothing, by URL', [byUrl], '; users noticed nothing: none of 30 requests failed'],
    [
      'never that users noticed nothing, through the API server',
      [throughServer],
      '; through the API server none of 25 requests failed',
    ],
    ['how many failed', [{ ...byUrl, ...failing }], '; 3 of 30 requests failed'],
    [
      'how many failed through the API server',
      [{ ...throughServer, ...failing }],
      '; through the API server 3 of 25 requests failed',
    ],
    ['the sum of several times', [byUrl, { ...byUrl, failed: 1 }], '; 1 of 60 requests failed'],
    [
      'no more than that if some requests tell nothing',
      [{ ...byUrl, unknown: { requests: 2, why: 'EMFILE' } }],
      '; none of 30 requests failed',
    ],
    [
      'never that users noticed nothing if something else may have answered',
      [{ ...byUrl, unlike: { requests: 30, first: '301, to https://shop.example.com' } }],
      '; none of 30 requests failed, but 30 of them were not answered as expected, the first one with 301, to https://shop.example.com: this does not show the application',
    ],
    ['nothing if they stopped early', [{ ...byUrl, stopped: '429' }], ''],
    [
      'nothing if none was answered',
      [{ ...byUrl, sent: 0, unanswered: '503', keptAlive: { sent: 0, failed: 0, reopened: 0 } }],
      '',
    ],
    [
      'nothing of users if some requests went another way',
      [byUrl, throughServer],
      '; through the API server none of 55 requests failed',
    ],
    ['nothing without requests', [], ''],
  ])('says %s', (_what, traffic, expected) => {
    expect(trafficHeadline(traffic)).toBe(expected);
  });

  it('stands in the first line of the summary', () => {
    expect(buildSummary({ ...staged, outcome: 'switched', activeRole: 'green', traffic: [byUrl] })).toMatch(
      /^## ✅ web: users are on revision 8 on green; users noticed nothing: none of 30 requests failed\n/,
    );
  });
});

describe('the section of the summary', () => {
  it('has the counts, the strip and the times of failures', () => {
    expect(trafficSection([{ ...byUrl, ...failing }])).toBe(`### Requests while users were moved

- 25 GET requests to https://shop.example.com/ (5 a second, each on a connection of its own): 3 failed. Slowest answer 43 ms, longest time without an answer 0.2 s.
- One connection that was kept alive: 5 requests, 0 failed, reopened once; at the end it was on revision 7.
- revision 7 answered 12 requests, the version before 13, none of them after all users should be on revision 7.

\`\`\`text
            0 s
before      ██▄··
revision 7  ··▄·█
failed      ·×·?·
moved          ▲
\`\`\`

One character is 1 s. █ answered, ▄ both versions answered, × a request failed, ? not known, ▲ from here on all users should be on the new version.

| Failures from (UTC) | until | Requests | The first one |
| --- | --- | --- | --- |
| 03:04:06.2 | 03:04:06.8 | 3 | 503 |`);
  });

  it.each([
    [
      'that the old version was seen too late',
      { ...byUrl, versions: { expected: 9, other: 16, late: { requests: 3, lastMs: 420 } } },
      '3 of them after all users should be on revision 7, the last one 0.4 s later',
    ],
    [
      'which failures the change did not cause',
      { ...byUrl, ...failing, failedBefore: 2 },
      '3 failed, 2 of them before the change began.',
    ],
    [
      'why versions are not told apart',
      (({ versions: _v, ...untold }) => untold)(byUrl),
      'Which version answered is not known',
    ],
    [
      'what to name where something else may have answered',
      { ...byUrl, unlike: { requests: 30, first: '301, to https://shop.example.com' } },
      '30 of them were not answered as expected, the first one with 301, to https://shop.example.com: this does not show the application. In `synthetic-traffic`, name the `url`, such as the one with https, that the application itself answers with 2xx.',
    ],
    [
      'why requests on the kept connection tell nothing',
      { ...byUrl, keptAlive: { sent: 0, failed: 0, reopened: 0, unknown: 'the page is too large' } },
      'One connection that was kept alive: 0 requests, 0 failed, reopened 0 times. Some of its requests tell nothing: the page is too large.',
    ],
    [
      'what is not measured through the API server',
      throughServer,
      'node proxies, load balancers and the connections of users are not measured',
    ],
    [
      'why some requests tell nothing',
      { ...byUrl, unknown: { requests: 2, why: 'the API server is down' } },
      '2 more requests tell nothing, because the way to the application failed: the API server is down.',
    ],
    [
      'why they stopped',
      { ...byUrl, stopped: 'the API server answered 429' },
      'No more requests were sent before the end: the API server answered 429.',
    ],
    [
      'that none was answered',
      { ...byUrl, unanswered: 'ECONNREFUSED' },
      'No request to https://shop.example.com/ was answered (ECONNREFUSED), so nothing is known of what users met.',
    ],
  ])('says %s', (_what, counts, expected) => {
    expect(trafficSection([counts])).toContain(expected);
  });
});

describe('the outputs', () => {
  it('have the sums of all connections', () => {
    expect(buildOutputs({ ...staged, traffic: [byUrl, { ...throughServer, ...failing }] })).toMatchObject({
      requests: '55',
      'requests-failed': '3',
    });
  });

  it('are absent if no request was sent, which later steps read as the empty text', () => {
    expect(Object.keys(buildOutputs(staged)).filter(name => name.startsWith('requests'))).toEqual([]);
  });

  it('never say that none failed if the result of none is known', () => {
    const unanswered = { ...throughServer, sent: 0, unanswered: 'the API server answered 429' };
    const outputs = buildOutputs({ ...staged, traffic: [unanswered] });
    expect([outputs['requests'], outputs['requests-failed']]).toEqual(['0', undefined]);
  });
});
