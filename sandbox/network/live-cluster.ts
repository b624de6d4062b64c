import type { Runtime } from '../api/store/runtime.js';
import type { Store } from '../api/store/store.js';
import { createClock } from '../controllers/clock.js';
import type { ServedKind } from '../controllers/context.js';
import { startControllers } from '../controllers/controllers.js';
import type { SandboxOptions } from '../sandbox.js';
import { startKubelet } from './kubelet.js';
import { nodeRuntime } from './node-runtime.js';
import { startServiceProxy } from './service-proxy.js';

/** Everything that acts on a store: controllers, the node with its pods, and the public listeners. */
export interface LiveCluster {
  readonly runtime: Runtime;
  /** `http://127.0.0.1:PORT` of the Service's first port. Undefined: it has no public port, or the port is not open yet. */
  serviceUrl(namespace: string, name: string): string | undefined;
  /** Ends every pod, listener and timer. */
  close(): Promise<void>;
}

/** Brings an empty store to life. `kinds`: what its API server serves now. */
export function bringToLife(
  store: Store,
  kinds: () => readonly ServedKind[],
  options: SandboxOptions = {},
): LiveCluster {
  const { secondMs = 1000, propagationMs = 100, nodePorts = 'real' } = options;
  const clock = createClock(secondMs);
  const kubelet = startKubelet(store, clock);
  const proxy = startServiceProxy({
    store,
    clock,
    propagationMs,
    nodePorts,
    resolve: ({ ip, port }) => kubelet.portAt(ip, port),
  });
  const stopControllers = startControllers({ store, clock, kinds });
  return {
    runtime: nodeRuntime(store, kubelet),
    serviceUrl(namespace, name) {
      const port = proxy.port(namespace, name);
      return port === undefined ? undefined : `http://127.0.0.1:${port}`;
    },
    async close() {
      // Controllers first, so that none replaces the terminated pods.
      stopControllers();
      kubelet.close();
      await proxy.close();
      clock.close();
    },
  };
}
