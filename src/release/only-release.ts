import type { Cluster } from '../cluster/cluster.js';
import { CutoverError } from '../errors.js';
import { decodeState } from './state-record.js';

/**
 * The only release on record in a namespace, for a step without the input `release`. Throws `input` when there is none or
 * there are several, with their names.
 */
export async function onlyRelease(cluster: Cluster, namespace: string): Promise<string> {
  const names = await releasesOf(cluster, namespace);
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) return only;
  throw new CutoverError(
    only === undefined
      ? `There is no release in namespace ${namespace}`
      : `There are ${names.length} releases in namespace ${namespace}: ${names.join(', ')}`,
    {
      code: 'input',
      hint:
        only === undefined
          ? 'Check the input `namespace`, or deploy first.'
          : 'Set the input `release` to one of them.',
    },
  );
}

/** The names of all releases on record in a namespace, sorted. */
export async function releasesOf(cluster: Pick<Cluster, 'list'>, namespace: string): Promise<readonly string[]> {
  const secrets = await cluster.list(
    { apiVersion: 'v1', kind: 'Secret', namespace },
    { labelSelector: 'cutover/record=state' },
  );
  return secrets.map(secret => decodeState(secret).release).sort();
}
