import { refOf } from '../../object.js';
import type { Controller } from '../context.js';
import { getByKey, keyOf, NAMESPACE } from '../kinds.js';
import { createQueue } from '../queue.js';
import { writeStatus } from '../status.js';
import { watchAll } from '../watch-all.js';

/** The objects of every new namespace. */
const furniture = [
  { apiVersion: 'v1', kind: 'ServiceAccount', name: 'default' },
  { apiVersion: 'v1', kind: 'ConfigMap', name: 'kube-root-ca.crt' },
];

/** Activates namespaces and creates their default objects; empties terminating ones and finalizes them. */
export const namespaceController: Controller = context => {
  const { store, clock, kinds } = context;
  const queue = createQueue(clock, key => {
    const namespace = getByKey(store, NAMESPACE, key);
    if (!namespace) return;
    const { name, deletionTimestamp } = namespace.metadata;
    if (deletionTimestamp === undefined) {
      if (namespace.status?.phase === undefined) writeStatus(store, namespace, { phase: 'Active' });
      for (const { apiVersion, kind, name: own } of furniture) {
        if (store.get({ apiVersion, kind, name: own, namespace: name })) continue;
        store.create({ apiVersion, kind, metadata: { name: own, namespace: name } });
      }
      return;
    }
    const content = () =>
      kinds()
        .filter(({ namespaced }) => namespaced)
        .flatMap(({ apiVersion, kind }) => store.list({ apiVersion, kind, namespace: name }));
    for (const object of content()) {
      // An object that is served under two API versions is deleted through the first.
      if (object.metadata.deletionTimestamp === undefined && store.get(refOf(object))) store.remove(refOf(object));
    }
    if (content().length === 0) store.remove(refOf(namespace), { gracePeriodSeconds: 0 });
  });

  const ends = [
    store.watch(NAMESPACE, ({ type, object }) => {
      if (type !== 'DELETED') queue.add(keyOf(object));
    }),
    watchAll(context, ({ type, object }) => {
      if (type === 'DELETED' && object.metadata.namespace !== undefined) queue.add(`/${object.metadata.namespace}`);
    }),
  ];
  return () => {
    queue.close();
    for (const end of ends) end();
  };
};
