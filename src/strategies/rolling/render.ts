import type { DeployInputs } from '../../inputs/inputs.js';
import type { Log } from '../../log.js';
import { deriveReleaseName } from '../../manifests/release-name.js';
import { renderManifests, type RenderRequest } from '../../manifests/render.js';
import { hashOf } from '../../kubernetes/canonical.js';
import type { ReleaseState } from '../../release/state.js';
import { asRolling, hasRoles } from '../../release/transitions.js';
import { logRendered, numberedRequest } from '../shared/rendering.js';
import type { DeployRequest } from '../strategy.js';
import type { RollingDeploy } from './rolling-deploy.js';

/** The manifests as the next revision of a rolling release. */
export async function renderRolling(
  log: Log,
  { inputs, draft }: DeployRequest<'rolling'>,
  recorded: ReleaseState,
): Promise<RollingDeploy> {
  const leaves = recorded.strategy === 'blue-green' && hasRoles(recorded) ? recorded : undefined;
  const state = recorded.strategy === 'blue-green' ? asRolling(recorded) : recorded;
  const rendered = renderManifests(await numberedRequest(draft, state));
  const { resources } = rendered;
  logRendered(log, resources, rendered);
  const contentHash = hashOf(resources.map(({ object }) => object));
  return { inputs, state, resources, contentHash, ...(leaves !== undefined && { leaves }) };
}

/** The input `service`, else the name of the public Service, else of the only workload. Throws `input` where several could be it. */
export function rollingReleaseName({ services }: DeployInputs<'rolling'>, request: RenderRequest): string {
  return deriveReleaseName({ ...request, ...(services !== undefined && { services }) });
}
