import type { Problem } from '../../errors.js';
import type { ImageOverride } from '../../inputs/inputs.js';
import { nearestNames } from '../../inputs/parse/nearest.js';
import { repositoryParts } from '../../inputs/parse/image-reference.js';
import { withField } from '../../kubernetes/fields.js';
import { imagePlaces, type ImagePlace } from './image-fields.js';
import { describeRef, refOf } from '../../kubernetes/object.js';
import type { Resource } from '../resource.js';

/**
 * The repository of an image, without tag and digest, as registries know it: `docker.io/library/tomcat` for `tomcat:9`. A
 * colon before the last slash belongs to a registry's port.
 */
export function repositoryOf(image: string): string {
  const [named = ''] = image.split('@');
  const { registry, path } = repositoryParts(named.replace(/:[^:/]*$/, ''));
  return `${registry}/${path}`;
}

export interface Overridden {
  readonly resources: readonly Resource[];
  /** Lines for the log: what was set to something else than the manifests say, and where else than its author may think. */
  readonly notes: readonly string[];
  readonly problems: readonly Problem[];
}

function matches(override: ImageOverride, { container, image }: ImagePlace): boolean {
  if (override.by === 'container') return override.container === container;
  return image !== '' && repositoryOf(image) === repositoryOf(override.repository);
}

/**
 * Sets images wherever a kind is known to name one: containers of every sort in everything that makes pods, and fields of
 * well-known custom kinds. An entry for a container wins over one for a repository, and goes to every container of that
 * name. An entry that nothing matches is a problem.
 */
export function overrideImages(resources: readonly Resource[], overrides: readonly ImageOverride[]): Overridden {
  // Stable: entries for containers are looked at first.
  const ranked = [...overrides].sort((one, other) => Number(one.by > other.by) - Number(one.by < other.by));
  const users = new Map(overrides.map(override => [override, new Set<string>()]));
  const seen: ImagePlace[] = [];
  const notes: string[] = [];
  const changed = resources.map(resource => {
    const places = imagePlaces(resource.object);
    seen.push(...places);
    const object = places.reduce((result, place) => {
      const found = ranked.filter(override => matches(override, place));
      for (const override of found) users.get(override)?.add(describeRef(refOf(resource.object)));
      const [first] = found;
      if (first === undefined || first.image === place.image) return result;
      notes.push(`${describePlace(resource, place)}: image ${place.image || 'none'} → ${first.image}`);
      return withField(result, place.path, first.image);
    }, resource.object);
    return object === resource.object ? resource : { ...resource, object };
  });
  const problems: Problem[] = [];
  for (const [override, names] of users) {
    if (names.size === 0) problems.push(unmatched(override, seen));
    if (override.by === 'container' && names.size > 1) {
      notes.push(`\`${written(override)}\` sets a container of that name in each of ${[...names].join(', ')}`);
    }
  }
  return { resources: changed, notes, problems };
}

function written(override: ImageOverride): string {
  return override.by === 'container' ? `${override.container}=${override.image}` : override.image;
}

/** `Deployment web, container app`: the object that an image belongs to, and where in it. */
export function describePlace({ object }: Resource, { container }: ImagePlace): string {
  const name = describeRef(refOf(object));
  return container === undefined ? name : `${name}, container ${container}`;
}

function unmatched(override: ImageOverride, seen: readonly ImagePlace[]): Problem {
  const byContainer = override.by === 'container';
  const there = byContainer ? seen.map(({ container }) => container) : seen.map(({ image }) => image);
  const listed = [...new Set(there)].filter(one => one !== undefined && one !== '').sort();
  const list = listed.length > 0 ? `the manifests have ${listed.join(', ')}` : 'the manifests have no containers';
  const near = byContainer
    ? nearestNames(
        override.container,
        listed.filter(one => one !== undefined),
      )[0]
    : nearestRepository(override.repository, seen);
  const meant = near === undefined ? '' : ` Did you mean ${near}?`;
  const message = `\`${written(override)}\` in the input \`images\` matches no ${byContainer ? 'container' : 'image'}; ${list}.${meant}`;
  return { message };
}

/** The repository, as written, that is spelt nearly like this one, else one of the same last part elsewhere. */
function nearestRepository(wanted: string, seen: readonly ImagePlace[]): string | undefined {
  const repositories = seen
    .filter(({ image }) => image !== '')
    .map(({ image }) => image.replace(/(?::[^:/@]*)?(?:@.*)?$/, ''));
  const lastPart = (repository: string): string => repository.slice(repository.lastIndexOf('/') + 1);
  return nearestNames(wanted, repositories)[0] ?? repositories.find(one => lastPart(one) === lastPart(wanted));
}

/** Every image that the resources name, sorted, each once. */
export function imagesOf(resources: readonly Resource[]): readonly string[] {
  const all = resources.flatMap(({ object }) => imagePlaces(object).map(({ image }) => image));
  return [...new Set(all)].filter(image => image !== '').sort();
}
