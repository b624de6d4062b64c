import { nameOf, objectAt, textAt, type JsonObject } from '../schema/json.js';
import type { Kind } from '../schema/kinds.js';
import { forbidden, notFound } from '../http/status.js';
import type { ObjectKey, Storage } from '../store/storage.js';

/** Every namespace gets `default`, so only other names are checked. */
export function needServiceAccount(storage: Storage, kind: Kind, object: JsonObject): void {
  if (kind.group !== '' || kind.kind !== 'Pod') return;
  const name = textAt(objectAt(object, 'spec'), 'serviceAccountName') ?? 'default';
  const { namespace, name: own } = nameOf(object);
  if (name === 'default' || storage.read('serviceaccounts', { namespace, name })) return;
  const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`;
  // A real API server checks before it generates the name.
  const prefix = textAt(objectAt(object, 'metadata'), 'generateName') ?? '';
  const isGenerated = prefix !== '' && own.startsWith(prefix) && own.length === prefix.length + 5;
  throw forbidden(kind, isGenerated ? prefix : own, why);
}

/** Throws 404 if the namespace does not exist, 403 while it is terminating. */
export function needNamespace(storage: Storage, kind: Kind, key: ObjectKey): void {
  if (!kind.namespaced) return;
  const namespace = storage.read('namespaces', { namespace: '', name: key.namespace });
  if (namespace === undefined) throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, key.namespace);
  if (textAt(objectAt(namespace, 'metadata'), 'deletionTimestamp') === undefined) return;
  const why = `unable to create new content in namespace ${key.namespace} because it is being terminated`;
  const error = forbidden(kind, key.name, why);
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${key.namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  Object.assign(objectAt(error.status, 'details'), { causes: [cause] });
  throw error;
}
