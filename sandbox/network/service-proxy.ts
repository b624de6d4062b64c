import type { Store } from '../api/store/store.js';
import type { Clock } from '../controllers/clock.js';
import { createRecorder } from '../controllers/cluster/events.js';
import type { Service, ServicePort } from '../controllers/kinds.js';
import { ENDPOINT_SLICE, getByKey, keyOf, SERVICE } from '../controllers/kinds.js';
import { createQueue } from '../controllers/queue.js';
import { Listener } from './listener.js';
import type { Backend } from './routes.js';
import { backendsOf, slicesFor } from './routes.js';

export interface ServiceProxyOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Real milliseconds until a change of Services or endpoints reaches the listeners. */
  readonly propagationMs: number;
  /** `real`: a nodePort is the same port. `any`: a free one. */
  readonly nodePorts: 'real' | 'any';
  /** The real port behind an address of the pod network. */
  readonly resolve: (backend: Backend) => number | undefined;
}

/** The public listeners: one on 127.0.0.1 for every nodePort. */
export interface ServiceProxy {
  /** Real port of the Service's first port. Undefined: it has no public port, or the port is not open yet. */
  port(namespace: string, name: string): number | undefined;
  close(): Promise<void>;
}

export function startServiceProxy(options: ServiceProxyOptions): ServiceProxy {
  const { store, propagationMs, nodePorts, resolve } = options;
  const record = createRecorder(store, { component: 'kube-proxy' });
  /** By Service, then by nodePort: the listener lives as long as the Service has that nodePort. */
  const open = new Map<string, Map<number, Listener>>();
  const late = new Set<NodeJS.Timeout>();

  const queue = createQueue(options.clock, key => {
    const service = getByKey(store, SERVICE, key);
    const ports = service ? outsidePorts(service) : [];
    const listeners = open.get(key) ?? new Map<number, Listener>();
    for (const [nodePort, listener] of listeners) {
      if (ports.some(port => port.nodePort === nodePort)) continue;
      listener.close();
      listeners.delete(nodePort);
    }
    if (!service || ports.length === 0) {
      open.delete(key);
      return;
    }
    open.set(key, listeners);
    const slices = slicesFor(store, service);
    for (const port of ports) {
      const listener = listeners.get(port.nodePort) ?? bind(service, { nodePort: port.nodePort, listeners });
      const { ready, stopping } = backendsOf(port.name ?? '', slices);
      // As in kube-proxy: terminating pods serve while there is no ready one.
      const backends = ready.length > 0 ? ready : stopping;
      // Changes take effect later and in order, as with a real kube-proxy.
      const timer = setTimeout(() => {
        late.delete(timer);
        listener.route(backends);
      }, propagationMs);
      late.add(timer);
    }
  });

  function bind(
    service: Service,
    { nodePort, listeners }: { readonly nodePort: number; readonly listeners: Map<number, Listener> },
  ): Listener {
    const listener = new Listener(resolve);
    listeners.set(nodePort, listener);
    listener.open(nodePorts === 'real' ? nodePort : 0).catch((error: unknown) => {
      listeners.delete(nodePort);
      const why = error instanceof Error ? error.message : String(error);
      const message = `nodePort ${nodePort} cannot be opened on 127.0.0.1, so nothing from outside reaches this Service: ${why}`;
      record(service, { type: 'Warning', reason: 'PortNotOpened', message });
    });
    return listener;
  }

  const ends = [
    store.watch(SERVICE, ({ object }) => queue.add(keyOf(object))),
    store.watch(ENDPOINT_SLICE, ({ object }) => {
      const name = object.metadata.labels?.['kubernetes.io/service-name'];
      if (name !== undefined) queue.add(`${object.metadata.namespace ?? ''}/${name}`);
    }),
  ];

  return {
    port(namespace, name) {
      const service = getByKey(store, SERVICE, `${namespace}/${name}`);
      const first = service && outsidePorts(service)[0];
      return first && open.get(`${namespace}/${name}`)?.get(first.nodePort)?.port;
    },
    async close() {
      for (const end of ends) end();
      queue.close();
      for (const timer of late) clearTimeout(timer);
      const listeners = [...open.values()].flatMap(byPort => [...byPort.values()]);
      await Promise.all(listeners.map(listener => listener.destroy()));
    },
  };
}

function outsidePorts(service: Service): readonly (ServicePort & { readonly nodePort: number })[] {
  const { type, ports = [] } = service.spec ?? {};
  if (type !== 'NodePort' && type !== 'LoadBalancer') return [];
  return ports.flatMap(port => (port.nodePort === undefined ? [] : [{ ...port, nodePort: port.nodePort }]));
}
