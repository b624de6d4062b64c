import { describe, expect, it } from '@jest/globals';
import { settle } from '../../support/clock.js';
import { answer, names, refused, scripted, write } from '../../support/cluster/scripted-api.js';

describe('the limit of requests in flight', () => {
  it('lets a request through while 12 others wait for their next attempt', async () => {
    const { api, clock, open, sent } = scripted();
    const retrying = Array.from({ length: 12 }, (_none, index) => api.send(write(`retried-${index}`)));
    await settle();
    expect(open).toHaveLength(10);
    for (let round = 0; round < 2; round += 1) {
      for (const { reply } of [...open]) reply(refused(503));
      await settle();
    }
    expect([open.length, sent.length]).toEqual([0, 12]);
    const other = api.send(write('other'));
    await settle();
    expect(names(open)).toEqual(['other']);
    open[0]?.reply(answer(200));
    expect((await other).status).toBe(200);
    await clock.advance(500);
    expect(open).toHaveLength(10);
    for (let round = 0; round < 2; round += 1) {
      for (const { reply } of [...open]) reply(answer(200));
      await settle();
    }
    expect((await Promise.all(retrying)).map(({ status }) => status)).toEqual(Array(12).fill(200));
  });

  it('gives its slot back when a request fails for good', async () => {
    const { api, open } = scripted();
    const failing = Array.from({ length: 10 }, () => api.send(write('refused')).catch((error: unknown) => error));
    await settle();
    for (const { reply } of [...open]) reply(refused(422));
    await Promise.all(failing);
    void api.send(write('next'));
    await settle();
    expect(names(open)).toEqual(['next']);
  });
});

describe('a lane', () => {
  const lane = { retries: false, timeoutMs: 10_000 };

  it('has requests in flight while all slots of the others are taken', async () => {
    const { api, open } = scripted();
    for (let index = 0; index < 12; index += 1) void api.send(write('slow'));
    const renewal = api.lane(lane).send(write('lease'));
    await settle();
    expect(names(open).filter(name => name === 'slow')).toHaveLength(10);
    const [sent] = open.filter(({ request }) => request.path.includes('/lease'));
    expect(sent?.request).toMatchObject({ timeoutMs: 10_000, pool: 'lane' });
    sent?.reply(answer(200));
    expect((await renewal).status).toBe(200);
  });

  it('makes one attempt', async () => {
    const { api, open, sent } = scripted();
    const renewal = api.lane(lane).send(write('lease'));
    await settle();
    open[0]?.reply(refused(503));
    await expect(renewal).rejects.toMatchObject({ code: 'api', status: 503 });
    expect(sent).toHaveLength(1);
  });

  it('renews the credentials', async () => {
    const { api, open, sent } = scripted();
    const renewal = api.lane(lane).send(write('lease'));
    await settle();
    open[0]?.reply(refused(401));
    await settle();
    open[0]?.reply(answer(200));
    expect((await renewal).status).toBe(200);
    expect(sent[0]?.access).not.toBe(sent[1]?.access);
  });
});
