import { fieldAt, isFields, type Fields } from '../fields.js';
import type { KubeObject, ObjectRef } from '../object.js';

/** A ConfigMap or Secret that something reads. */
export interface ConfigReference {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  /** Used only to pull images: containers never read it. */
  readonly pullOnly?: true;
}

/** The new name of a reference. */
export type Rename = (reference: ConfigReference) => string;

type ReferenceField = readonly [kind: ConfigReference['kind'], field: string, nameKey: string];

/** Fields with one reference. */
const single: readonly ReferenceField[] = [
  ['ConfigMap', 'configMapRef', 'name'],
  ['ConfigMap', 'configMapKeyRef', 'name'],
  ['ConfigMap', 'configMap', 'name'],
  ['Secret', 'secretRef', 'name'],
  ['Secret', 'secretKeyRef', 'name'],
  ['Secret', 'secret', 'secretName'],
  ['Secret', 'secret', 'name'],
  ['Secret', 'azureFile', 'secretName'],
  ['Secret', 'nodePublishSecretRef', 'name'],
];

/** Lists of references. All but the first are fields of Ingresses, ServiceAccounts and Gateways, not of pods. */
const listed: readonly ReferenceField[] = [
  ['Secret', 'imagePullSecrets', 'name'],
  ['Secret', 'tls', 'secretName'],
  ['Secret', 'secrets', 'name'],
  ['Secret', 'certificateRefs', 'name'],
];

function renamed(value: unknown, [kind, field, nameKey]: ReferenceField, rename: Rename): unknown {
  if (!isFields(value)) return value;
  const name = value[nameKey];
  if (typeof name !== 'string') return value;
  return { ...value, [nameKey]: rename({ kind, name, ...(field === 'imagePullSecrets' && { pullOnly: true }) }) };
}

function renamedField(key: string, value: unknown, rename: Rename): unknown {
  const one = single
    .filter(([, field]) => field === key)
    .reduce((result, form) => renamed(result, form, rename), value);
  const list = listed.find(([, field]) => field === key);
  if (list === undefined || !Array.isArray(one)) return one;
  return (one as readonly unknown[]).map(item => renamed(item, list, rename));
}

/** A copy of a pod template, or of a whole object, with every reference to a ConfigMap or Secret renamed. */
export function mapReferences(value: unknown, rename: Rename): unknown {
  if (Array.isArray(value)) return value.map(item => mapReferences(item, rename));
  if (!isFields(value)) return value;
  const fields: Fields = Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, mapReferences(renamedField(key, field, rename), rename)]),
  );
  return fields;
}

/** Every ConfigMap and Secret that is referred to, each once, in the order of the fields. */
export function referencesIn(value: unknown): readonly ConfigReference[] {
  const found = new Map<string, ConfigReference>();
  mapReferences(value, reference => {
    const key = `${reference.kind}/${reference.name}`;
    if (reference.pullOnly !== true || !found.has(key)) found.set(key, reference);
    return reference.name;
  });
  return [...found.values()];
}

/** The ConfigMaps and Secrets that any of the objects refers to, in the namespace of that object; one may be there twice. */
export function referredTo(objects: readonly KubeObject[]): readonly ObjectRef[] {
  return objects.flatMap(object => {
    const { namespace } = object.metadata;
    const here = namespace === undefined ? {} : { namespace };
    return referencesIn(object).map(({ kind, name }) => ({ apiVersion: 'v1', kind, name, ...here }));
  });
}

/** The references of a workload's pod template: env, envFrom, volumes, projected volumes, pull secrets. */
export function configReferences(workload: KubeObject): readonly ConfigReference[] {
  return referencesIn(fieldAt(workload, ['spec', 'template']));
}
