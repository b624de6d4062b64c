import type { Problem } from '../../errors.js';
import { listAt, textAt, withField } from '../../kubernetes/fields.js';
import { podSpecPaths } from './image-fields.js';
import type { Resource } from '../resource.js';

/** Appends the names to `imagePullSecrets` of every pod spec, without duplicates. */
export function addPullSecrets(resources: readonly Resource[], names: readonly string[]): readonly Resource[] {
  return resources.map(resource => {
    const object = podSpecPaths(resource.object).reduce((result, spec) => {
      const path = [...spec, 'imagePullSecrets'];
      const inManifest = listAt(result, path);
      const existing = new Set(inManifest.map(entry => textAt(entry, ['name'])));
      const added = names.filter(name => !existing.has(name)).map(name => ({ name }));
      return added.length === 0 ? result : withField(result, path, [...inManifest, ...added]);
    }, resource.object);
    return object === resource.object ? resource : { ...resource, object };
  });
}

/** A problem where pull secrets are set but no workload can use them. */
export function unusedPullSecrets(resources: readonly Resource[], names: readonly string[]): readonly Problem[] {
  if (names.length === 0 || resources.some(({ object }) => podSpecPaths(object).length > 0)) return [];
  const message = `\`${names.join(', ')}\` in the input \`image-pull-secrets\` would be added to nothing: the manifests have no workload.`;
  return [{ message }];
}
