import type { KubeObject } from '../kubernetes/object.js';
import { withOwnerIfAny, type Owner } from '../manifests/owner.js';
import type { Revision } from './revision.js';
import type { ReleaseState } from './state.js';

/** The revision with the annotation of its release on what is applied from it, whatever an earlier version wrote there. */
export function asOwned(revision: Revision, owner: Owner): Revision {
  const own = (object: KubeObject): KubeObject => withOwnerIfAny(object, owner);
  const { objects, shared, applyAfterSwitch, publicService } = revision;
  return {
    ...revision,
    objects: objects.map(own),
    shared: shared.map(own),
    applyAfterSwitch: applyAfterSwitch.map(own),
    ...(publicService !== undefined && { publicService: own(publicService) }),
  };
}

/** Every object in the revision, with those of its snapshots. */
export function objectsIn(revision: Revision): readonly KubeObject[] {
  const { objects, shared, applyAfterSwitch, publicService, before, beforeStaging = [] } = revision;
  const snapshots = [...before, ...beforeStaging].map(({ object }) => object);
  return [...objects, ...shared, ...applyAfterSwitch, publicService, ...snapshots].filter(one => one !== undefined);
}

/** The objects in the state itself: the public Service before a switch that is in progress. */
export function snapshotsIn({ operation }: ReleaseState): readonly KubeObject[] {
  const before = operation?.kind === 'switch' ? operation.previousService.object : undefined;
  return before === undefined ? [] : [before];
}
