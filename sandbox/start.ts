import { apiVersionOf } from './api/schema/kinds.js';
import { createStore, type MemoryStore } from './api/store/memory-store.js';
import { startApiServer } from './api/http/server.js';
import { bringToLife } from './network/live-cluster.js';
import type { Sandbox, SandboxOptions } from './sandbox.js';

/**
 * Starts an embedded cluster on 127.0.0.1. It runs until `close`, and keeps the process alive until then. `store`: the store
 * to use, so that a caller can watch it; default: a new one.
 */
export async function startSandbox(options: SandboxOptions = {}, store: MemoryStore = createStore()): Promise<Sandbox> {
  const kinds = () =>
    store.registry.kinds
      .all()
      .map(kind => ({ apiVersion: apiVersionOf(kind), kind: kind.kind, namespaced: kind.namespaced }));
  const live = bringToLife(store, kinds, options);
  const { onCall } = options;
  const parts = { store, runtime: live.runtime, ...(onCall && { onCall }) };
  const server = await startApiServer(parts).catch(async (error: unknown) => {
    await live.close();
    throw error;
  });
  return {
    url: server.url,
    kubeconfig: server.kubeconfig,
    calls: server.calls,
    wire: () => server.wire(),
    usedRights: user => server.usedRights(user),
    fault: (match, fault, times) => server.fault(match, fault, times),
    serviceUrl: (namespace, name) => live.serviceUrl(namespace, name),
    async close() {
      // Clients first, so that none sees a half-closed cluster.
      await server.close();
      await live.close();
    },
  };
}
