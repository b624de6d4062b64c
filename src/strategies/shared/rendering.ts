import type { Connection } from '../../cluster/live-cluster.js';
import type { DeployInputs } from '../../inputs/inputs.js';
import { runNames } from '../../inputs/ci-run.js';
import type { Log } from '../../log.js';
import { sensitiveValues } from '../../manifests/placeholders/substitution.js';
import { readManifests, type Rendered, type RenderRequest } from '../../manifests/render.js';
import type { Resource } from '../../manifests/resource.js';
import { hideValue } from '../../manifests/sensitive-fields.js';
import { maskSecrets } from '../../manifests/secret-values.js';
import type { ReleaseState } from '../../release/state.js';
import { preStopFor } from './pre-stop.js';

/** The manifests of a deploy, read once, and the release that they are for. */
export interface Draft {
  readonly release: string;
  readonly request: RenderRequest;
  /** Seconds of the preStop sleep, once the version of the API server is known; `undefined`: none. */
  readonly preStopSeconds: Promise<number | undefined>;
}

/** Reads the manifests and finds out which release they are for, before its record can be read. */
export async function readDraft(
  inputs: DeployInputs,
  strategy: { releaseName(inputs: DeployInputs, request: RenderRequest): string },
  { cluster, log }: { readonly cluster: Connection; readonly log: Log },
): Promise<Draft> {
  const { run, variables, substitution, images, environment, overrides, imagePullSecrets, registrySecret } = inputs;
  const { namespace } = cluster;
  const { manifests: patterns, kustomize } = inputs;
  const search = { patterns, workspace: run.workspace, environment, ...(kustomize !== undefined && { kustomize }) };
  const manifests = await readManifests(search);
  // Asked for beside the record, which is read next.
  const preStopSeconds = preStopFor(cluster, inputs, log);
  preStopSeconds.catch(() => undefined);
  const builtIns = {
    ...runNames(run),
    NAMESPACE: namespace,
    ...(registrySecret !== undefined && { KUBERNETES_SECRET_NAME: registrySecret.name }),
  };
  const fromEnvironment = sensitiveValues(manifests.documents, substitution, { variables, builtIns, environment });
  for (const value of fromEnvironment) hideValue(log, value);
  const request: RenderRequest = {
    manifests,
    variables,
    substitution,
    images,
    environment,
    namespace,
    builtIns,
    ...(overrides !== undefined && { overrides }),
    ...(imagePullSecrets !== undefined && { imagePullSecrets }),
    ...(registrySecret !== undefined && { registrySecret }),
  };
  return { request, preStopSeconds, release: inputs.release ?? strategy.releaseName(inputs, request) };
}

/** The manifests as the revision after `state.latest`. `state` undefined: as the first one. */
export async function numberedRequest(draft: Draft, state: ReleaseState | undefined): Promise<RenderRequest> {
  const { request, release } = draft;
  const preStopSeconds = await draft.preStopSeconds;
  return {
    ...request,
    release,
    builtIns: { ...request.builtIns, RELEASE: release, REVISION: String((state?.latest ?? 0) + 1) },
    ...(preStopSeconds !== undefined && { preStopSeconds }),
  };
}

/** Masks what is secret, before anything of the manifests is logged. */
export function logRendered(
  log: Log,
  resources: readonly Resource[],
  { warnings, notes }: Pick<Rendered, 'warnings' | 'notes'>,
): void {
  maskSecrets(log, resources);
  for (const { message, at } of warnings) log.warning(message, at);
  for (const note of notes) log.info(note);
  log.info(`${resources.length} object${resources.length === 1 ? '' : 's'} rendered`);
}
