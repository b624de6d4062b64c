import { isSecret } from '../kubernetes/kinds.js';
import type { Resource } from './resource.js';

/** The values of all Secrets among the resources, encoded and decoded; mask them before logging anything about the resources. */
export function secretValues(resources: readonly Resource[]): readonly string[] {
  return resources
    .filter(({ object }) => isSecret(object))
    .flatMap(({ object }) => Object.values((object['data'] as Readonly<Record<string, string>> | undefined) ?? {}))
    .flatMap(encoded => [encoded, Buffer.from(encoded, 'base64').toString('utf8')]);
}
