import type { KubeObject } from '../kubernetes/object.js';
import { withOwnerIfAny, type Owner } from '../manifests/owner.js';
import type { Revision } from './revision.js';
import type { ReleaseState } from './state.js';

/** The revision with the annotation of its release on what is applied from it, whatever an earlier version wrote there. */
export function asOwned(revision: Revision, owner: Owner): Revision {
  const own = (object: KubeObject): KubeObject => withOwnerIfAny(object, owner);
  const { objects, shared, applyAfterSwitch, publicServices, backup } = revision;
  return {
    ...revision,
    ...(backup !== undefined && {
      backup: {
        ...backup,
        objects: backup.objects.map(own),
        applyAfterSwitch: backup.applyAfterSwitch.map(own),
        publicServices: backup.publicServices.map(own),
      },
    }),
    objects: objects.map(own),
    shared: shared.map(own),
    applyAfterSwitch: applyAfterSwitch.map(own),
    publicServices: publicServices.map(own),
  };
}

/** Every object in the revision, with those of its snapshots. */
export function objectsIn(revision: Revision): readonly KubeObject[] {
  const { objects, shared, applyAfterSwitch, publicServices, before, beforeStaging = [], backup } = revision;
  const snapshots = [...before, ...beforeStaging].map(({ object }) => object);
  const onOther = backup === undefined ? [] : [...backup.objects, ...backup.applyAfterSwitch, ...backup.publicServices];
  return [...objects, ...shared, ...applyAfterSwitch, ...publicServices, ...onOther, ...snapshots].filter(
    one => one !== undefined,
  );
}

/** The objects in the state itself: the public Services before a switch that is in progress. */
export function snapshotsIn({ operation }: ReleaseState): readonly KubeObject[] {
  const services = operation?.kind === 'switch' ? operation.services : [];
  return services.map(({ before }) => before.object).filter(object => object !== undefined);
}
