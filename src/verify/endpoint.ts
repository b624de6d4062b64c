import { CutoverError } from '../errors.js';
import { describeRef, refOf, type KubeObject } from '../kubernetes/object.js';

/** A pod to check. `uid` distinguishes it from a later pod of the same name; absent: any pod of the name. */
export interface EndpointPod {
  readonly name: string;
  readonly uid?: string;
  /** `true`: it took the place of another pod, and cannot be asked yet. */
  readonly isStarting?: true;
}

/** The pods and the Service to check. */
export interface Endpoint {
  readonly namespace: string;
  /** The Service to check too: the test Service before the switch, the public one after it. Absent: pods only. */
  readonly service?: { readonly name: string; readonly port: number };
  /** All new pods; answers of other pods are not used. */
  readonly pods: readonly EndpointPod[];
  /** The new pods as they are by now, for a check that finds one of `pods` gone. Absent: no other takes its place. */
  readonly currentPods?: () => Promise<readonly EndpointPod[]>;
  /** Why there are no pods; absent: unknown, or there are some. */
  readonly whyNoPods?: string;
  /** Container port of the pods. Absent: unknown, and a check by path is not possible. */
  readonly podPort?: number;
}

/** The port of a Service and its container port. */
export interface Ports {
  readonly servicePort: number;
  /** Absent: it has a name, and no workload is known that declares it. */
  readonly podPort?: number;
}

interface ContainerPort {
  readonly name?: string;
  readonly containerPort: number;
  readonly protocol?: string;
}

interface Container {
  readonly ports?: readonly ContainerPort[];
}

/** A port of a Service. */
export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly protocol?: string;
}

/**
 * The port of a Service for checks, and its container port. Of several ports, the one named `http` is used, else the first.
 * `undefined` for a Service without TCP ports. Throws `manifest` when targetPort is a name that no container of the workload
 * declares. `workload`: what is behind the Service.
 */
export function resolvePorts(service: KubeObject, workload: KubeObject | undefined): Ports | undefined {
  const selectedPort = checkedPort(service);
  if (selectedPort === undefined) return undefined;
  const { port, targetPort = port } = selectedPort;
  if (typeof targetPort === 'number') return { servicePort: port, podPort: targetPort };
  // A number as a string (`"8080"`) is a port number in Kubernetes.
  if (/^\d+$/.test(targetPort)) return { servicePort: port, podPort: Number(targetPort) };

  if (workload === undefined) return { servicePort: port };
  const containerPortList = containerPorts(workload);
  const namedPort = containerPortList.find(({ name }) => name === targetPort);
  if (namedPort !== undefined) return { servicePort: port, podPort: namedPort.containerPort };
  const names = containerPortList.flatMap(({ name }) => name ?? []).join(', ') || 'none';
  throw new CutoverError(
    `${describeRef(refOf(service))} routes to a port named "${targetPort}", which no container of ${describeRef(refOf(workload))} declares`,
    {
      code: 'manifest',
      object: describeRef(refOf(service)),
      hint: `Set targetPort to the number or name of a container port. Available names: ${names}.`,
    },
  );
}

/** The port of a Service for checks; `undefined` for a Service without TCP ports. */
export function checkedPort(service: KubeObject): ServicePort | undefined {
  const { ports = [] } = (service['spec'] ?? {}) as { ports?: readonly ServicePort[] };
  const tcp = ports.filter(({ protocol = 'TCP' }) => protocol === 'TCP');
  return tcp.find(({ name }) => name === 'http') ?? tcp[0];
}

/** The first TCP port that a workload's containers declare, for a workload without a Service; `undefined` if there is none. */
export function firstPort(workload: KubeObject): number | undefined {
  return containerPorts(workload)[0]?.containerPort;
}

function containerPorts(workload: KubeObject): readonly ContainerPort[] {
  const { template } = (workload['spec'] ?? {}) as {
    template?: { spec?: { containers?: readonly Container[]; initContainers?: readonly Container[] } };
  };
  const { containers = [], initContainers = [] } = template?.spec ?? {};
  return [...containers, ...initContainers]
    .flatMap(({ ports = [] }) => ports)
    .filter(({ protocol = 'TCP' }) => protocol === 'TCP');
}
