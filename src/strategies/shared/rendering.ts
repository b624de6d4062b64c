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
import { preStopFor } from './pre-stop.js';
import type { BlueGreenDeploy } from '../blue-green/staging/staging.js';
import type { RollingDeploy } from '../rolling/deploy.js';

/** The manifests of a deploy, read once, and the release that they are for. */
export interface Draft {
  readonly release: string;
  readonly request: RenderRequest;
}

/** Reads the manifests and finds out which release they are, before its record can be read. */
export async function draft(inputs: DeployRolling | DeployBlueGreen, cluster: Connection, log: Log): Promise<Draft> {
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
  const question =
    inputs.strategy === 'blue-green'
      ? { ...request, ...roleQuestion(inputs) }
      : { ...request, ...(service !== undefined && { service }) };
  return { request, release: inputs.release ?? deriveReleaseName(question) };
}

/** The manifests as the next revision of a rolling release. */
export function renderRolling(
  inputs: DeployRolling,
  given: { readonly draft: Draft; readonly state: ReleaseState; readonly log: Log },
): RollingDeploy {
  const { state, log } = given;
  const rendered = renderManifests(numbered(given.draft, state));
  const { resources } = rendered;
  tell(log, resources, rendered);
  return { inputs, state, resources, contentHash: hashOf(objectsOf(resources)) };
}

/** The manifests as the next revision of a blue/green release, for both roles. */
export function renderBlueGreen(
  inputs: DeployBlueGreen,
  given: { readonly draft: Draft; readonly state: ReleaseState; readonly log: Log },
): BlueGreenDeploy {
  const { state, log } = given;
  const rendered = renderRoles({ ...numbered(given.draft, state), ...roleQuestion(inputs) });
  const { resources } = rendered;
  const { shared, of, publicService } = resources;
  tell(log, [...shared, ...Object.values(of).flat()], rendered);
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

function roleQuestion({ roles, service, testService }: DeployBlueGreen) {
  return { roles, ...(service !== undefined && { service }), ...(testService !== undefined && { testService }) };
}

function tell(
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
