import type { CutoverError } from '../../../errors.js';
import type { DeployInputs } from '../../../inputs/inputs.js';
import type { KubeObject } from '../../../kubernetes/object.js';
import type { Resource, RoleResources } from '../../../manifests/resource.js';
import type { PlannedChange } from '../../../plan/change.js';
import type { ObjectToDelete } from '../../../release/revision.js';
import type { BlueGreenState, FormerObject, RoleRecord } from '../../../release/state.js';
import type { Active } from '../../../traffic/active-role.js';
import type { AdoptedRole } from '../adoption/adoption.js';

/** What a blue/green deploy starts from. */
export interface BlueGreenDeploy {
  readonly inputs: DeployInputs<'blue-green'>;
  readonly state: BlueGreenState;
  /** Rendered for revision `state.latest + 1`, for both roles. */
  readonly resources: RoleResources;
  readonly contentHash: string;
  /** The record is still that of a rolling release, which must be adopted first. */
  readonly wasRolling?: true;
}

/** Which role a deploy stages on, and which role users are on. */
export interface StagingTarget {
  readonly deploy: BlueGreenDeploy;
  readonly active: Active;
  /** What would be adopted as the active role before the staging; only of a plan. Absent: nothing. */
  readonly adoption?: AdoptedRole;
  /** Only a plan: what is staged on the role stays there. Absent: the staging follows. */
  readonly isPlan?: true;
  /** The idle role; in the first release the first role. */
  readonly role: string;
  /** What the manifests say of each role. */
  readonly records: Readonly<Record<string, RoleRecord>>;
}

/** What a staging would do, decided before anything is written. */
export interface Staging extends StagingTarget {
  readonly planned: readonly PlannedChange[];
  /** What the switch would do to the public Service and to the objects that are applied after it. */
  readonly plannedAfterSwitch: readonly PlannedChange[];
  /** Everything that was dry-run. */
  readonly resources: readonly Resource[];
  /** By the key of the idle role's Deployment: the live one of the active role. */
  readonly counterparts: ReadonlyMap<string, KubeObject>;
  /** Why it must not be done. */
  readonly refusals: readonly CutoverError[];
  /** Objects that are applied after the switch: autoscalers of the role. */
  readonly applyAfterSwitch: readonly KubeObject[];
  /** Live autoscalers of the role, deleted before staging: the role has no load. */
  readonly staleObjects: readonly KubeObject[];
  /** Objects that are not needed once the staged revision serves. */
  readonly deleteAfterSwitch: readonly ObjectToDelete[];
  /** Objects of earlier revisions that the manifests do not have and that stay. */
  readonly left: readonly FormerObject[];
}
