import type { Problem } from '../../errors.js';
import { listAt, textAt, withField } from '../../kubernetes/fields.js';
import { podSpecPaths } from './image-fields.js';
import type { Resource } from '../resource.js';

/** Adds the names to `imagePullSecrets` of every pod spec, after those of the manifest, each name once. */
export function addPullSecrets(resources: readonly Resource[], names: readonly string[]): readonly Resource[] {
  return resources.map(resource => {
    const object = podSpecPaths(resource.object).reduce((result, spec) => {
      const path = [...spec, 'imagePullSecrets'];
      const written = listAt(result, path);
      const known = new Set(written.map(entry => textAt(entry, ['name'])));
      const added = names.filter(name => !known.has(name)).map(name => ({ name }));
      return added.length === 0 ? result : withField(result, path, [...written, ...added]);
    }, resource.object);
    return object === resource.object ? resource : { ...resource, object };
  });
}

/** Pull secrets that no workload is there for are a slip of the pen. */
export function uselessPullSecrets(resources: readonly Resource[], names: readonly string[]): readonly Problem[] {
  if (names.length === 0 || resources.some(({ object }) => podSpecPaths(object).length > 0)) return [];
  const message = `\`${names.join(', ')}\` in the input \`image-pull-secrets\` would be added to nothing: the manifests have no workload.`;
  return [{ message }];
}
