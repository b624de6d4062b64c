import { isDeepStrictEqual } from 'node:util';
import type { Controller, ControllerContext } from '../context.js';
import type { Endpoint, EndpointPort, EndpointSlice, Service, ServicePort } from '../kinds.js';
import {
  controlledBy,
  ENDPOINT_SLICE,
  getByKey,
  hasLabels,
  keyOf,
  listKind,
  POD,
  SERVICE,
  timestamp,
} from '../kinds.js';
import type { Pod } from '../pod.js';
import { isReady } from '../pod.js';
import { createQueue } from '../queue.js';

const SERVICE_NAME = 'kubernetes.io/service-name';
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const HEADLESS = 'service.kubernetes.io/headless';
const CHANGED = 'endpoints.kubernetes.io/last-change-trigger-time';
const MANAGER = 'endpointslice-controller.k8s.io';
const MOST = 100;

/** Maintains the EndpointSlices of each Service. */
export const endpointSliceController: Controller = context => {
  const { store, clock } = context;
  const queue = createQueue(clock, key => {
    const service = getByKey(store, SERVICE, key);
    if (service?.spec?.selector !== undefined && service.spec.type !== 'ExternalName') sync(context, service);
  });
  /** The last labels of a pod: a Service that no longer selects it must be updated too. */
  const labels = new Map<string, Readonly<Record<string, string>>>();
  const ends = [
    store.watch(SERVICE, ({ type, object }) => {
      if (type !== 'DELETED') queue.add(keyOf(object));
    }),
    store.watch(POD, ({ type, object }) => {
      const { uid = '', namespace } = object.metadata;
      const now = object.metadata.labels ?? {};
      for (const service of listKind(store, SERVICE, namespace)) {
        const selector = service.spec?.selector;
        if (selector && (hasLabels(now, selector) || hasLabels(labels.get(uid), selector))) queue.add(keyOf(service));
      }
      if (type === 'DELETED') labels.delete(uid);
      else labels.set(uid, now);
    }),
  ];
  return () => {
    queue.close();
    for (const end of ends) end();
  };
};

/** What one slice says: endpoints that share the same ports. */
export interface SliceContent {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

/** The slices that a Service should have. One without endpoints if it selects no pod. */
function slicesOf(service: Service, pods: readonly Pod[]): readonly SliceContent[] {
  const groups = new Map<string, { ports: readonly EndpointPort[]; endpoints: Endpoint[] }>();
  for (const pod of pods) {
    const { podIP, phase } = pod.status ?? {};
    if (podIP === undefined || phase === 'Succeeded' || phase === 'Failed') continue;
    const ports = (service.spec?.ports ?? []).flatMap(port => resolvePort(port, pod));
    const group = groups.get(JSON.stringify(ports)) ?? { ports, endpoints: [] };
    group.endpoints.push(endpointOf(service, pod, podIP));
    groups.set(JSON.stringify(ports), group);
  }
  if (groups.size === 0) return [{ ports: [], endpoints: [] }];
  return [...groups.values()].flatMap(({ ports, endpoints }) =>
    Array.from({ length: Math.ceil(endpoints.length / MOST) }, (_, index) => ({
      ports,
      endpoints: endpoints.slice(index * MOST, (index + 1) * MOST),
    })),
  );
}

/** Empty if the pod has no port of the name that the Service targets. */
function resolvePort(port: ServicePort, pod: Pod): readonly EndpointPort[] {
  const target = port.targetPort ?? port.port;
  const number =
    typeof target === 'number'
      ? target
      : pod.spec.containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === target)?.containerPort;
  if (number === undefined) return [];
  const { name = '', protocol = 'TCP', appProtocol } = port;
  return [{ name, port: number, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
}

function endpointOf(service: Service, pod: Pod, ip: string): Endpoint {
  const { name, namespace = '', uid = '', deletionTimestamp } = pod.metadata;
  const terminating = deletionTimestamp !== undefined;
  const serving = isReady(pod);
  const { nodeName, hostname, subdomain } = pod.spec;
  const always = service.spec?.publishNotReadyAddresses === true;
  return {
    addresses: [ip],
    conditions: { ready: always || (serving && !terminating), serving, terminating },
    ...(hostname !== undefined && subdomain === service.metadata.name ? { hostname } : {}),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

/** The API server omits empty lists. */
function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

function sync({ store }: ControllerContext, service: Service): void {
  const { name, namespace = '' } = service.metadata;
  const selector = service.spec?.selector ?? {};
  const pods = listKind(store, POD, namespace).filter(pod => hasLabels(pod.metadata.labels, selector));
  const headless = service.spec?.clusterIP === 'None' ? { [HEADLESS]: '' } : {};
  const labels = { ...service.metadata.labels, ...headless, [SERVICE_NAME]: name, [MANAGED_BY]: MANAGER };
  const annotations = { [CHANGED]: timestamp() };
  const existing = listKind(store, ENDPOINT_SLICE, namespace).filter(
    slice => slice.metadata.labels?.[SERVICE_NAME] === name && slice.metadata.labels[MANAGED_BY] === MANAGER,
  );
  const spare = new Set<EndpointSlice>(existing);
  for (const { ports, endpoints } of slicesOf(service, pods)) {
    const content = { endpoints: orNull(endpoints), ports: orNull(ports) };
    const slice = [...spare].find(one => isDeepStrictEqual(one.ports ?? [], ports)) ?? [...spare][0];
    if (!slice) {
      const metadata = {
        name: '',
        generateName: `${name}-`,
        namespace,
        labels,
        annotations,
        ownerReferences: controlledBy(service),
      };
      store.create({ ...ENDPOINT_SLICE, metadata, addressType: 'IPv4', ...content });
      continue;
    }
    spare.delete(slice);
    const same =
      isDeepStrictEqual(slice.endpoints ?? [], endpoints) &&
      isDeepStrictEqual(slice.ports ?? [], ports) &&
      isDeepStrictEqual(slice.metadata.labels, labels);
    if (!same) store.update({ ...slice, metadata: { ...slice.metadata, labels, annotations }, ...content });
  }
  for (const slice of spare) store.remove({ ...ENDPOINT_SLICE, name: slice.metadata.name, namespace });
}
