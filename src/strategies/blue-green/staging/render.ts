import type { DeployInputs } from '../../../inputs/inputs.js';
import type { Log } from '../../../log.js';
import { deriveReleaseName } from '../../../manifests/release-name.js';
import type { RenderRequest } from '../../../manifests/render.js';
import { renderRoles } from '../../../manifests/roles/render.js';
import { hashOf } from '../../../kubernetes/canonical.js';
import { newBlueGreen, type ReleaseState } from '../../../release/state.js';
import { asBlueGreen } from '../../../release/transitions.js';
import { logRendered, numberedRequest } from '../../shared/rendering.js';
import type { DeployRequest } from '../../strategy.js';
import { publicServicesOf } from './find-active.js';
import type { BlueGreenDeploy } from './staging.js';

/** The manifests as the next revision of a blue/green release, for both roles. */
export async function renderBlueGreen(
  log: Log,
  { inputs, draft }: DeployRequest<'blue-green'>,
  recorded: ReleaseState | undefined,
): Promise<BlueGreenDeploy> {
  const rendered = renderRoles({ ...(await numberedRequest(draft, recorded)), ...roleRequest(inputs) });
  const { resources } = rendered;
  const { roles: roleNames } = inputs;
  const names = { publicServices: publicServicesOf(resources, roleNames), roleNames };
  const wasRolling = recorded?.strategy === 'rolling';
  const state = wasRolling ? asBlueGreen(recorded, names) : (recorded ?? newBlueGreen(draft.release, names));
  const { shared, of, publicServices } = resources;
  logRendered(log, [...shared, ...Object.values(of).flat()], rendered);
  const everything = [...shared, ...Object.values(of).flat(), ...Object.values(publicServices).flat()];
  return {
    inputs,
    state,
    resources,
    contentHash: hashOf(everything.map(({ object }) => object)),
    ...(wasRolling && { wasRolling }),
  };
}

/** The name of the main public Service. */
export function blueGreenReleaseName(inputs: DeployInputs<'blue-green'>, request: RenderRequest): string {
  return deriveReleaseName({ ...request, ...roleRequest(inputs) });
}

function roleRequest({ roles, services, testService }: DeployInputs<'blue-green'>) {
  return { roles, ...(services !== undefined && { services }), ...(testService !== undefined && { testService }) };
}
