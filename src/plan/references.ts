import type { KubeObject } from '../manifests/object.js';

/** A ConfigMap or Secret that pods read. */
export interface ConfigReference {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  /** Images are pulled with it, and nothing else: containers never see it. */
  readonly pullOnly?: true;
}

const references: readonly (readonly [kind: ConfigReference['kind'], holder: string, nameKey: string])[] = [
  ['ConfigMap', 'configMapRef', 'name'],
  ['ConfigMap', 'configMapKeyRef', 'name'],
  ['ConfigMap', 'configMap', 'name'],
  ['Secret', 'secretRef', 'name'],
  ['Secret', 'secretKeyRef', 'name'],
  ['Secret', 'secret', 'secretName'],
  ['Secret', 'secret', 'name'],
];

/** Every ConfigMap and Secret that the pods of a workload read: env, envFrom, volumes, projected volumes, pull secrets. */
export function configReferences(workload: KubeObject): readonly ConfigReference[] {
  const found = new Map<string, ConfigReference>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) {
      value.forEach(visit);
      return;
    }
    if (value === null || typeof value !== 'object') return;
    const record = value as Record<string, unknown>;
    for (const [kind, holder, nameKey] of references) {
      const name = (record[holder] as Record<string, unknown> | undefined)?.[nameKey];
      if (typeof name === 'string') found.set(`${kind}/${name}`, { kind, name });
    }
    if (Array.isArray(record['imagePullSecrets'])) {
      for (const { name } of record['imagePullSecrets'] as { name?: string }[]) {
        const key = `Secret/${name ?? ''}`;
        if (name !== undefined && !found.has(key)) found.set(key, { kind: 'Secret', name, pullOnly: true });
      }
    }
    Object.values(record).forEach(visit);
  };
  visit((workload['spec'] as { template?: unknown } | undefined)?.template);
  return [...found.values()];
}
