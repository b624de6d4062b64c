import { fieldAt } from '../manifests/fields.js';
import type { KubeObject } from '../manifests/object.js';
import { referencesIn, type ConfigReference } from '../manifests/references.js';

/** Every ConfigMap and Secret that the pods of a workload read: env, envFrom, volumes, projected volumes, pull secrets. */
export function configReferences(workload: KubeObject): readonly ConfigReference[] {
  return referencesIn(fieldAt(workload, ['spec', 'template']));
}
