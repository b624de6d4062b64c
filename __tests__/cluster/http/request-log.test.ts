import { describe, expect, it } from '@jest/globals';
import { RequestTimeoutError } from '../../../src/cluster/http/transport.js';
import { settle } from '../../support/clock.js';
import { answer, path, refused, scripted, write } from '../../support/cluster/scripted-api.js';
import type { Scripted } from '../../support/cluster/scripted-api.js';

describe('the debug log', () => {
  const lines = ({ log }: Scripted): string[] => log.lines.filter(line => /^(?:GET|PATCH|POST) /.test(line));

  it('has one line for each attempt: method, path, outcome, milliseconds', async () => {
    const run = scripted();
    const { api, clock, open } = run;
    const sending = api.send(write('a'));
    await settle();
    await clock.advance(12);
    open[0]?.reply(refused(503));
    await settle();
    await clock.advance(500);
    open[0]?.fail(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));
    await settle();
    await clock.advance(1_000);
    open[0]?.fail(new RequestTimeoutError(30_000));
    await settle();
    await clock.advance(2_000);
    open[0]?.reply(answer(200, { data: { password: 'hunter2' } }));
    await sending;
    const request = `PATCH ${path('a')}?fieldManager=cutover`;
    expect(lines(run)).toEqual([
      `${request}: 503 in 12 ms`,
      `${request}: ECONNRESET in 0 ms`,
      `${request}: TIMEOUT in 0 ms`,
      `${request}: 200 in 0 ms`,
    ]);
    expect(run.log.lines.join('\n')).not.toContain('hunter2');
  });

  it('has the lines of a lane and of proxied requests, without the query of the application', async () => {
    const run = scripted();
    const { api, open } = run;
    void api.lane({ retries: false, timeoutMs: 10_000 }).send(write('lease'));
    const description = {
      verb: 'get',
      target: { apiVersion: 'v1', kind: 'Service', name: 'web', namespace: 'shop' },
      resource: 'services/proxy',
    };
    const proxied = '/api/v1/namespaces/shop/services/web:80/proxy/readyz';
    void api.sendOnce({ description, request: { method: 'GET', path: `${proxied}?token=secret` } });
    await settle();
    for (const { reply } of [...open]) reply(answer(200));
    await settle();
    expect(lines(run)).toEqual([
      `PATCH ${path('lease')}?fieldManager=cutover: 200 in 0 ms`,
      `GET ${proxied}?…: 200 in 0 ms`,
    ]);
  });
});
