import { objectAt, objectsAt, textAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import { openWatch } from '../../support/sandbox/watch-reader.js';
import {
  account,
  all,
  at,
  configMap,
  create,
  deployment,
  given,
  outcome,
  patch,
  pod,
  remove,
  verdict,
  type Place,
  type Row,
} from '../../support/conformance/api-row.js';

const owned = (owner: JsonObject, name: string, blocking = true): JsonObject => {
  const { apiVersion = '', kind = '' } = owner;
  const { name: owning = '', uid = '' } = objectAt(owner, 'metadata');
  const reference = { apiVersion, kind, name: owning, uid, blockOwnerDeletion: blocking };
  return configMap({}, { name, ownerReferences: [reference] });
};

/** Waits until the object at `path` is gone; the watch tells when. */
async function gone(place: Place, name: string): Promise<string> {
  const fieldSelector = `metadata.name=${name}`;
  const watch = await openWatch(place.api, all(place, 'ConfigMap'), { fieldSelector, timeoutSeconds: '60' });
  for (let event = await watch.next(); event !== undefined; event = await watch.next()) {
    if (event.type === 'DELETED') return 'gone';
  }
  return 'still there';
}

const finalizersOf = (object: JsonObject): JsonValue => objectAt(object, 'metadata').finalizers ?? [];
const isMarked = (object: JsonObject): boolean => objectAt(object, 'metadata').deletionTimestamp !== undefined;

export const deleteRows: readonly Row[] = [
  {
    title: 'a deletion answers a Status with the uid',
    run: async place => {
      await given(place, deployment());
      const { status, json } = await remove(place, at(place, 'Deployment'));
      return [status, json];
    },
    expected: [
      200,
      {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Success',
        details: { name: 'web', group: 'apps', kind: 'deployments', uid: 'UID' },
      },
    ],
  },
  {
    title: 'a finalizer keeps an object, marked, until it is taken away',
    run: async place => {
      const path = at(place, 'ConfigMap');
      await given(place, configMap({}, { finalizers: ['example.com/hold'] }));
      const first = await remove(place, path);
      const again = await remove(place, path);
      const changed = await patch(place, path, { body: { data: { a: '1' } } });
      const added = await patch(place, path, {
        body: { metadata: { finalizers: ['example.com/hold', 'example.com/b'] } },
      });
      const freed = await patch(place, path, { body: { metadata: { finalizers: null } } });
      return [
        [
          first.status,
          first.json.kind ?? '',
          isMarked(first.json),
          objectAt(first.json, 'metadata').deletionGracePeriodSeconds ?? 'none',
        ],
        [again.status, isMarked(again.json)],
        [changed.status, outcome(added)],
        [freed.status, (await place.api.get(path)).status],
      ];
    },
    expected: [
      [200, 'ConfigMap', true, 0],
      [200, true],
      [
        200,
        '422 ConfigMap "web" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/b"}',
      ],
      [200, 404],
    ],
  },
  {
    title: 'an object that is marked cannot be made anew',
    run: async place => {
      await given(place, configMap({}, { finalizers: ['example.com/hold'] }));
      await remove(place, at(place, 'ConfigMap'));
      const again = verdict(await create(place, configMap()));
      await patch(place, at(place, 'ConfigMap'), { body: { metadata: { finalizers: null } } });
      return again;
    },
    expected: {
      status: 409,
      reason: 'AlreadyExists',
      message: 'object is being deleted: configmaps "web" already exists',
      details: { name: 'web', kind: 'configmaps' },
    },
  },
  {
    title: 'a mark is neither set nor taken away by a write',
    run: async place => {
      const path = at(place, 'ConfigMap');
      await given(place, configMap());
      const set = await patch(place, path, { body: { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z' } } });
      return [set.status, isMarked(set.json)];
    },
    expected: [422, false],
  },
  {
    title: 'what an object owns goes after it, in the background',
    run: async place => {
      const owner = await given(place, configMap());
      await given(place, owned(owner, `${place.name}-owned`));
      const waiting = gone(place, `${place.name}-owned`);
      const { status, json } = await remove(place, at(place, 'ConfigMap'));
      return [status, json.kind ?? '', await waiting];
    },
    expected: [200, 'Status', 'gone'],
  },
  {
    title: 'in the foreground, the owner waits, marked and with a finalizer, for what it owns',
    run: async place => {
      const owner = await given(place, configMap());
      const kept = owned(owner, `${place.name}-owned`);
      await given(place, { ...kept, metadata: { ...objectAt(kept, 'metadata'), finalizers: ['example.com/hold'] } });
      const waiting = gone(place, place.name);
      const { status, json } = await remove(place, at(place, 'ConfigMap'), { propagationPolicy: 'Foreground' });
      await patch(place, at(place, 'ConfigMap', `${place.name}-owned`), { body: { metadata: { finalizers: null } } });
      return [status, json.kind ?? '', isMarked(json), finalizersOf(json), await waiting];
    },
    expected: [200, 'ConfigMap', true, ['foregroundDeletion'], 'gone'],
  },
  {
    title: 'in the foreground, an owner of nothing is marked too',
    run: async place => {
      await given(place, configMap());
      const waiting = gone(place, place.name);
      const { status, json } = await remove(place, at(place, 'ConfigMap'), { propagationPolicy: 'Foreground' });
      return [status, json.kind ?? '', finalizersOf(json), await waiting];
    },
    expected: [200, 'ConfigMap', ['foregroundDeletion'], 'gone'],
  },
  {
    title: 'orphans stay, without their owner',
    run: async place => {
      const owner = await given(place, configMap());
      const path = at(place, 'ConfigMap', `${place.name}-owned`);
      await given(place, owned(owner, `${place.name}-owned`));
      const waiting = gone(place, place.name);
      const { status, json } = await remove(place, at(place, 'ConfigMap'), { propagationPolicy: 'Orphan' });
      await waiting;
      const left = await place.api.get(path);
      return [
        status,
        json.kind ?? '',
        finalizersOf(json),
        left.status,
        objectAt(left.json, 'metadata').ownerReferences ?? 'none',
      ];
    },
    expected: [200, 'ConfigMap', ['orphan'], 200, 'none'],
  },
  {
    title: 'an unknown propagation is refused',
    run: async place => {
      await given(place, configMap());
      return verdict(await remove(place, at(place, 'ConfigMap'), { propagationPolicy: 'Sideways' }));
    },
    expected: {
      status: 422,
      reason: 'Invalid',
      message:
        'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Sideways": supported values: "Foreground", "Background", "Orphan", "nil"',
      details: { group: 'meta.k8s.io', kind: 'DeleteOptions' },
      causes: ['FieldValueNotSupported propagationPolicy'],
    },
  },
  {
    title: 'a pod that never ran goes at once, whatever its grace',
    run: async place => {
      await given(place, account);
      await given(place, pod(place));
      const { status, json } = await remove(place, at(place, 'Pod'));
      return [
        status,
        json.kind ?? '',
        objectAt(json, 'metadata').deletionGracePeriodSeconds ?? 'none',
        (await place.api.get(at(place, 'Pod'))).status,
      ];
    },
    expected: [200, 'Pod', 0, 404],
  },
  {
    title: 'a negative grace of a deletion counts as one second',
    run: async place => {
      await given(place, configMap());
      return verdict(await remove(place, at(place, 'ConfigMap'), { gracePeriodSeconds: -1 }));
    },
    expected: { status: 200, details: { name: 'web', kind: 'configmaps', uid: 'UID' } },
  },
  {
    title: 'a collection goes by its selector and answers what went',
    run: async place => {
      for (const name of ['a', 'b'])
        await given(place, configMap({}, { name: `${place.name}-${name}`, labels: { row: place.name } }));
      const path = all(place, 'ConfigMap');
      const { status, json } = await place.api.send({
        method: 'DELETE',
        path,
        query: { labelSelector: `row=${place.name}` },
      });
      return [
        status,
        json.kind ?? '',
        objectsAt(json, 'items').map(item => textAt(objectAt(item, 'metadata'), 'name') ?? ''),
      ];
    },
    expected: [200, 'ConfigMapList', ['web-a', 'web-b']],
  },
  {
    title: 'a namespace that goes refuses new content and lets what is there change',
    run: async place => {
      const name = `${place.namespace}-${place.name}`;
      const inside = { ...place, namespace: name };
      await place.api.send({
        method: 'POST',
        path: '/api/v1/namespaces',
        body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      });
      await given(inside, configMap({}, { finalizers: ['example.com/hold'] }));
      const deleted = await remove(place, `/api/v1/namespaces/${name}`);
      const refused = await create(inside, configMap({}, { name: 'new' }));
      const applied = await inside.api.apply(at(inside, 'ConfigMap', 'new'), configMap({}, { name: 'new' }), {
        dryRun: true,
      });
      const changed = await patch(inside, at(inside, 'ConfigMap'), { body: { data: { a: '1' } } });
      const again = await remove(place, `/api/v1/namespaces/${name}`);
      await patch(inside, at(inside, 'ConfigMap'), { body: { metadata: { finalizers: null } } });
      return [
        [deleted.status, deleted.json.kind ?? '', deleted.json.status ?? '', isMarked(deleted.json)],
        verdict(refused),
        outcome(applied),
        [changed.status, outcome(again)],
      ];
    },
    expected: [
      [200, 'Namespace', { phase: 'Terminating' }, true],
      {
        status: 403,
        reason: 'Forbidden',
        message:
          'configmaps "new" is forbidden: unable to create new content in namespace shop-web because it is being terminated',
        details: { name: 'new', kind: 'configmaps' },
        causes: ['NamespaceTerminating metadata.namespace'],
      },
      '403 configmaps "new" is forbidden: unable to create new content in namespace shop-web because it is being terminated',
      [200, 200],
    ],
  },
  {
    title: 'a namespace that must stay cannot be deleted',
    run: async place => verdict(await remove(place, '/api/v1/namespaces/default')),
    expected: {
      status: 403,
      reason: 'Forbidden',
      message: 'namespaces "default" is forbidden: this namespace may not be deleted',
      details: { name: 'default', kind: 'namespaces' },
    },
  },
];
