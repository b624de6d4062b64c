import type { KubeObject } from '../../object.js';
import type { Store } from '../../api/store/store.js';
import type { Container, EnvVar, KeySelector, Pod, Volume } from '../../controllers/pod.js';

/** A pod refers to something that does not exist; the message is the kubelet's. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type Environment = Readonly<Record<string, string>>;

/** The environment of a container. Throws {@link ConfigError} for a missing ConfigMap, Secret or key. */
export function environmentOf(store: Store, pod: Pod, container: Container): Environment {
  const source = { store, namespace: pod.metadata.namespace ?? '' };
  const env: Record<string, string> = {};
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const data = {
      ...(configMapRef && dataOf(source, 'ConfigMap', configMapRef)),
      ...(secretRef && dataOf(source, 'Secret', secretRef)),
    };
    for (const [name, value] of Object.entries(data)) env[`${prefix}${name}`] = value;
  }
  for (const variable of container.env ?? []) {
    const value = valueOf(source, pod, variable);
    if (value !== undefined) env[variable.name] = expand(value, env);
  }
  return env;
}

/** Why the pod's volumes cannot be mounted. Undefined: they can. */
export function mountProblem(store: Store, pod: Pod): string | undefined {
  const source = { store, namespace: pod.metadata.namespace ?? '' };
  for (const volume of pod.spec.volumes ?? []) {
    try {
      mount(source, volume);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return `MountVolume.SetUp failed for volume "${volume.name}" : ${error.message}`;
    }
  }
  return undefined;
}

interface Source {
  readonly store: Store;
  readonly namespace: string;
}

interface SourceRef {
  readonly name?: string;
  readonly optional?: boolean;
}

function mount(source: Source, { configMap, secret }: Volume): void {
  if (configMap) dataOf(source, 'ConfigMap', configMap);
  if (secret) {
    const { secretName = '', optional = false } = secret;
    dataOf(source, 'Secret', { name: secretName, optional });
  }
}

function dataOf({ store, namespace }: Source, kind: 'ConfigMap' | 'Secret', ref: SourceRef): Environment {
  const name = ref.name ?? '';
  const object = store.get({ apiVersion: 'v1', kind, name, namespace });
  if (object) return decoded(object);
  if (ref.optional === true) return {};
  throw new ConfigError(`${kind.toLowerCase()} "${name}" not found`);
}

function decoded(object: KubeObject): Environment {
  const data = (object['data'] ?? {}) as Environment;
  if (object.kind !== 'Secret') return data;
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [name, Buffer.from(value, 'base64').toString('utf8')]),
  );
}

function valueOf(source: Source, pod: Pod, { value, valueFrom }: EnvVar): string | undefined {
  if (valueFrom?.configMapKeyRef) return keyValue(source, 'ConfigMap', valueFrom.configMapKeyRef);
  if (valueFrom?.secretKeyRef) return keyValue(source, 'Secret', valueFrom.secretKeyRef);
  if (valueFrom?.fieldRef) return fieldOf(pod, valueFrom.fieldRef.fieldPath);
  return value ?? '';
}

function keyValue(source: Source, kind: 'ConfigMap' | 'Secret', ref: KeySelector): string | undefined {
  const value = dataOf(source, kind, ref)[ref.key];
  if (value !== undefined || ref.optional === true) return value;
  throw new ConfigError(`couldn't find key ${ref.key} in ${kind} ${source.namespace}/${ref.name ?? ''}`);
}

/** `metadata.name`, `metadata.labels['app']`, `status.podIP` and the like. */
function fieldOf(pod: Pod, path: string): string {
  const quoted = /^(.*)\['([^']+)'\]$/.exec(path);
  const steps = quoted ? [...(quoted[1] ?? '').split('.'), quoted[2] ?? ''] : path.split('.');
  const found = steps.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[step] : undefined,
    pod,
  );
  return typeof found === 'string' ? found : '';
}

/** `$(NAME)` of a variable defined before is its value, `$$(NAME)` is `$(NAME)`, anything else stays. */
function expand(text: string, env: Environment): string {
  return text.replace(/\$(\$?)\(([^)]+)\)/g, (whole, escape: string, name: string) =>
    escape === '' ? (env[name] ?? whole) : `$(${name})`,
  );
}
