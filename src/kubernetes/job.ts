import { fieldAt } from './fields.js';
import { groupKind } from './kinds.js';
import type { KubeObject } from './object.js';

/** Whether Kubernetes deletes this Job by itself some time after it has finished (`ttlSecondsAfterFinished`). */
export function isDeletedOnceFinished(object: KubeObject): boolean {
  return groupKind(object) === 'batch/Job' && fieldAt(object, ['spec', 'ttlSecondsAfterFinished']) !== undefined;
}
