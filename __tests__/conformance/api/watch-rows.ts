import {
  asText,
  objectAt,
  objectsAt,
  textAt,
  type JsonObject,
  type JsonValue,
} from '../../../sandbox/api/schema/json.js';
import { openWatch, type WatchReader } from '../../support/sandbox/watch-reader.js';
import {
  all,
  at,
  configMap,
  create,
  given,
  metadataOf,
  patch,
  remove,
  replace,
  verdict,
  versionOf,
  withName,
  type RowNamespace,
  type Row,
} from '../../support/conformance/api-row.js';

/** An event in short: type, and the name of its object or the code of its Status. */
const describeEvent = (event: JsonObject | undefined): JsonValue =>
  event === undefined
    ? 'end'
    : [event.type ?? '', objectAt(event.object, 'metadata').name ?? objectAt(event.object).code ?? ''];

async function take(watch: WatchReader, count: number): Promise<JsonObject[]> {
  const events: JsonObject[] = [];
  for (let index = 0; index < count; index += 1) events.push((await watch.next()) ?? { type: 'end' });
  return events;
}

const names = (events: readonly JsonObject[]): JsonValue[] => events.map(describeEvent);

/** Watches the ConfigMaps that carry the row's label. */
const own = ({ name }: RowNamespace): Readonly<Record<string, string>> => ({ labelSelector: `row=${name}` });
const labelled = (ns: RowNamespace, name: string, data: JsonObject = {}): JsonObject =>
  configMap(data, { name: `${ns.name}-${name}`, labels: { row: ns.name } });
const make = (ns: RowNamespace, name: string, data: JsonObject = {}): Promise<JsonObject> =>
  given(ns, labelled(ns, name, data));
const pathOf = (ns: RowNamespace, name: string): string => at(ns, 'ConfigMap', `${ns.name}-${name}`);
const label = (ns: RowNamespace, name: string, row: string): Promise<unknown> =>
  patch(ns, pathOf(ns, name), { body: { metadata: { labels: { row } } } });

const open = (ns: RowNamespace, query: Readonly<Record<string, string>> = {}): Promise<WatchReader> =>
  openWatch(ns.api, all(ns, 'ConfigMap'), { timeoutSeconds: '60', ...own(ns), ...query });

const streaming = { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: 'true' };
const ask = async (ns: RowNamespace, query: Readonly<Record<string, string>>): Promise<JsonValue> =>
  verdict(
    await ns.api.send({
      method: 'GET',
      path: all(ns, 'ConfigMap'),
      query: { watch: 'true', timeoutSeconds: '1', ...query },
    }),
  );

export const watchRows: readonly Row[] = [
  {
    title: 'a watch without a version sends the present objects, then the changes, in order',
    run: async ns => {
      await make(ns, 'a');
      const watch = await open(ns);
      const first = await take(watch, 1);
      await make(ns, 'b');
      await patch(ns, pathOf(ns, 'a'), { body: { data: { x: '1' } } });
      await remove(ns, pathOf(ns, 'b'));
      return names([...first, ...(await take(watch, 3))]);
    },
    expected: [
      ['ADDED', 'web-a'],
      ['ADDED', 'web-b'],
      ['MODIFIED', 'web-a'],
      ['DELETED', 'web-b'],
    ],
  },
  {
    title: 'a watch of version 0 sends the present objects first',
    run: async ns => {
      await make(ns, 'a');
      return names(await take(await open(ns, { resourceVersion: '0' }), 1));
    },
    expected: [['ADDED', 'web-a']],
  },
  {
    title: 'a watch from the version of a list sends the later changes, each once',
    run: async ns => {
      await make(ns, 'a');
      const list = await ns.api.send({ method: 'GET', path: all(ns, 'ConfigMap'), query: own(ns) });
      await make(ns, 'b');
      const watch = await open(ns, { resourceVersion: versionOf(list) });
      await make(ns, 'c');
      return [objectsAt(list.json, 'items').length, names(await take(watch, 2))];
    },
    expected: [
      1,
      [
        ['ADDED', 'web-b'],
        ['ADDED', 'web-c'],
      ],
    ],
  },
  {
    title: 'a watch from the version of an object does not report that version again',
    run: async ns => {
      const made = await make(ns, 'a');
      const watch = await open(ns, { resourceVersion: versionOf({ json: made }) });
      await make(ns, 'b');
      return names(await take(watch, 1));
    },
    expected: [['ADDED', 'web-b']],
  },
  {
    title: 'events carry rising versions and the object as it was written',
    run: async ns => {
      const watch = await open(ns);
      const made = await make(ns, 'a', { x: '1' });
      const changed = await patch(ns, pathOf(ns, 'a'), { body: { data: { x: '2' } } });
      await remove(ns, pathOf(ns, 'a'));
      const [added, modified, deleted] = (await take(watch, 3)).map(event => ({ json: objectAt(event.object) }));
      if (!added || !modified || !deleted) return 'no events';
      return [
        [versionOf(added) === versionOf({ json: made }), versionOf(modified) === versionOf(changed)],
        Number(versionOf(deleted)) > Number(versionOf(modified)),
        [added, modified, deleted].map(({ json }) => [json.kind ?? '', json.apiVersion ?? '', json.data ?? {}]),
      ];
    },
    expected: [
      [true, true],
      true,
      [
        ['ConfigMap', 'v1', { x: '1' }],
        ['ConfigMap', 'v1', { x: '2' }],
        ['ConfigMap', 'v1', { x: '2' }],
      ],
    ],
  },
  {
    title: 'streaming begins with the present objects and an annotated bookmark',
    run: async ns => {
      await make(ns, 'a');
      const watch = await open(ns, streaming);
      const [first, second] = await take(watch, 2);
      await make(ns, 'b');
      const bookmark = objectAt(second, 'object');
      return [
        describeEvent(first),
        [second?.type ?? '', bookmark.kind ?? '', bookmark.apiVersion ?? '', Object.keys(bookmark).sort()],
        [metadataOf({ json: bookmark }).annotations ?? '', Object.keys(objectAt(bookmark, 'metadata')).sort()],
        names(await take(watch, 1)),
      ];
    },
    expected: [
      ['ADDED', 'web-a'],
      ['BOOKMARK', 'ConfigMap', 'v1', ['apiVersion', 'kind', 'metadata']],
      [{ 'k8s.io/initial-events-end': 'true' }, ['annotations', 'resourceVersion']],
      [['ADDED', 'web-b']],
    ],
  },
  {
    title: 'streaming of nothing begins with the bookmark',
    run: async ns => {
      const watch = await open(ns, streaming);
      const [first] = await take(watch, 1);
      return [first?.type ?? '', objectAt(first, 'object', 'metadata').annotations ?? ''];
    },
    expected: ['BOOKMARK', { 'k8s.io/initial-events-end': 'true' }],
  },
  {
    title: 'streaming without initial events sends only changes',
    run: async ns => {
      await make(ns, 'a');
      const watch = await open(ns, { ...streaming, sendInitialEvents: 'false', resourceVersion: '' });
      await make(ns, 'b');
      const events = await take(watch, 1);
      return names(events);
    },
    expected: [['ADDED', 'web-b']],
  },
  {
    title: 'streaming needs to say how its version is meant',
    run: async ns => [
      await ask(ns, { sendInitialEvents: 'true' }),
      await ask(ns, { sendInitialEvents: 'true', resourceVersionMatch: 'Exact' }),
      await ask(ns, { resourceVersionMatch: 'NotOlderThan' }),
    ],
    expected: [
      {
        status: 422,
        reason: 'Invalid',
        message:
          'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
        details: { group: 'meta.k8s.io', kind: 'ListOptions' },
        causes: ['FieldValueForbidden resourceVersionMatch'],
      },
      {
        status: 422,
        reason: 'Invalid',
        message:
          'ListOptions.meta.k8s.io "" is invalid: [resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]',
        details: { group: 'meta.k8s.io', kind: 'ListOptions' },
        causes: ['FieldValueForbidden resourceVersionMatch', 'FieldValueNotSupported resourceVersionMatch'],
      },
      {
        status: 422,
        reason: 'Invalid',
        message:
          'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
        details: { group: 'meta.k8s.io', kind: 'ListOptions' },
        causes: ['FieldValueForbidden resourceVersionMatch'],
      },
    ],
  },
  {
    title: 'an object that gets the label is ADDED, one that loses it is DELETED with its last labels',
    run: async ns => {
      const watch = await open(ns);
      await given(ns, configMap({}, { name: `${ns.name}-a` }));
      await label(ns, 'a', ns.name);
      await patch(ns, pathOf(ns, 'a'), { body: { data: { x: '1' } } });
      await label(ns, 'a', 'none');
      const lost = await ns.api.get(pathOf(ns, 'a'));
      await remove(ns, pathOf(ns, 'a'));
      await make(ns, 'b');
      const events = await take(watch, 4);
      const last = objectAt(events[2], 'object');
      return [
        names(events),
        objectAt(last, 'metadata').labels ?? {},
        last.data ?? {},
        versionOf({ json: last }) === versionOf(lost),
      ];
    },
    expected: [
      [
        ['ADDED', 'web-a'],
        ['MODIFIED', 'web-a'],
        ['DELETED', 'web-a'],
        ['ADDED', 'web-b'],
      ],
      { row: 'web' },
      { x: '1' },
      true,
    ],
  },
  {
    title: 'a watch by the field metadata.name sends only that object',
    run: async ns => {
      const watch = await openWatch(ns.api, all(ns, 'ConfigMap'), {
        fieldSelector: `metadata.name=${ns.name}`,
        timeoutSeconds: '60',
      });
      await make(ns, 'other');
      await create(ns, configMap());
      await remove(ns, at(ns, 'ConfigMap'));
      return names(await take(watch, 2));
    },
    expected: [
      ['ADDED', 'web'],
      ['DELETED', 'web'],
    ],
  },
  {
    title: 'a recreated object is DELETED and ADDED with another uid',
    run: async ns => {
      const watch = await open(ns);
      await make(ns, 'a');
      await remove(ns, pathOf(ns, 'a'));
      await make(ns, 'a');
      await remove(ns, pathOf(ns, 'a'));
      const events = await take(watch, 4);
      const uids = events.map(event => textAt(objectAt(event.object, 'metadata'), 'uid') ?? '');
      return [names(events), new Set(uids).size];
    },
    expected: [
      [
        ['ADDED', 'web-a'],
        ['DELETED', 'web-a'],
        ['ADDED', 'web-a'],
        ['DELETED', 'web-a'],
      ],
      2,
    ],
  },
  {
    title: 'a deletion that a finalizer holds up is MODIFIED, then DELETED when the finalizer is gone',
    run: async ns => {
      const watch = await open(ns);
      const held = labelled(ns, 'a');
      await given(ns, { ...held, metadata: { ...objectAt(held, 'metadata'), finalizers: ['example.com/hold'] } });
      await remove(ns, pathOf(ns, 'a'));
      await patch(ns, pathOf(ns, 'a'), { body: { metadata: { finalizers: null } } });
      const events = await take(watch, 3);
      const marked = events.map(event => objectAt(event.object, 'metadata').deletionTimestamp !== undefined);
      return [names(events), marked];
    },
    expected: [
      [
        ['ADDED', 'web-a'],
        ['MODIFIED', 'web-a'],
        ['DELETED', 'web-a'],
      ],
      [false, true, true],
    ],
  },
  {
    title: 'a write that changes nothing sends no event',
    run: async ns => {
      const made = await make(ns, 'a', { x: '1' });
      const watch = await open(ns, { resourceVersion: versionOf({ json: made }) });
      await replace(ns, made);
      await patch(ns, pathOf(ns, 'a'), { body: { data: { x: '1' } } });
      await make(ns, 'b');
      return names(await take(watch, 1));
    },
    expected: [['ADDED', 'web-b']],
  },
  {
    title: 'a watch ends cleanly when its time is over',
    run: async ns => [describeEvent(await (await open(ns, { timeoutSeconds: '1' })).next())],
    expected: ['end'],
  },
  {
    title: 'a watch of one object by its path is a GET',
    run: async ns => {
      await create(ns, configMap());
      const answer = await ns.api.send({ method: 'GET', path: at(ns, 'ConfigMap'), query: { watch: 'true' } });
      return [answer.status, answer.json.kind ?? ''];
    },
    expected: [200, 'ConfigMap'],
  },
  {
    title: 'a watch of a single object before it is there waits for it',
    run: async ns => {
      const watch = await openWatch(ns.api, all(ns, 'ConfigMap'), {
        fieldSelector: `metadata.name=${ns.name}`,
        timeoutSeconds: '60',
      });
      await ns.api.apply(at(ns, 'ConfigMap'), withName(ns, configMap()));
      return names(await take(watch, 1));
    },
    expected: [['ADDED', 'web']],
  },
  {
    title: 'a version that is no number is refused',
    run: async ns => {
      const list = await ns.api.get(`${all(ns, 'ConfigMap')}?resourceVersion=latest`);
      return [await ask(ns, { resourceVersion: 'latest' }), verdict(list)];
    },
    expected: [
      {
        status: 500,
        message: 'resourceVersion: Invalid value: "latest": strconv.ParseUint: parsing "latest": invalid syntax',
      },
      {
        status: 400,
        reason: 'BadRequest',
        message:
          'invalid resource version: resourceVersion: Invalid value: "latest": strconv.ParseUint: parsing "latest": invalid syntax',
      },
    ],
  },
  {
    title: 'a watch from a version that is no longer kept gets one ERROR event with 410',
    run: async ns => {
      const watch = await open(ns, { resourceVersion: '1' });
      const [event] = await take(watch, 1);
      const { message, ...status } = objectAt(event, 'object');
      return [event?.type ?? '', status, asText(message).replaceAll(/\d+/g, 'N'), describeEvent(await watch.next())];
    },
    expected: [
      'ERROR',
      { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'Expired', code: 410 },
      'too old resource version: N (N)',
      'end',
    ],
  },
  {
    title: 'a list of a future version is refused after a while as too large a resource version',
    run: async ns => {
      const answer = await ns.api.send({
        method: 'GET',
        path: all(ns, 'ConfigMap'),
        query: { resourceVersion: '99999999999', resourceVersionMatch: 'NotOlderThan' },
      });
      const seen = verdict(answer);
      return { ...seen, message: asText(seen.message).replaceAll(/\d{2,}/g, 'N') };
    },
    expected: {
      status: 504,
      reason: 'Timeout',
      message: 'Timeout: Too large resource version: N, current: N',
      details: { retryAfterSeconds: 1 },
      causes: ['ResourceVersionTooLarge '],
    },
  },
  {
    title: 'a watch over all namespaces shows the namespace of each object',
    run: async ns => {
      const watch = await openWatch(ns.api, '/api/v1/configmaps', { timeoutSeconds: '60', ...own(ns) });
      await make(ns, 'a');
      const [event] = await take(watch, 1);
      return [describeEvent(event), objectAt(event, 'object', 'metadata').namespace ?? ''];
    },
    expected: [['ADDED', 'web-a'], 'shop'],
  },
];
