import type { Position } from '../log.js';
import { own } from '../own.js';
import type { KubeObject } from '../kubernetes/object.js';

/** A rendered object and its position in the manifests. */
export interface Resource {
  readonly object: KubeObject;
  /** Start of the object. */
  readonly at: Position;
  /** Position of a field by its path (`['spec', 'replicas']`); that of the nearest existing parent if there is no such field. */
  readonly positionOf: (path: readonly (string | number)[]) => Position;
}

/** The main public Service of a role; `undefined`: the manifests have none. */
export function mainServiceOf({ publicServices }: RoleResources, role: string): Resource | undefined {
  return own(publicServices, role)?.[0];
}

/** The objects of one release, classified by how blue/green handles them. */
export interface RoleResources {
  /** Objects by role: Deployments, test Services, ConfigMaps… whose names depend on the role. */
  readonly of: Readonly<Record<string, readonly Resource[]>>;
  /** The public Services by role, the main one first: same names, different selectors. At least one. */
  readonly publicServices: Readonly<Record<string, readonly Resource[]>>;
  /** Name of the test Service by role; without a key for a role that has none. */
  readonly testService: Readonly<Record<string, string>>;
  /** Objects that do not depend on the role. */
  readonly shared: readonly Resource[];
  /** The manifests do not use TARGET_ROLE, so the live objects may have no roles yet. Absent: they use it. */
  readonly automatic?: true;
}
