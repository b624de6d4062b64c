import { CutoverError } from '../errors.js';
import type { KubeObject } from '../kubernetes/object.js';
import type { Position } from '../log.js';
import { podSpecPath } from '../kubernetes/pods/pod-spec.js';
import { routesTo } from '../kubernetes/selectors.js';
import { publicServices } from './roles/public-service.js';
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
  return 'publicServices' in resources;
}

/**
 * The objects that could name a release: its main public Service, else another Service that leads to its pods, else a workload. Several
 * where the manifests do not tell which: their order does not count.
 */
function namingObjects(resources: readonly Resource[]): readonly KubeObject[] {
  const objects = resources.map(({ object }) => object);
  const workloads = objects.filter(object => podSpecPath(object) !== undefined);
  const lasting = workloads.filter(object => !object.kind.endsWith('Job'));
  const serving = objects.filter(object => workloads.some(workload => routesTo(object, workload)));
  return [publicServices(serving, objects), serving, lasting, workloads].find(({ length }) => length > 0) ?? [];
}

/**
 * Name of a release: `service` if set, else the name of the public Service, else of the only workload. Throws `input` where there is
 * neither, where several could name it, or where the name is not valid.
 */
export function defaultReleaseName(resources: readonly Resource[] | RoleResources, service?: string): string {
  if (service !== undefined) return validName(service);
  const found = isRoleResources(resources)
    ? Object.values(resources.publicServices).flatMap(([main]) => (main === undefined ? [] : [main.object]))
    : namingObjects(resources);
  const [name, ...others] = [...new Set(found.map(({ metadata }) => metadata.name))].sort();
  if (name === undefined)
    throw releaseNameError('The release name cannot be derived: the manifests contain no workload.');
  if (others.length === 0) return validName(name);
  const kinds = [...new Set(found.map(({ kind }) => `${kind}s`))].sort().join(' and ');
  throw new CutoverError(
    `The release name cannot be derived: several ${kinds} of the manifests could name it: ${[name, ...others].join(', ')}`,
    {
      code: 'input',
      hint: 'Set the input `release`: to the name that the release was deployed with, else to one of these or another.',
    },
  );
}

function validName(name: string): string {
  if (name.length <= maxLength && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) return name;
  throw releaseNameError(`The name ${name}, derived from the manifests, is not a valid release name.`);
}

/**
 * Name of a release without the input `release`, derived from a draft rendering of the manifests. A rolling release gets
 * the name in the input `service` where it is set. Throws `input` also where the manifests use the placeholder RELEASE.
 */
export function deriveReleaseName(
  request: RoleRenderRequest | (RenderRequest & { readonly services?: readonly string[] }),
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
  return defaultReleaseName(renderManifests(draft).resources, request.services?.[0]);
}
