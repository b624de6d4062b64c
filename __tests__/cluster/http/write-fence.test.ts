import { describe, expect, it } from '@jest/globals';
import { CutoverError } from '../../../src/errors.js';
import type { WriteFence } from '../../../src/cluster/http/write-fence.js';
import { settle } from '../../support/clock.js';
import { answer, names, path, refused, scripted, write } from '../../support/cluster/scripted-api.js';

/** A fence that the test opens and closes. */
function gate(): WriteFence & { open(): void; close(): void; end(error: Error): void } {
  let isOpen = false;
  let gone: Error | undefined;
  const waiting = new Set<{ readonly resolve: () => void; readonly reject: (error: Error) => void }>();
  return {
    longestWriteMs: 30_000,
    isOpen: () => isOpen,
    ready: () => {
      if (gone !== undefined) return Promise.reject(gone);
      return isOpen ? Promise.resolve() : new Promise((resolve, reject) => waiting.add({ resolve, reject }));
    },
    open: () => {
      isOpen = true;
      for (const { resolve } of waiting) resolve();
    },
    close: () => {
      isOpen = false;
      waiting.clear();
    },
    end: error => {
      gone = error;
      for (const { reject } of waiting) reject(error);
    },
  };
}

describe('a fence', () => {
  it('is waited for, and limits the time of the write on both sides', async () => {
    const { api, open } = scripted();
    const fence = gate();
    const sending = api.send(write('a', fence));
    await settle();
    expect(open).toEqual([]);
    fence.open();
    await settle();
    expect(open[0]?.request).toMatchObject({
      path: `${path('a')}?fieldManager=cutover&timeout=30s`,
      timeoutMs: 30_000,
    });
    open[0]?.reply(answer(200));
    expect((await sending).status).toBe(200);
  });

  it('can allow less time, in a path without a query too', async () => {
    const { api, open } = scripted();
    const { description } = write('a');
    const fence = { ...gate(), isOpen: () => true, ready: () => Promise.resolve(), longestWriteMs: 1_500 };
    void api.send({ description, request: { method: 'DELETE', path: path('a') }, fence });
    await settle();
    expect(open[0]?.request).toMatchObject({ path: `${path('a')}?timeout=1.5s`, timeoutMs: 1_500 });
  });

  it('is waited for before every attempt', async () => {
    const { api, clock, open } = scripted();
    const fence = gate();
    fence.open();
    const sending = api.send(write('a', fence));
    await settle();
    fence.close();
    open[0]?.reply(refused(503));
    await settle();
    await clock.advance(500);
    expect(open).toEqual([]);
    fence.open();
    await settle();
    open[0]?.reply(answer(200));
    expect((await sending).status).toBe(200);
  });

  it('is waited for again when it closes while the write waits for a slot', async () => {
    const { api, open } = scripted();
    const fence = gate();
    fence.open();
    for (let index = 0; index < 10; index += 1) void api.send(write('slow'));
    const sending = api.send(write('a', fence));
    const behind = api.send(write('b'));
    await settle();
    fence.close();
    open[0]?.reply(answer(200));
    await settle();
    // The slot goes to the next request.
    expect(names(open).slice(-1)).toEqual(['b']);
    open.at(-1)?.reply(answer(200));
    await behind;
    fence.open();
    await settle();
    expect(names(open).slice(-1)).toEqual(['a']);
    open.at(-1)?.reply(answer(200));
    expect((await sending).status).toBe(200);
  });

  it('holds no slot while it is closed', async () => {
    const { api, open } = scripted();
    for (let index = 0; index < 12; index += 1) void api.send(write('fenced', gate()));
    void api.send(write('read'));
    await settle();
    expect(names(open)).toEqual(['read']);
  });

  it('ends the write with its own error once no write may be sent any more', async () => {
    const { api, open } = scripted();
    const fence = gate();
    const sending = api.send(write('a', fence));
    await settle();
    const lost = new CutoverError('the lock is lost', { code: 'locked' });
    fence.end(lost);
    await expect(sending).rejects.toBe(lost);
    await expect(api.send(write('b', fence))).rejects.toBe(lost);
    expect(open).toEqual([]);
  });

  it('does not keep a cancelled run', async () => {
    const { api, cancel } = scripted();
    const sending = api.send(write('a', gate()));
    await settle();
    cancel();
    await expect(sending).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('does not use up the time in which failures are retried', async () => {
    const { api, clock, open } = scripted();
    const fence = gate();
    fence.open();
    const sending = api.send(write('a', fence));
    await settle();
    fence.close();
    open[0]?.reply(refused(503));
    await settle();
    await clock.advance(500);
    await clock.advance(600_000);
    fence.open();
    await settle();
    open[0]?.reply(refused(503));
    await settle();
    await clock.advance(1_000);
    open[0]?.reply(answer(200));
    expect((await sending).status).toBe(200);
  });
});
