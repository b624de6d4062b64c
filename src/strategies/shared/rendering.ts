import type { Connection } from '../../cluster/live-cluster.js';
import type { DeployBlueGreen, DeployRolling } from '../../inputs/inputs.js';
import { runNames } from '../../inputs/ci-run.js';
import type { Log } from '../../log.js';
import { deriveReleaseName } from '../../manifests/release-name.js';
import { renderRoles } from '../../manifests/roles/render.js';
import { readManifests, renderManifests, type Rendered, type RenderRequest } from '../../manifests/render.js';
import type { Resource } from '../../manifests/resource.js';
import { secretValues } from '../../manifests/secrets.js';
import { hashOf } from '../../release/revision.js';
import type { ReleaseState } from '../../release/state.js';
import type { BlueGreenDeploy } from '../blue-green/staging/staging.js';
import type { RollingDeploy } from '../rolling/deploy.js';
import { preStopFor } from './pre-stop.js';

/** The manifests of a deploy, read once, and the release that they are for. */
export interface Draft {
  readonly release: string;
  readonly request: RenderRequest;
}

/** Reads the manifests and finds out which release they are for, before its record can be read. */
export async function readDraft(
  inputs: DeployRolling | DeployBlueGreen,
  cluster: Connection,
  log: Log,
): Promise<Draft> {
  const { run, variables, substitution, images, environment, overrides, imagePullSecrets, registrySecret } = inputs;
  const { namespace } = cluster;
  const { manifests: patterns, kustomize } = inputs;
  const search = { patterns, workspace: run.workspace, environment, ...(kustomize !== undefined && { kustomize }) };
  const manifests = await readManifests(search);
  if (manifests.files.length > 1) ['Manifests, in this order:', ...manifests.files].forEach(line => log.info(line));
  const preStopSeconds = await preStopFor(cluster, inputs, log);
  const request: RenderRequest = {
    manifests,
    variables,
    substitution,
    images,
    environment,
    namespace,
    builtIns: {
      ...runNames(run),
      NAMESPACE: namespace,
      ...(registrySecret !== undefined && { KUBERNETES_SECRET_NAME: registrySecret.name }),
    },
    ...(overrides !== undefined && { overrides }),
    ...(imagePullSecrets !== undefined && { imagePullSecrets }),
    ...(registrySecret !== undefined && { registrySecret }),
    ...(preStopSeconds !== undefined && { preStopSeconds }),
  };
  const { service } = inputs;
  const named =
    inputs.strategy === 'blue-green'
      ? { ...request, ...roleRequest(inputs) }
      : { ...request, ...(service !== undefined && { service }) };
  return { request, release: inputs.release ?? deriveReleaseName(named) };
}

/** What is rendered: the manifests as the revision after `state.latest`. */
export interface RenderDraft<I extends DeployRolling | DeployBlueGreen> {
  readonly inputs: I;
  readonly draft: Draft;
  readonly state: ReleaseState;
}

/** The manifests as the next revision of a rolling release. */
export function renderRolling(log: Log, { inputs, draft, state }: RenderDraft<DeployRolling>): RollingDeploy {
  const rendered = renderManifests(numbered(draft, state));
  const { resources } = rendered;
  logRendered(log, resources, rendered);
  return { inputs, state, resources, contentHash: hashOf(objectsOf(resources)) };
}

/** The manifests as the next revision of a blue/green release, for both roles. */
export function renderBlueGreen(log: Log, { inputs, draft, state }: RenderDraft<DeployBlueGreen>): BlueGreenDeploy {
  const rendered = renderRoles({ ...numbered(draft, state), ...roleRequest(inputs) });
  const { resources } = rendered;
  const { shared, of, publicService } = resources;
  logRendered(log, [...shared, ...Object.values(of).flat()], rendered);
  const everything = [...shared, ...Object.values(of).flat(), ...Object.values(publicService)];
  return { inputs, state, resources, contentHash: hashOf(objectsOf(everything)) };
}

function numbered({ request, release }: Draft, state: ReleaseState): RenderRequest {
  return {
    ...request,
    release,
    builtIns: { ...request.builtIns, RELEASE: release, REVISION: String(state.latest + 1) },
  };
}

function roleRequest({ roles, service, testService }: DeployBlueGreen) {
  return { roles, ...(service !== undefined && { service }), ...(testService !== undefined && { testService }) };
}

/** Masks what is secret, before anything of the manifests is logged. */
function logRendered(
  log: Log,
  resources: readonly Resource[],
  { warnings, notes }: Pick<Rendered, 'warnings' | 'notes'>,
): void {
  secretValues(resources).forEach(value => log.mask(value));
  for (const { message, at } of warnings) log.warning(message, at);
  for (const note of notes) log.info(note);
  log.info(`${resources.length} object${resources.length === 1 ? '' : 's'} rendered`);
}

function objectsOf(resources: readonly Resource[]) {
  return resources.map(({ object }) => object);
}
