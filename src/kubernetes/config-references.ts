import { isFields, type Fields } from './fields.js';

/** A ConfigMap or Secret that something reads. */
export interface ConfigReference {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  /** Images are pulled with it, and nothing else: containers never see it. */
  readonly pullOnly?: true;
}

/** Gives the name that a reference shall have from now on. */
export type Rename = (reference: ConfigReference) => string;

type Form = readonly [kind: ConfigReference['kind'], holder: string, nameKey: string];

/** Maps that hold a reference. */
const single: readonly Form[] = [
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

/** Lists of maps that hold one each. All but the first are not of pods: Ingresses, ServiceAccounts and Gateways have them. */
const listed: readonly Form[] = [
  ['Secret', 'imagePullSecrets', 'name'],
  ['Secret', 'tls', 'secretName'],
  ['Secret', 'secrets', 'name'],
  ['Secret', 'certificateRefs', 'name'],
];

function renamed(value: unknown, [kind, holder, nameKey]: Form, rename: Rename): unknown {
  if (!isFields(value)) return value;
  const name = value[nameKey];
  if (typeof name !== 'string') return value;
  return { ...value, [nameKey]: rename({ kind, name, ...(holder === 'imagePullSecrets' && { pullOnly: true }) }) };
}

function below(key: string, value: unknown, rename: Rename): unknown {
  const one = single.filter(([, holder]) => holder === key).reduce((now, form) => renamed(now, form, rename), value);
  const list = listed.find(([, holder]) => holder === key);
  if (list === undefined || !Array.isArray(one)) return one;
  return (one as readonly unknown[]).map(item => renamed(item, list, rename));
}

/** A copy of a pod template, or of a whole object, in which every reference to a ConfigMap or Secret was put through `rename`. */
export function mapReferences(value: unknown, rename: Rename): unknown {
  if (Array.isArray(value)) return value.map(item => mapReferences(item, rename));
  if (!isFields(value)) return value;
  const fields: Fields = Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, mapReferences(below(key, field, rename), rename)]),
  );
  return fields;
}

/** Every ConfigMap and Secret that is referred to, each once, in the order in which they are found. */
export function referencesIn(value: unknown): readonly ConfigReference[] {
  const found = new Map<string, ConfigReference>();
  mapReferences(value, reference => {
    const key = `${reference.kind}/${reference.name}`;
    if (reference.pullOnly !== true || !found.has(key)) found.set(key, reference);
    return reference.name;
  });
  return [...found.values()];
}
