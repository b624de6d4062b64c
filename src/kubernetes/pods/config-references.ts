import { fieldAt, isFields, listAt, textAt, type Fields, type Path } from '../fields.js';
import type { KubeObject, ObjectRef } from '../object.js';
import { own } from '../../own.js';
import { podSpecPath } from './pod-spec.js';

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
  const name = own(value, nameKey);
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

interface PodReference {
  /** The list of the pod spec whose items have the field. Absent: the pod spec itself has it. */
  readonly list?: 'volumes' | 'resourceClaims';
  readonly field: Path;
  readonly apiVersion: string;
  readonly kind: string;
  readonly isClusterScoped?: true;
}

/** Fields that name what no pod starts without. `serviceAccount` is the older name of the first. */
const podReferences: readonly PodReference[] = [
  { field: ['serviceAccountName'], apiVersion: 'v1', kind: 'ServiceAccount' },
  { field: ['serviceAccount'], apiVersion: 'v1', kind: 'ServiceAccount' },
  { field: ['priorityClassName'], apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', isClusterScoped: true },
  { field: ['runtimeClassName'], apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', isClusterScoped: true },
  {
    ...{ list: 'volumes', field: ['persistentVolumeClaim', 'claimName'] },
    ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
  },
  {
    ...{ list: 'volumes', field: ['csi', 'volumeAttributes', 'secretProviderClass'] },
    ...{ apiVersion: 'secrets-store.csi.x-k8s.io/v1', kind: 'SecretProviderClass' },
  },
  {
    ...{ list: 'resourceClaims', field: ['resourceClaimName'] },
    ...{ apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim' },
  },
  {
    ...{ list: 'resourceClaims', field: ['resourceClaimTemplateName'] },
    ...{ apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaimTemplate' },
  },
];

/**
 * The ConfigMaps and Secrets that any of the objects refers to, and the ServiceAccounts, classes and claims of their pods, without
 * which no pod starts; one may be there twice.
 */
export function referredTo(objects: readonly KubeObject[]): readonly ObjectRef[] {
  return objects.flatMap(object => {
    const { namespace } = object.metadata;
    const here = namespace === undefined ? {} : { namespace };
    const config = referencesIn(object).map(({ kind, name }) => ({ apiVersion: 'v1', kind, name, ...here }));
    const path = podSpecPath(object);
    if (path === undefined) return config;
    const ofPods = podReferences.flatMap(({ list, field, apiVersion, kind, isClusterScoped }) => {
      const items = list === undefined ? [path] : listAt(object, [...path, list]).map((_, at) => [...path, list, at]);
      const names = items.map(item => textAt(object, [...item, ...field])).filter(name => name !== undefined);
      return names.map(name => ({ apiVersion, kind, name, ...(isClusterScoped !== true && here) }));
    });
    return [...config, ...ofPods];
  });
}

/** The references of a workload's pod template: env, envFrom, volumes, projected volumes, pull secrets. */
export function configReferences(workload: KubeObject): readonly ConfigReference[] {
  return referencesIn(fieldAt(workload, ['spec', 'template']));
}
