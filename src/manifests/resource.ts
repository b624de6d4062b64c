import type { Position } from '../log.js';
import type { KubeObject } from '../kubernetes/object.js';

/** A rendered object and where in the manifests it came from. */
export interface Resource {
  readonly object: KubeObject;
  /** Where the document starts. */
  readonly at: Position;
  /** Place of a field by its path (`['spec', 'replicas']`); the nearest known parent if the field is not there. */
  readonly place: (path: readonly (string | number)[]) => Position;
}

/** The objects of one release, sorted out by what blue/green does with them. `of` maps a role to its own objects. */
export interface RoleResources {
  /** Objects of each role: Deployments, test Services, ConfigMaps… whose names depend on the role. */
  readonly of: Readonly<Record<string, readonly Resource[]>>;
  /** The public Service as each role renders it: same name, another selector. */
  readonly publicService: Readonly<Record<string, Resource>>;
  /** Name of each role's test Service; absent where the manifests have none. */
  readonly testService: Readonly<Record<string, string>>;
  /** Objects that do not depend on the role. */
  readonly shared: readonly Resource[];
  /** The manifests know nothing of roles, so what is live may not either. */
  readonly automatic?: true;
}
