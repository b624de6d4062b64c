import { afterEach } from '@jest/globals';
import { createStore, type MemoryStore } from '../../../sandbox/api/store/memory-store.js';
import type { JsonObject } from '../../../sandbox/api/schema/json.js';
import { startApiServer, type ApiServer, type ApiServerOptions } from '../../../sandbox/api/http/server.js';
import { ApiClient } from './api-client.js';

/** An API server without controllers, with its store and a client. */
export interface TestApi {
  readonly store: MemoryStore;
  readonly server: ApiServer;
  readonly api: ApiClient;
}

const running: TestApi[] = [];

/** Starts the API server; it is closed after the test. */
export async function startTestApi(options: Partial<ApiServerOptions> = {}): Promise<TestApi> {
  const store = createStore();
  const runtime = { logs: () => undefined, podPort: () => undefined, servicePorts: () => [] };
  const server = await startApiServer({ store, runtime, ...options });
  const made = { store, server, api: new ApiClient(server.kubeconfig) };
  running.push(made);
  return made;
}

afterEach(async () => {
  for (const { api, server } of running.splice(0)) {
    api.close();
    await server.close();
  }
});

export const configMap = (name: string, rest: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', ...(rest.metadata as JsonObject | undefined) },
  data: rest.data ?? {},
});

export const configMaps = '/api/v1/namespaces/default/configmaps';
