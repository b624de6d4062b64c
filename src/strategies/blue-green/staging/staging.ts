import type { CutoverError } from '../../../errors.js';
import type { DeployBlueGreen } from '../../../inputs/inputs.js';
import type { KubeObject } from '../../../kubernetes/object.js';
import type { Resource, RoleResources } from '../../../manifests/resource.js';
import type { PlannedChange } from '../../../plan/change.js';
import type { ObjectToDelete } from '../../../release/revision.js';
import type { ReleaseState, RoleRecord } from '../../../release/state.js';
import type { Active } from '../../../traffic/active-role.js';
import type { Adoption } from '../adoption/live-application.js';

/** What a blue/green deploy starts from. */
export interface BlueGreenDeploy {
  readonly inputs: DeployBlueGreen;
  readonly state: ReleaseState;
  /** Rendered for revision `state.latest + 1`, for both roles. */
  readonly resources: RoleResources;
  readonly contentHash: string;
  /** What is live without roles and has to be adopted first. Absent: nothing. */
  readonly adoption?: Adoption;
}

/** What is to be done on the idle role, decided before anything is written. */
export interface Staging {
  readonly deploy: BlueGreenDeploy;
  readonly active: Active;
  readonly role: string;
  readonly records: Readonly<Record<string, RoleRecord>>;
  readonly planned: readonly PlannedChange[];
  /** What the switch would do: to the public Service, and to the objects that wait for it. */
  readonly plannedAfterSwitch: readonly PlannedChange[];
  /** Everything that the API server was asked about. */
  readonly wanted: readonly Resource[];
  /** By the key of the idle role's Deployment: the live one of the active role. */
  readonly counterparts: ReadonlyMap<string, KubeObject>;
  /** Why it must not be done. */
  readonly refusals: readonly CutoverError[];
  /** Objects that wait for the switch, and those of them that an earlier life of the role left behind. */
  readonly applyAfterSwitch: readonly KubeObject[];
  readonly staleObjects: readonly KubeObject[];
  /** What nobody needs once the staged revision serves. */
  readonly deleteAfterSwitch: readonly ObjectToDelete[];
}
