import type { Snapshot } from '../plan/change.js';
import { authorOf, imagesOf, withoutSecrets, type Revision } from '../release/revision.js';
import type { Staging } from './staging-plan.js';
import type { Step } from './step.js';

/** What is recorded of a revision that is about to be staged. */
export function revisionOf(step: Step, staging: Staging, before: readonly Snapshot[]): Revision {
  const { deploy, role, planned, deferred } = staging;
  const { inputs, state, resources, contentHash } = deploy;
  const objects = planned.map(({ resource }) => resource.object);
  const sharedObjects = new Set(resources.shared.map(({ object }) => object));
  const own = withoutSecrets(objects.filter(object => !sharedObjects.has(object)));
  const publicService = resources.publicService[role]?.object;
  return {
    ...own,
    ...authorOf(step.run),
    number: state.latest + 1,
    strategy: 'blue-green',
    role,
    shared: withoutSecrets([...sharedObjects]).objects,
    deferred,
    before,
    checks: inputs.verify,
    force: inputs.forceConflicts,
    contentHash,
    images: imagesOf(own.objects),
    at: new Date().toISOString(),
    ...(publicService !== undefined && { publicService }),
  };
}
