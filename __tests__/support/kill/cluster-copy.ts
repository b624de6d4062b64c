import { createStore, type MemoryStore } from '../../../sandbox/api/store/memory-store.js';
import type { JsonObject } from '../../../sandbox/api/schema/json.js';

/** The objects of a cluster by resource, as its API server stores them. */
export type ClusterContent = ReadonlyMap<string, readonly JsonObject[]>;

/** What controllers and nodes make anew from the other objects. */
const derived: ReadonlySet<string> = new Set(['pods', 'endpointslices.discovery.k8s.io', 'events']);

/** Everything that a copy of the cluster needs. */
export function contentOf({ registry: { storage } }: MemoryStore): ClusterContent {
  const resources = storage.resources().filter(resource => !derived.has(resource));
  return new Map(resources.map(resource => [resource, storage.list(resource)]));
}

/**
 * Fills a cluster that has just been started. The objects keep their names, uids, generations and owners of fields; pods are
 * new, and so are the resourceVersions.
 */
export function fill({ registry: { storage } }: MemoryStore, content: ClusterContent): void {
  // Objects of a namespace come after it.
  const resources = [...content.keys()].sort((one, other) => rank(one) - rank(other));
  for (const resource of resources)
    for (const object of content.get(resource) ?? []) storage.write(resource, structuredClone(object));
}

function rank(resource: string): number {
  return resource === 'namespaces' ? 0 : 1;
}

export { createStore, type MemoryStore };
