import type { Cluster } from '../cluster/cluster.js';
import { asCutoverError, type CutoverError } from '../errors.js';
import type { KubeObject, ObjectRef } from '../kubernetes/object.js';
import { referencesIn } from '../kubernetes/pods/config-references.js';
import type { Log } from '../log.js';
import { hideSecret } from '../manifests/secret-values.js';

/** What is needed to hide the Secrets of a pod. */
export interface SecretReader {
  readonly cluster: Pick<Cluster, 'get'>;
  readonly log: Log;
}

/**
 * Hides the Secrets that a pod reads, before words of the pod are shown: a step without manifests does not know them, and others
 * may not be among the manifests. One request for each Secret. Returns the error for the first one that cannot be read; then the
 * words of the pod must not be shown. `undefined`: all are hidden, or do not exist.
 */
export async function hideSecretsOf(
  pod: KubeObject,
  { cluster, log }: SecretReader,
): Promise<CutoverError | undefined> {
  const read = await Promise.allSettled(secretsOf(pod).map(ref => cluster.get(ref)));
  for (const result of read)
    if (result.status === 'fulfilled' && result.value !== undefined) hideSecret(log, result.value);
  const failed = read.find(result => result.status === 'rejected');
  return failed && asCutoverError(failed.reason);
}

/** The Secrets that the containers of a pod can read: not those that its images are pulled with. */
function secretsOf({ spec, metadata: { namespace } }: KubeObject): readonly ObjectRef[] {
  return referencesIn(spec)
    .filter(({ kind, pullOnly }) => kind === 'Secret' && pullOnly !== true)
    .map(({ name }) => ({ apiVersion: 'v1', kind: 'Secret', name, ...(namespace !== undefined && { namespace }) }));
}
