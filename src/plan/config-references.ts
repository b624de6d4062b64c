import { fieldAt } from '../kubernetes/fields.js';
import type { KubeObject } from '../kubernetes/object.js';
import { referencesIn, type ConfigReference } from '../kubernetes/config-references.js';

/** Every ConfigMap and Secret that the pods of a workload read: env, envFrom, volumes, projected volumes, pull secrets. */
export function configReferences(workload: KubeObject): readonly ConfigReference[] {
  return referencesIn(fieldAt(workload, ['spec', 'template']));
}
