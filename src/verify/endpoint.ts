import { CutoverError } from '../errors.js';
import { describeRef, refOf, type KubeObject } from '../kubernetes/object.js';

/** A pod that must answer for itself. `uid` tells a later pod of the same name apart. */
export interface EndpointPod {
  readonly name: string;
  readonly uid?: string;
}

/** The side of a release that is under test. */
export interface Endpoint {
  readonly namespace: string;
  /** The Service whose wiring is tested too: the test Service before the switch, the public one after. Absent: pods alone. */
  readonly service?: { readonly name: string; readonly port: number };
  /** The new pods, all of them; an answer of any other pod counts for nothing. */
  readonly pods: readonly EndpointPod[];
  /** Container port of the pods. Absent: no port is known, and a check by path cannot be made. */
  readonly podPort?: number;
}

/** The port of a Service and the container port that it leads to. */
export interface Ports {
  readonly servicePort: number;
  readonly podPort: number;
}

interface ContainerPort {
  readonly name?: string;
  readonly containerPort: number;
  readonly protocol?: string;
}

interface Container {
  readonly ports?: readonly ContainerPort[];
}

interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly protocol?: string;
}

/**
 * The port of a Service that checks go to, and the container port behind it. Of several ports the one named `http` is
 * taken, else the first. `undefined` for a Service without TCP ports. Throws `manifest` when the Service's targetPort is a
 * name that no container of the workload declares.
 */
export function resolvePorts(service: KubeObject, workload: KubeObject): Ports | undefined {
  const { ports = [] } = (service['spec'] ?? {}) as { ports?: readonly ServicePort[] };
  const tcp = ports.filter(({ protocol = 'TCP' }) => protocol === 'TCP');
  const selectedPort = tcp.find(({ name }) => name === 'http') ?? tcp[0];
  if (selectedPort === undefined) return undefined;
  const { port, targetPort = port } = selectedPort;
  if (typeof targetPort === 'number') return { servicePort: port, podPort: targetPort };
  // The API server takes a number written as a string (`"8080"`) for a number.
  if (/^\d+$/.test(targetPort)) return { servicePort: port, podPort: Number(targetPort) };

  const containerPortList = containerPorts(workload);
  const namedPort = containerPortList.find(({ name }) => name === targetPort);
  if (namedPort !== undefined) return { servicePort: port, podPort: namedPort.containerPort };
  const names = containerPortList.flatMap(({ name }) => name ?? []).join(', ') || 'none';
  throw new CutoverError(
    `${describeRef(refOf(service))} leads to a port named "${targetPort}", which no container of ${describeRef(refOf(workload))} declares`,
    {
      code: 'manifest',
      object: describeRef(refOf(service)),
      hint: `Set targetPort to a container port's number or name. Names that exist: ${names}.`,
    },
  );
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
