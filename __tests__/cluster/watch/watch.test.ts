import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Cluster, WatchEvent } from '../../../src/cluster/cluster.js';
import {
  answer,
  connectTo,
  handClock,
  keptLog,
  kubeconfigFor,
  startServer,
  status,
} from '../../support/cluster/scripted-server.js';
import type { Handler, HandClock, KeptLog, TestServer } from '../../support/cluster/scripted-server.js';

const kind = { apiVersion: 'v1', kind: 'Pod', namespace: 'shop' };

/** What one connection of a watch does: lines, then its end. */
type Connection = (response: ServerResponse, query: Readonly<Record<string, string>>) => void;

let server: TestServer | undefined;
const abort = { controller: new AbortController() };
afterEach(async () => {
  abort.controller.abort();
  abort.controller = new AbortController();
  await server?.close();
});

function event(type: string, name: string, at: number | { version: number; uid: string }): string {
  const { version, uid } = typeof at === 'number' ? { version: at, uid: `uid-${name}` } : at;
  const metadata = { name, namespace: 'shop', uid, resourceVersion: String(version) };
  return `${JSON.stringify({ type, object: { apiVersion: 'v1', kind: 'Pod', metadata } })}\n`;
}

function bookmark(version: number, initial = false): string {
  const annotations = initial ? { 'k8s.io/initial-events-end': 'true' } : {};
  const metadata = { resourceVersion: String(version), annotations };
  return `${JSON.stringify({ type: 'BOOKMARK', object: { apiVersion: 'v1', kind: 'Pod', metadata } })}\n`;
}

const lines =
  (...texts: string[]): Connection =>
  response => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write(texts.join(''));
  };
const ending =
  (...texts: string[]): Connection =>
  response => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(texts.join(''));
  };
const cut =
  (...texts: string[]): Connection =>
  response => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write(texts.join(''), () => setImmediate(() => response.destroy()));
  };
const refuse =
  (code: number, more: Readonly<Record<string, unknown>>): Connection =>
  response =>
    answer(response, code, status(code, more));

interface Watched {
  readonly cluster: Cluster;
  readonly server: TestServer;
  readonly clock: HandClock;
  readonly log: KeptLog;
}

/** A cluster whose watch connections behave as listed; after the last one they stay open and silent. */
async function watched(...connections: readonly Connection[]): Promise<Watched> {
  let turn = 0;
  const handler: Handler = (seen, response) => {
    const next = connections[turn] ?? lines('');
    turn += 1;
    next(response, seen.query);
  };
  server = await startServer(handler);
  const clock = handClock();
  const log = keptLog();
  return { cluster: await connectTo(kubeconfigFor(server.url), { clock, log }), server, clock, log };
}

/** The first `count` events, as `ADDED a`. */
async function take(cluster: Cluster, count: number): Promise<readonly string[]> {
  const events: string[] = [];
  for await (const one of cluster.watch(kind, { signal: abort.controller.signal })) {
    events.push(text(one));
    if (events.length === count) break;
  }
  return events;
}

function text(one: WatchEvent): string {
  return one.type === 'synced' ? 'synced' : `${one.type} ${one.object.metadata.name}`;
}

describe('a watch', () => {
  it('reports existing objects, then synced, then each change', async () => {
    const { cluster, server } = await watched(
      lines(
        event('ADDED', 'a', 1),
        event('ADDED', 'b', 2),
        bookmark(2, true),
        event('MODIFIED', 'a', 3),
        event('DELETED', 'b', 4),
      ),
    );
    expect(await take(cluster, 5)).toEqual(['ADDED a', 'ADDED b', 'synced', 'MODIFIED a', 'DELETED b']);
    expect(server.seen[0]).toMatchObject({
      path: '/api/v1/namespaces/shop/pods',
      query: {
        watch: 'true',
        sendInitialEvents: 'true',
        resourceVersionMatch: 'NotOlderThan',
        allowWatchBookmarks: 'true',
      },
    });
  });

  it.each([
    ['ends', ending],
    ['is cut', cut],
  ])('resumes after the last version when its connection %s', async (_how, end) => {
    const { cluster, server } = await watched(
      end(event('ADDED', 'a', 1), bookmark(5, true), event('ADDED', 'b', 7)),
      lines(event('MODIFIED', 'a', 9)),
    );
    expect(await take(cluster, 4)).toEqual(['ADDED a', 'synced', 'ADDED b', 'MODIFIED a']);
    expect(server.seen[1]?.query).toMatchObject({ watch: 'true', resourceVersion: '7' });
    expect(server.seen[1]?.query).not.toHaveProperty('sendInitialEvents');
  });

  it('resumes from a bookmark, so that the version of quiet kinds does not expire', async () => {
    const { cluster, server } = await watched(ending(bookmark(5, true), bookmark(90)), lines(event('ADDED', 'a', 91)));
    expect(await take(cluster, 2)).toEqual(['synced', 'ADDED a']);
    expect(server.seen[1]?.query['resourceVersion']).toBe('90');
  });

  it('survives twenty dropped connections without losing or repeating a change', async () => {
    const dropped = Array.from({ length: 20 }, (_, index) => cut(event('MODIFIED', 'a', 10 + index)));
    const { cluster } = await watched(
      cut(event('ADDED', 'a', 1), bookmark(5, true)),
      ...dropped,
      lines(event('DELETED', 'a', 40)),
    );
    const events = await take(cluster, 23);
    expect(events.at(-1)).toBe('DELETED a');
    expect(events.filter(one => one === 'synced')).toHaveLength(1);
  });

  it.each([
    ['an ERROR event', lines(`${JSON.stringify({ type: 'ERROR', object: status(410, { reason: 'Expired' }) })}\n`)],
    ['an answer 410', refuse(410, { reason: 'Expired' })],
  ])('starts again after %s and reports what was deleted meanwhile', async (_what, gone) => {
    const { cluster, server } = await watched(
      ending(event('ADDED', 'a', 1), event('ADDED', 'b', 2), bookmark(2, true)),
      gone,
      lines(event('ADDED', 'a', 8), event('ADDED', 'c', 9), bookmark(9, true), event('MODIFIED', 'c', 10)),
    );
    expect(await take(cluster, 7)).toEqual([
      'ADDED a',
      'ADDED b',
      'synced',
      'MODIFIED a',
      'ADDED c',
      'DELETED b',
      'MODIFIED c',
    ]);
    expect(server.seen[2]?.query).toMatchObject({ sendInitialEvents: 'true' });
  });

  it('reports an object that was deleted and recreated without a connection', async () => {
    const { cluster } = await watched(
      ending(event('ADDED', 'a', { version: 1, uid: 'first' }), bookmark(1, true)),
      refuse(410, { reason: 'Expired' }),
      lines(event('ADDED', 'a', { version: 8, uid: 'second' }), bookmark(8, true)),
    );
    expect(await take(cluster, 4)).toEqual(['ADDED a', 'synced', 'DELETED a', 'ADDED a']);
  });

  it('does not treat an incomplete initial list as complete', async () => {
    const { cluster, server } = await watched(
      cut(event('ADDED', 'a', 1)),
      lines(event('ADDED', 'a', 1), event('ADDED', 'b', 2), bookmark(2, true)),
    );
    expect(await take(cluster, 3)).toEqual(['ADDED a', 'ADDED b', 'synced']);
    expect(server.seen[1]?.query).toMatchObject({ sendInitialEvents: 'true' });
  });

  it.each([400, 422])('lists and then watches when the API server cannot stream the initial list (%i)', async code => {
    const list: Connection = response =>
      answer(response, 200, {
        kind: 'PodList',
        apiVersion: 'v1',
        metadata: { resourceVersion: '30' },
        items: [{ metadata: { name: 'a', namespace: 'shop', uid: 'uid-a', resourceVersion: '4' } }],
      });
    const { cluster, server } = await watched(
      refuse(code, { reason: 'Invalid', message: 'sendInitialEvents is forbidden' }),
      list,
      lines(event('DELETED', 'a', 31)),
    );
    expect(await take(cluster, 3)).toEqual(['ADDED a', 'synced', 'DELETED a']);
    expect(server.seen.map(({ query }) => query['resourceVersion'] ?? query['limit'] ?? 'stream')).toEqual([
      'stream',
      '500',
      '30',
    ]);
  });

  it('waits longer each time while connections have no events', async () => {
    const { cluster, clock } = await watched(
      ending(bookmark(1, true)),
      ending(),
      ending(),
      ending(),
      lines(event('ADDED', 'a', 2)),
    );
    expect(await take(cluster, 2)).toEqual(['synced', 'ADDED a']);
    const waits = clock.waits.filter(ms => ms < 60_000);
    expect(waits).toHaveLength(2);
    expect(waits[1]).toBeGreaterThan(waits[0] ?? 0);
  });

  it('reads characters that are split between two chunks', async () => {
    const bytes = Buffer.from(event('ADDED', 'größe', 1) + bookmark(1, true));
    const middle = bytes.indexOf(0xc3) + 1;
    const { cluster } = await watched(response => {
      response.writeHead(200);
      response.write(bytes.subarray(0, middle), () => setImmediate(() => response.write(bytes.subarray(middle))));
    });
    expect(await take(cluster, 2)).toEqual(['ADDED größe', 'synced']);
  });

  it('ends without an error when its signal aborts', async () => {
    const { cluster } = await watched(lines(bookmark(1, true)));
    const events: string[] = [];
    for await (const one of cluster.watch(kind, { signal: abort.controller.signal })) {
      events.push(text(one));
      abort.controller.abort();
    }
    expect(events).toEqual(['synced']);
  });

  const forbidden = (verb: string): Connection =>
    refuse(403, {
      reason: 'Forbidden',
      message: `pods is forbidden: User "ci" cannot ${verb} resource "pods" in API group "" in the namespace "shop"`,
    });
  const listing =
    (...items: readonly (readonly [name: string, version: number])[]): Connection =>
    response =>
      answer(response, 200, {
        kind: 'PodList',
        apiVersion: 'v1',
        metadata: { resourceVersion: '30' },
        items: items.map(([name, version]) => ({
          metadata: { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: String(version) },
        })),
      });

  it('lists every two seconds where watching is forbidden, reports only changes, and logs the missing rule', async () => {
    const { cluster, clock, log } = await watched(
      forbidden('watch'),
      listing(['a', 1], ['b', 2]),
      listing(['a', 1], ['b', 2]),
      listing(['a', 3]),
    );
    expect(await take(cluster, 5)).toEqual(['ADDED a', 'ADDED b', 'synced', 'MODIFIED a', 'DELETED b']);
    expect(clock.waits.filter(ms => ms === 2_000)).toHaveLength(2);
    expect(log.lines.filter(line => line.startsWith('warning:'))).toEqual([
      expect.stringMatching(
        /cannot watch resource "pods".*listing every 2 s instead.*\{apiGroups: \[""\], resources: \["pods"\], verbs: \["watch"\]\}/,
      ),
    ]);
  });

  it('throws the missing permission to watch where listing is forbidden too', async () => {
    const { cluster } = await watched(forbidden('watch'), forbidden('list'));
    await expect(take(cluster, 1)).rejects.toMatchObject({
      code: 'forbidden',
      hint: expect.stringContaining('{apiGroups: [""], resources: ["pods"], verbs: ["watch"]}'),
    });
  });
});
