import type { Problem } from '../../errors.js';
import type { ImageOverride } from '../../inputs/inputs.js';
import { nearestNames } from '../../inputs/parse/nearest.js';
import { repositoryParts } from '../../inputs/parse/image-reference.js';
import { withField } from '../../kubernetes/fields.js';
import { imageFields, type ImageField } from './image-fields.js';
import { describeRef, refOf } from '../../kubernetes/object.js';
import type { Resource } from '../resource.js';

/**
 * The full repository of an image, without tag and digest: `docker.io/library/tomcat` for `tomcat:9`. A colon before the
 * last slash belongs to the port of a registry.
 */
export function repositoryOf(image: string): string {
  const [named = ''] = image.split('@');
  const { registry, path } = repositoryParts(named.replace(/:[^:/]*$/, ''));
  return `${registry}/${path}`;
}

export interface OverrideResult {
  readonly resources: readonly Resource[];
  /** Lines for the log: which fields were overridden, and where an override changed several objects. */
  readonly notes: readonly string[];
  readonly problems: readonly Problem[];
}

function matches(override: ImageOverride, { container, image }: ImageField): boolean {
  if (override.by === 'container') return override.container === container;
  return image !== '' && repositoryOf(image) === repositoryOf(override.repository);
}

/**
 * Sets images in all image fields: containers of all types in everything that creates pods, and fields of well-known
 * custom kinds. An entry for a container takes precedence over one for a repository, and applies to every container of
 * that name. An entry without a match is a problem.
 */
export function overrideImages(resources: readonly Resource[], overrides: readonly ImageOverride[]): OverrideResult {
  // The sort is stable; entries for containers come first.
  const ranked = [...overrides].sort((one, other) => Number(one.by > other.by) - Number(one.by < other.by));
  const users = new Map(overrides.map(override => [override, new Set<string>()]));
  const allFields: ImageField[] = [];
  const notes: string[] = [];
  const changed = resources.map(resource => {
    const fields = imageFields(resource.object);
    allFields.push(...fields);
    const object = fields.reduce((result, field) => {
      const found = ranked.filter(override => matches(override, field));
      for (const override of found) users.get(override)?.add(describeRef(refOf(resource.object)));
      const [first] = found;
      if (first === undefined || first.image === field.image) return result;
      notes.push(`${describeImageField(resource, field)}: image ${field.image || 'none'} → ${first.image}`);
      return withField(result, field.path, first.image);
    }, resource.object);
    return object === resource.object ? resource : { ...resource, object };
  });
  const problems: Problem[] = [];
  for (const [override, names] of users) {
    if (names.size === 0) problems.push(unmatchedProblem(override, allFields));
    if (override.by === 'container' && names.size > 1) {
      notes.push(
        `\`${formatOverride(override)}\` sets the image of this container in each of ${[...names].join(', ')}`,
      );
    }
  }
  return { resources: changed, notes, problems };
}

function formatOverride(override: ImageOverride): string {
  return override.by === 'container' ? `${override.container}=${override.image}` : override.image;
}

/** `Deployment web, container app`: the object and container that an image field belongs to. */
export function describeImageField({ object }: Resource, { container }: ImageField): string {
  const name = describeRef(refOf(object));
  return container === undefined ? name : `${name}, container ${container}`;
}

function unmatchedProblem(override: ImageOverride, allFields: readonly ImageField[]): Problem {
  const byContainer = override.by === 'container';
  const candidates = byContainer ? allFields.map(({ container }) => container) : allFields.map(({ image }) => image);
  const available = [...new Set(candidates)].filter(one => one !== undefined && one !== '').sort();
  const list = available.length > 0 ? `the manifests have ${available.join(', ')}` : 'the manifests have no containers';
  const nearest = byContainer
    ? nearestNames(
        override.container,
        available.filter(one => one !== undefined),
      )[0]
    : nearestRepository(override.repository, allFields);
  const suggestion = nearest === undefined ? '' : ` Did you mean ${nearest}?`;
  const message = `\`${formatOverride(override)}\` in the input \`images\` matches no ${byContainer ? 'container' : 'image'}; ${list}.${suggestion}`;
  return { message };
}

/** The repository with the most similar spelling, else one with the same last path segment; as written in the manifests. */
function nearestRepository(repository: string, allFields: readonly ImageField[]): string | undefined {
  const repositories = allFields
    .filter(({ image }) => image !== '')
    .map(({ image }) => image.replace(/(?::[^:/@]*)?(?:@.*)?$/, ''));
  const lastPart = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
  return nearestNames(repository, repositories)[0] ?? repositories.find(one => lastPart(one) === lastPart(repository));
}
