import type { Problem } from '../errors.js';
import type { ImageOverride } from '../inputs/inputs.js';
import { textAt } from './fields.js';
import { containersOf, mapContainers } from './pods.js';
import type { Resource } from './resource.js';

/**
 * The repository of an image reference, without tag and digest, as registries know it: `docker.io/library/tomcat` for
 * `tomcat:9`. A colon before the last slash belongs to a registry's port.
 */
export function repositoryOf(image: string): string {
  const named = image.split('@')[0] ?? '';
  const slash = named.lastIndexOf('/');
  const colon = named.indexOf(':', slash + 1);
  const repository = colon === -1 ? named : named.slice(0, colon);
  const [first = '', ...rest] = repository.split('/');
  const hasRegistry = rest.length > 0 && (first.includes('.') || first.includes(':') || first === 'localhost');
  const registry = hasRegistry ? first.replace(/^index\.docker\.io$/, 'docker.io') : 'docker.io';
  const path = hasRegistry ? rest.join('/') : repository;
  return registry === 'docker.io' && !path.includes('/') ? `docker.io/library/${path}` : `${registry}/${path}`;
}

function matches(override: ImageOverride, container: string | undefined, image: string | undefined): boolean {
  if (override.by === 'container') return override.container === container;
  return image !== undefined && repositoryOf(image) === repositoryOf(override.repository);
}

function named(override: ImageOverride): string {
  return override.by === 'container' ? `${override.container}=${override.image}` : override.image;
}

export interface Overridden {
  readonly resources: readonly Resource[];
  readonly problems: readonly Problem[];
}

/**
 * Sets the images of containers, init containers included, in everything that makes pods. An entry for a container
 * wins over one for a repository, a later one over an earlier one. An entry that nothing matches is a problem.
 */
export function overrideImages(resources: readonly Resource[], overrides: readonly ImageOverride[]): Overridden {
  // Stable: entries for containers are looked at first.
  const ranked = overrides.toReversed().sort((one, other) => Number(one.by > other.by) - Number(one.by < other.by));
  const used = new Set<ImageOverride>();
  const containers: string[] = [];
  const images: string[] = [];
  const changed = resources.map(resource => ({
    ...resource,
    object: mapContainers(resource.object, ({ fields }) => {
      const container = textAt(fields, ['name']);
      const image = textAt(fields, ['image']);
      if (container !== undefined) containers.push(container);
      if (image !== undefined) images.push(image);
      const found = ranked.filter(override => matches(override, container, image));
      for (const override of found) used.add(override);
      const [first] = found;
      return first === undefined || first.image === image ? fields : { ...fields, image: first.image };
    }),
  }));
  const problems = overrides
    .filter(override => !used.has(override))
    .map(override => {
      const sort = override.by === 'container' ? 'container' : 'image';
      const there = [...new Set(override.by === 'container' ? containers : images)].sort();
      const list = there.length > 0 ? `the manifests have ${there.join(', ')}` : 'the manifests have no containers';
      return { message: `\`${named(override)}\` in the input \`images\` matches no ${sort}; ${list}.` };
    });
  return { resources: changed, problems };
}

/** Every image that the resources' pods use, sorted, each once. */
export function imagesOf(resources: readonly Resource[]): readonly string[] {
  const all = resources.flatMap(({ object }) => containersOf(object).map(({ fields }) => textAt(fields, ['image'])));
  return [...new Set(all.filter(image => image !== undefined))].sort();
}
