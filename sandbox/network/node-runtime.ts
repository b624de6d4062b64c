import type { Runtime } from '../api/store/runtime.js';
import type { Store } from '../api/store/store.js';
import { getByKey, SERVICE } from '../controllers/kinds.js';
import type { Kubelet } from './kubelet.js';
import { backendsOf, slicesFor } from './routes.js';

/** The node as the API server uses it. Service endpoints are current: only kube-proxy has a delay. */
export function nodeRuntime(store: Store, kubelet: Kubelet): Runtime {
  return {
    logs({ namespace, name, container, previous = false, tailLines }) {
      const lines = kubelet.pod(namespace, name)?.lines(previous ? 'last' : 'newest', container);
      if (lines === undefined) return undefined;
      const wanted = tailLines === undefined ? lines : lines.slice(Math.max(0, lines.length - tailLines));
      return wanted.map(line => `${line}\n`).join('');
    },
    podPort: (namespace, name, port) => kubelet.pod(namespace, name)?.network.get(port),
    servicePorts(namespace, name, port) {
      const service = getByKey(store, SERVICE, `${namespace}/${name}`);
      if (!service) return [];
      const { ready } = backendsOf(port, slicesFor(store, service));
      return ready.map(backend => ({ ...backend, real: kubelet.portAt(backend.ip, backend.port) }));
    },
  };
}
