import { CutoverError } from '../errors.js';
import type { Position } from '../log.js';
import { podSpecPath } from '../kubernetes/pod-spec.js';
import { routesTo } from '../kubernetes/selectors.js';
import { renderRoles, type RoleRenderRequest } from './roles/render.js';
import { renderManifests, type RenderRequest } from './render.js';
import type { Resource, RoleResources } from './resource.js';
import { findPlaceholders } from './placeholders/substitution.js';

/** In characters: the names of ConfigMaps and of the Lease contain the release name, and Kubernetes limits them. */
const maxLength = 40;

function releaseNameError(message: string, at?: Position): CutoverError {
  const hint = `Set the input \`release\`: lower-case letters, digits and -, at most ${maxLength} characters.`;
  return new CutoverError(message, {
    code: 'input',
    hint,
    ...(at === undefined ? {} : { problems: [{ message, at }] }),
  });
}

function isRoleResources(resources: readonly Resource[] | RoleResources): resources is RoleResources {
  return 'publicService' in resources;
}

/** The first Service that routes to one of the workloads, else the first workload. */
function namingResource(resources: readonly Resource[]): Resource | undefined {
  const workloads = resources.filter(({ object }) => podSpecPath(object) !== undefined);
  const service = resources.find(one => workloads.some(({ object }) => routesTo(one.object, object)));
  return service ?? workloads[0];
}

/**
 * Name of a release: `service` if set, else the name of the public Service, else of the first workload. Throws `input`
 * where there is neither, or the name is not valid.
 */
export function defaultReleaseName(resources: readonly Resource[] | RoleResources, service?: string): string {
  const found = isRoleResources(resources) ? Object.values(resources.publicService)[0] : namingResource(resources);
  const name = service ?? found?.object.metadata.name;
  if (name === undefined)
    throw releaseNameError('The release name cannot be derived: the manifests contain no workload.');
  if (name.length > maxLength || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) {
    throw releaseNameError(`The name ${name}, derived from the manifests, is not a valid release name.`);
  }
  return name;
}

/**
 * Name of a release without the input `release`, derived from a draft rendering of the manifests. A rolling release gets
 * the name in the input `service` where it is set. Throws `input` also where the manifests use the placeholder RELEASE.
 */
export function deriveReleaseName(
  request: RoleRenderRequest | (RenderRequest & { readonly service?: string }),
): string {
  const { manifests, substitution, variables, builtIns } = request;
  const [placeholder] = findPlaceholders(manifests.documents, substitution, 'RELEASE');
  if (placeholder !== undefined && !Object.hasOwn(variables, 'RELEASE')) {
    throw releaseNameError(
      'The manifests use the placeholder RELEASE, but the release name would be derived from the manifests.',
      placeholder.at,
    );
  }
  // The real number is in the release record, which is found by the release name.
  const draft = { ...request, builtIns: { REVISION: '1', ...builtIns } };
  if ('roles' in draft) return defaultReleaseName(renderRoles(draft).resources);
  return defaultReleaseName(renderManifests(draft).resources, request.service);
}
