import { asCutoverError } from '../../errors.js';
import { groupOf, refOf, type KubeObject } from '../../kubernetes/object.js';
import { groupKind, isClusterScoped } from '../../kubernetes/kinds.js';
import { isOwnedBy, whyNotOwned, type Owner } from '../../manifests/owner.js';
import { builtInKind } from '../api-resources.js';
import type { Cluster } from '../cluster.js';

/** The release in whose record an object was found. */
export interface RecordedIn extends Owner {
  readonly cluster: Pick<Cluster, 'get' | 'dryRunApply'>;
}

/** Whether a release owns an object that its record names. `why` continues a sentence: `it belongs to release shop`. */
export type Ownership =
  | { readonly kind: 'owned'; readonly live: KubeObject }
  /** It does not exist, and may be created from the record. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'foreign'; readonly live: KubeObject; readonly why: string }
  /** It does not exist, and must not be created from the record. */
  | { readonly kind: 'not-recreated'; readonly why: string };

/**
 * Whether the release owns an object of its record. Whoever may write the record could have named any object in it, so the live
 * object decides: its annotation `cutover/release`. Without a live object, only one that gives no rights, in the namespace of the
 * release, may be created again.
 */
export async function ownershipOf(object: KubeObject, recordedIn: RecordedIn): Promise<Ownership> {
  const { cluster, namespace } = recordedIn;
  const live = await servedOnly(() => cluster.get(refOf(object)));
  if (live === 'not-served')
    return { kind: 'not-recreated', why: 'it is gone, and the API server does not serve its kind any more' };
  if (live !== undefined) {
    return isOwnedBy(live, recordedIn)
      ? { kind: 'owned', live }
      : { kind: 'foreign', live, why: whyNotOwned(live, recordedIn) };
  }
  const why = await whyNotRecreated(object, { cluster, namespace });
  return why === undefined ? { kind: 'absent' } : { kind: 'not-recreated', why };
}

const clusterScoped = 'it is gone, and a cluster-scoped object is never created from the record';

/** Why an object that does not exist is not created from the record; `undefined`: it may be. */
async function whyNotRecreated(
  object: KubeObject,
  { cluster, namespace }: Pick<RecordedIn, 'cluster' | 'namespace'>,
): Promise<string | undefined> {
  const why = whyNeverRecreated(object, namespace);
  if (why !== undefined) return why;
  const builtIn = builtInKind(object);
  if (builtIn !== undefined) return builtIn.namespaced ? undefined : clusterScoped;
  // Whether a custom kind has namespaces is known to the API server alone; a namespace in the object proves nothing.
  const { object: after } = await cluster.dryRunApply(object, { force: true });
  return after.metadata.namespace === undefined ? clusterScoped : undefined;
}

/** The same, as far as the API server need not be asked. `namespace`: that of the release. */
export function whyNeverRecreated(object: KubeObject, namespace: string): string | undefined {
  if (givesRights(object)) return `it is gone, and a ${object.kind} is never created from the record`;
  if (object.metadata.namespace === undefined || isClusterScoped(object, new Set())) return clusterScoped;
  if (object.metadata.namespace === namespace) return undefined;
  return `it is gone, and an object of another namespace than ${namespace} is never created from the record`;
}

async function servedOnly<T>(read: () => Promise<T>): Promise<T | 'not-served'> {
  try {
    return await read();
  } catch (error) {
    if (asCutoverError(error).code === 'unknown-kind') return 'not-served';
    throw error;
  }
}

/** RBAC objects, also those of other API groups for the same (OpenShift), and Secrets, which may be tokens of ServiceAccounts. */
function givesRights(object: KubeObject): boolean {
  return /(^|\.)authorization\./.test(groupOf(object.apiVersion)) || groupKind(object) === '/Secret';
}
