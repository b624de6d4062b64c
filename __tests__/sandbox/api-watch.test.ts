import { describe, expect, it } from '@jest/globals';
import { objectAt, textAt, type JsonObject } from '../../sandbox/api/schema/json.js';
import { startTestApi, configMap, configMaps } from '../support/sandbox/api-server.js';
import { openWatch, type WatchReader } from '../support/sandbox/watch-reader.js';

const describeEvent = (event: JsonObject | undefined): unknown =>
  event === undefined
    ? 'end'
    : [event.type, objectAt(event.object, 'metadata').name ?? objectAt(event.object).code ?? ''];

async function take(watch: WatchReader, count: number): Promise<unknown[]> {
  const events: unknown[] = [];
  for (let index = 0; index < count; index += 1) events.push(describeEvent(await watch.next()));
  return events;
}

const post = (name: string, labels: JsonObject = {}) =>
  ({ method: 'POST', path: configMaps, body: configMap(name, { metadata: { labels } }) }) as const;

describe('a watch', () => {
  it.each(['', '0'])('with resourceVersion "%s" sends the present objects, then the changes', async resourceVersion => {
    const { api } = await startTestApi();
    await api.send(post('a'));
    const watch = await openWatch(api, configMaps, { resourceVersion });
    await api.send(post('b'));
    await api.send({ method: 'DELETE', path: `${configMaps}/a` });
    expect(await take(watch, 3)).toEqual([
      ['ADDED', 'a'],
      ['ADDED', 'b'],
      ['DELETED', 'a'],
    ]);
  });

  it('with sendInitialEvents ends the first events with an annotated bookmark', async () => {
    const { api } = await startTestApi();
    const made = await api.send(post('a'));
    const query = { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: 'true' };
    const watch = await openWatch(api, configMaps, query);
    expect(describeEvent(await watch.next())).toEqual(['ADDED', 'a']);
    const bookmark = await watch.next();
    expect(bookmark?.type).toBe('BOOKMARK');
    expect(objectAt(bookmark, 'object', 'metadata')).toMatchObject({
      annotations: { 'k8s.io/initial-events-end': 'true' },
      resourceVersion: objectAt(made.json, 'metadata').resourceVersion,
    });
  });

  it('with sendInitialEvents but no resourceVersionMatch is refused', async () => {
    const { api } = await startTestApi();
    const answer = await api.send({
      method: 'GET',
      path: configMaps,
      query: { watch: '1', sendInitialEvents: 'true' },
    });
    expect([answer.status, answer.json.message]).toEqual([
      422,
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    ]);
  });

  it('from a resourceVersion sends only later changes', async () => {
    const { api } = await startTestApi();
    await api.send(post('a'));
    const list = await api.get(configMaps);
    await api.send(post('b'));
    const resourceVersion = textAt(objectAt(list.json, 'metadata'), 'resourceVersion') ?? '';
    const watch = await openWatch(api, configMaps, { resourceVersion });
    await api.send(post('c'));
    expect(await take(watch, 2)).toEqual([
      ['ADDED', 'b'],
      ['ADDED', 'c'],
    ]);
  });

  it('from a resourceVersion that is no longer kept gets an ERROR event with 410', async () => {
    const { api, store } = await startTestApi();
    await api.send(post('a'));
    store.registry.storage.compact();
    const watch = await openWatch(api, configMaps, { resourceVersion: '1' });
    const event = await watch.next();
    expect([event?.type, objectAt(event, 'object').code, objectAt(event, 'object').reason]).toEqual([
      'ERROR',
      410,
      'Expired',
    ]);
    expect(describeEvent(await watch.next())).toBe('end');
  });

  it('by label sends an object that stops matching as DELETED, in its last matching state', async () => {
    const { api } = await startTestApi();
    const watch = await openWatch(api, configMaps, { labelSelector: 'app=web' });
    await api.send(post('a', { app: 'other' }));
    await api.send(post('b', { app: 'web' }));
    const patch = (name: string, app: string) =>
      api.send({
        method: 'PATCH',
        path: `${configMaps}/${name}`,
        body: { metadata: { labels: { app } } },
        headers: { 'content-type': 'application/merge-patch+json' },
      });
    const gone = await patch('b', 'gone');
    await patch('a', 'web');
    const events = [await watch.next(), await watch.next(), await watch.next()];
    expect(events.map(describeEvent)).toEqual([
      ['ADDED', 'b'],
      ['DELETED', 'b'],
      ['ADDED', 'a'],
    ]);
    const metadata = objectAt(events[1], 'object', 'metadata');
    expect([metadata.labels, metadata.resourceVersion]).toEqual([
      { app: 'web' },
      objectAt(gone.json, 'metadata').resourceVersion,
    ]);
  });

  it('by field and namespace sends no other objects', async () => {
    const { api } = await startTestApi();
    const watch = await openWatch(api, configMaps, { fieldSelector: 'metadata.name=b' });
    const elsewhere = configMap('b', { metadata: { namespace: 'kube-system' } });
    await api.send({ method: 'POST', path: '/api/v1/namespaces/kube-system/configmaps', body: elsewhere });
    await api.send(post('a'));
    await api.send(post('b'));
    const event = await watch.next();
    expect([describeEvent(event), objectAt(event, 'object', 'metadata').namespace]).toEqual([
      ['ADDED', 'b'],
      'default',
    ]);
  });

  it('ends after timeoutSeconds', async () => {
    const { api } = await startTestApi();
    const watch = await openWatch(api, configMaps, { timeoutSeconds: '1' });
    expect(describeEvent(await watch.next())).toBe('end');
  });

  it('that runs ends at once under an end-watch fault, and new ones after their first events', async () => {
    const { api, server } = await startTestApi();
    await api.send(post('a'));
    const before = await openWatch(api, configMaps);
    expect(describeEvent(await before.next())).toEqual(['ADDED', 'a']);
    const remove = server.fault({ verb: 'WATCH', kind: 'ConfigMap' }, { do: 'end-watch' });
    expect(describeEvent(await before.next())).toBe('end');
    expect(await take(await openWatch(api, configMaps), 2)).toEqual([['ADDED', 'a'], 'end']);
    remove();
    const after = await openWatch(api, configMaps);
    await api.send(post('b'));
    expect(await take(after, 2)).toEqual([
      ['ADDED', 'a'],
      ['ADDED', 'b'],
    ]);
  });

  it('is cut in the middle of the line after its first events under a reset fault', async () => {
    const { api, server } = await startTestApi();
    await api.send(post('a'));
    server.fault({ verb: 'WATCH' }, { do: 'reset', when: 'after' }, 1);
    const watch = await openWatch(api, configMaps);
    expect(describeEvent(await watch.next())).toEqual(['ADDED', 'a']);
    await expect(watch.next()).rejects.toThrow();
  });

  it('that runs gets a 410 event under a gone fault, the next one is answered 410, the one after works', async () => {
    const { api, server } = await startTestApi();
    const before = await openWatch(api, configMaps);
    server.fault({ verb: 'WATCH' }, { do: 'gone' });
    expect(await take(before, 2)).toEqual([['ERROR', 410], 'end']);
    expect((await openWatch(api, configMaps, { resourceVersion: '1' })).status).toBe(410);
    expect((await openWatch(api, configMaps)).status).toBe(200);
  });
});
