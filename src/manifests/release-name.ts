import { CutoverError } from '../errors.js';
import type { Position } from '../log.js';
import { podSpecPath } from '../kubernetes/pod-spec.js';
import { routesTo } from '../kubernetes/selectors.js';
import { renderRoles, type RoleRenderRequest } from './roles/render.js';
import { renderManifests, type RenderRequest } from './render.js';
import type { Resource, RoleResources } from './resource.js';
import { mentionsIn } from './placeholders/substitution.js';

/** Names of records and of the lock are made from it, and Kubernetes limits those. */
const longest = 40;

function unusable(message: string, at?: Position): CutoverError {
  const hint = `Name the release in the input \`release\`: lower-case letters, digits and -, at most ${longest} characters.`;
  return new CutoverError(message, {
    code: 'input',
    hint,
    ...(at === undefined ? {} : { problems: [{ message, at }] }),
  });
}

function isSorted(resources: readonly Resource[] | RoleResources): resources is RoleResources {
  return 'publicService' in resources;
}

/** The first Service that routes to a workload of these, else the first workload. */
function namesake(resources: readonly Resource[]): Resource | undefined {
  const workloads = resources.filter(({ object }) => podSpecPath(object) !== undefined);
  const service = resources.find(one => workloads.some(({ object }) => routesTo(one.object, object)));
  return service ?? workloads[0];
}

/**
 * Name of a release: that of the public Service (`service`, where it is given), else of the first workload. Throws
 * `input` where there is neither, or the name does not fit.
 */
export function defaultReleaseName(resources: readonly Resource[] | RoleResources, service?: string): string {
  const found = isSorted(resources) ? Object.values(resources.publicService)[0] : namesake(resources);
  const name = service ?? found?.object.metadata.name;
  if (name === undefined) throw unusable('The release has no name: the manifests hold no workload to name it after.');
  if (name.length > longest || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) {
    throw unusable(`The release would be named ${name}, after the manifests, and that is no name for a release.`);
  }
  return name;
}

/**
 * Name of a release that no input names, from a draft of what the manifests become. A rolling release is named after
 * the input `service` where that is set. Throws `input` also where the manifests ask for the name themselves.
 */
export function deriveReleaseName(
  request: RoleRenderRequest | (RenderRequest & { readonly service?: string }),
): string {
  const { manifests, substitution, variables, builtIns } = request;
  const [asked] = mentionsIn(manifests.documents, substitution, 'RELEASE');
  if (asked !== undefined && !Object.hasOwn(variables, 'RELEASE')) {
    throw unusable('The manifests mention RELEASE, and its name would be taken from the manifests.', asked.at);
  }
  // The real number is in the release's record, and that is found by the name.
  const draft = { ...request, builtIns: { REVISION: '1', ...builtIns } };
  if ('roles' in draft) return defaultReleaseName(renderRoles(draft).resources);
  return defaultReleaseName(renderManifests(draft).resources, request.service);
}
