import {
  asText,
  objectAt,
  objectsAt,
  textAt,
  type JsonObject,
  type JsonValue,
} from '../../../sandbox/api/schema/json.js';
import { openWatch } from '../../support/sandbox/watch-reader.js';
import {
  account,
  all,
  at,
  configMap,
  create,
  deployment,
  given,
  metadataOf,
  outcome,
  patch,
  pod,
  remove,
  verdict,
  versionOf,
  type RowNamespace,
  type Row,
} from '../../support/conformance/api-row.js';

const owned = (owner: JsonObject, name: string, blocking = true): JsonObject => {
  const { apiVersion = '', kind = '' } = owner;
  const { name: owning = '', uid = '' } = objectAt(owner, 'metadata');
  const reference = { apiVersion, kind, name: owning, uid, blockOwnerDeletion: blocking };
  return configMap({}, { name, ownerReferences: [reference] });
};

/** Watches until the object at `path` is deleted. */
async function gone(ns: RowNamespace, name: string): Promise<string> {
  const fieldSelector = `metadata.name=${name}`;
  const watch = await openWatch(ns.api, all(ns, 'ConfigMap'), { fieldSelector, timeoutSeconds: '60' });
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
    run: async ns => {
      await given(ns, deployment());
      const { status, json } = await remove(ns, at(ns, 'Deployment'));
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
    title: 'a finalizer keeps a marked object until it is removed',
    run: async ns => {
      const path = at(ns, 'ConfigMap');
      await given(ns, configMap({}, { finalizers: ['example.com/hold'] }));
      const first = await remove(ns, path);
      const again = await remove(ns, path);
      const changed = await patch(ns, path, { body: { data: { a: '1' } } });
      const added = await patch(ns, path, {
        body: { metadata: { finalizers: ['example.com/hold', 'example.com/b'] } },
      });
      const freed = await patch(ns, path, { body: { metadata: { finalizers: null } } });
      return [
        [
          first.status,
          first.json.kind ?? '',
          isMarked(first.json),
          objectAt(first.json, 'metadata').deletionGracePeriodSeconds ?? 'none',
        ],
        [again.status, isMarked(again.json)],
        [changed.status, outcome(added)],
        [freed.status, (await ns.api.get(path)).status],
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
    title: 'an object that is marked for deletion cannot be recreated',
    run: async ns => {
      await given(ns, configMap({}, { finalizers: ['example.com/hold'] }));
      await remove(ns, at(ns, 'ConfigMap'));
      const again = verdict(await create(ns, configMap()));
      await patch(ns, at(ns, 'ConfigMap'), { body: { metadata: { finalizers: null } } });
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
    title: 'a write can neither set nor remove the deletion mark',
    run: async ns => {
      const path = at(ns, 'ConfigMap');
      await given(ns, configMap());
      const set = await patch(ns, path, { body: { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z' } } });
      return [set.status, isMarked(set.json)];
    },
    expected: [422, false],
  },
  {
    title: 'dependents are deleted after their owner, in the background',
    run: async ns => {
      const owner = await given(ns, configMap());
      await given(ns, owned(owner, `${ns.name}-owned`));
      const waiting = gone(ns, `${ns.name}-owned`);
      const { status, json } = await remove(ns, at(ns, 'ConfigMap'));
      return [status, json.kind ?? '', await waiting];
    },
    expected: [200, 'Status', 'gone'],
  },
  {
    title: 'in the foreground, the owner waits, marked and with a finalizer, for what it owns',
    run: async ns => {
      const owner = await given(ns, configMap());
      const kept = owned(owner, `${ns.name}-owned`);
      await given(ns, { ...kept, metadata: { ...objectAt(kept, 'metadata'), finalizers: ['example.com/hold'] } });
      const waiting = gone(ns, ns.name);
      const { status, json } = await remove(ns, at(ns, 'ConfigMap'), { propagationPolicy: 'Foreground' });
      await patch(ns, at(ns, 'ConfigMap', `${ns.name}-owned`), { body: { metadata: { finalizers: null } } });
      return [status, json.kind ?? '', isMarked(json), finalizersOf(json), await waiting];
    },
    expected: [200, 'ConfigMap', true, ['foregroundDeletion'], 'gone'],
  },
  {
    title: 'in the foreground, an owner of nothing is marked too',
    run: async ns => {
      await given(ns, configMap());
      const waiting = gone(ns, ns.name);
      const { status, json } = await remove(ns, at(ns, 'ConfigMap'), { propagationPolicy: 'Foreground' });
      return [status, json.kind ?? '', finalizersOf(json), await waiting];
    },
    expected: [200, 'ConfigMap', ['foregroundDeletion'], 'gone'],
  },
  {
    title: 'orphans stay, without their owner',
    run: async ns => {
      const owner = await given(ns, configMap());
      const path = at(ns, 'ConfigMap', `${ns.name}-owned`);
      await given(ns, owned(owner, `${ns.name}-owned`));
      const waiting = gone(ns, ns.name);
      const { status, json } = await remove(ns, at(ns, 'ConfigMap'), { propagationPolicy: 'Orphan' });
      await waiting;
      const left = await ns.api.get(path);
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
    run: async ns => {
      await given(ns, configMap());
      return verdict(await remove(ns, at(ns, 'ConfigMap'), { propagationPolicy: 'Sideways' }));
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
    title: 'a pod that never ran is removed at once, whatever its grace period',
    run: async ns => {
      await given(ns, account);
      await given(ns, pod(ns));
      const { status, json } = await remove(ns, at(ns, 'Pod'));
      return [
        status,
        json.kind ?? '',
        objectAt(json, 'metadata').deletionGracePeriodSeconds ?? 'none',
        (await ns.api.get(at(ns, 'Pod'))).status,
      ];
    },
    expected: [200, 'Pod', 0, 404],
  },
  {
    title: 'a negative grace of a deletion counts as one second',
    run: async ns => {
      await given(ns, configMap());
      return verdict(await remove(ns, at(ns, 'ConfigMap'), { gracePeriodSeconds: -1 }));
    },
    expected: { status: 200, details: { name: 'web', kind: 'configmaps', uid: 'UID' } },
  },
  {
    title: 'a collection is deleted by selector, and the answer lists the deleted objects',
    run: async ns => {
      for (const name of ['a', 'b'])
        await given(ns, configMap({}, { name: `${ns.name}-${name}`, labels: { row: ns.name } }));
      const path = all(ns, 'ConfigMap');
      const { status, json } = await ns.api.send({
        method: 'DELETE',
        path,
        query: { labelSelector: `row=${ns.name}` },
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
    title: 'a terminating namespace refuses new objects and allows changes of existing ones',
    run: async ns => {
      const name = `${ns.namespace}-${ns.name}`;
      const inside = { ...ns, namespace: name };
      await ns.api.send({
        method: 'POST',
        path: '/api/v1/namespaces',
        body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
      });
      await given(inside, configMap({}, { finalizers: ['example.com/hold'] }));
      const deleted = await remove(ns, `/api/v1/namespaces/${name}`);
      const refused = await create(inside, configMap({}, { name: 'new' }));
      const applied = await inside.api.apply(at(inside, 'ConfigMap', 'new'), configMap({}, { name: 'new' }), {
        dryRun: true,
      });
      const changed = await patch(inside, at(inside, 'ConfigMap'), { body: { data: { a: '1' } } });
      const again = await remove(ns, `/api/v1/namespaces/${name}`);
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
    run: async ns => verdict(await remove(ns, '/api/v1/namespaces/default')),
    expected: {
      status: 403,
      reason: 'Forbidden',
      message: 'namespaces "default" is forbidden: this namespace may not be deleted',
      details: { name: 'default', kind: 'namespaces' },
    },
  },
  {
    title: 'preconditions of a deletion name the uid and the version, and all of them must hold',
    run: async ns => {
      const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', spec: { holderIdentity: 'a' } };
      const stale = versionOf({ json: await given(ns, lease) });
      const path = at(ns, 'Lease');
      const live = await patch(ns, path, { body: { spec: { holderIdentity: 'b' } } });
      const uid = asText(metadataOf(live).uid);
      const resourceVersion = versionOf(live);
      const answers: JsonValue[] = [];
      for (const preconditions of [
        { uid, resourceVersion: stale },
        { uid: 'other', resourceVersion },
        { uid: 'other', resourceVersion: stale },
      ]) {
        const seen = verdict(await remove(ns, path, { preconditions }));
        answers.push({ ...seen, message: asText(seen.message).replaceAll(/\(\d+\)/g, '(N)') });
      }
      const kept = await ns.api.get(path);
      const held = await remove(ns, path, { preconditions: { uid, resourceVersion } });
      return [...answers, kept.status, outcome(held), outcome(await ns.api.get(path))];
    },
    expected: [
      {
        status: 409,
        reason: 'Conflict',
        message:
          'Operation cannot be fulfilled on Lease.coordination.k8s.io "web": the ResourceVersion in the precondition (N) does not match the ResourceVersion in record (N). The object might have been modified',
        details: { name: 'web', group: 'coordination.k8s.io', kind: 'Lease' },
      },
      ...Array<JsonObject>(2).fill({
        status: 409,
        reason: 'Conflict',
        message:
          'Operation cannot be fulfilled on Lease.coordination.k8s.io "web": the UID in the precondition (other) does not match the UID in record (UID). The object might have been deleted and then recreated',
        details: { name: 'web', group: 'coordination.k8s.io', kind: 'Lease' },
      }),
      200,
      200,
      '404 leases.coordination.k8s.io "web" not found',
    ],
  },
];
