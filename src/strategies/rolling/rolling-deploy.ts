import type { DeployInputs } from '../../inputs/inputs.js';
import type { Resource } from '../../manifests/resource.js';
import type { BlueGreenState, RollingState } from '../../release/state.js';

/** What a rolling deploy starts from. */
export interface RollingDeploy {
  readonly inputs: DeployInputs<'rolling'>;
  readonly state: RollingState;
  /** Rendered for revision `state.latest + 1`. */
  readonly resources: readonly Resource[];
  readonly contentHash: string;
  /** The record is still that of a blue/green release, whose roles are left. */
  readonly leaves?: BlueGreenState;
}
