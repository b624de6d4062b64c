import type { Store } from '../api/store/store.js';
import type { EndpointSlice, Service } from '../controllers/kinds.js';
import { ENDPOINT_SLICE, listKind } from '../controllers/kinds.js';

/** An address of the pod network. */
export interface Backend {
  readonly ip: string;
  readonly port: number;
}

/** The Service's EndpointSlices. */
export function slicesFor(store: Store, service: Service): readonly EndpointSlice[] {
  const { name, namespace } = service.metadata;
  return listKind(store, ENDPOINT_SLICE, namespace).filter(
    slice => slice.metadata.labels?.['kubernetes.io/service-name'] === name,
  );
}

/** Addresses behind a port of the Service. */
export interface Backends {
  readonly ready: readonly Backend[];
  /** Being deleted, but still answering. */
  readonly stopping: readonly Backend[];
}

/** `port` is the name of the Service's port, empty for one that has none. */
export function backendsOf(port: string, slices: readonly EndpointSlice[]): Backends {
  const ready: Backend[] = [];
  const stopping: Backend[] = [];
  for (const { endpoints, ports } of slices) {
    const number = ports?.find(({ name }) => (name ?? '') === port)?.port;
    if (number === undefined) continue;
    for (const { addresses, conditions } of endpoints ?? []) {
      const backends = addresses.map(ip => ({ ip, port: number }));
      if (conditions?.ready ?? true) ready.push(...backends);
      else if (conditions?.serving === true && conditions.terminating === true) stopping.push(...backends);
    }
  }
  return { ready, stopping };
}
