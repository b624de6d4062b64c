import type { ObjectRef } from '../../kubernetes/object.js';

/** What became of adopted Deployments, as the rest of a sentence. */
export function noLongerReached(deployments: readonly ObjectRef[]): string {
  return deployments.length > 1
    ? 'are no longer reached and are deleted after the first promotion'
    : 'is no longer reached and is deleted after the first promotion';
}
