/** An address of the pod network behind a Service. */
export interface ServiceEndpoint {
  readonly ip: string;
  readonly port: number;
  /** The real port on 127.0.0.1 behind it. `undefined`: nothing listens there. */
  readonly real: number | undefined;
}

/** The node as the API server uses it: its kubelet and its network. */
export interface Runtime {
  /** Log of a container, of its previous instance if `previous`. `undefined`: there is no such container or instance. */
  logs(pod: {
    readonly namespace: string;
    readonly name: string;
    readonly container?: string;
    readonly previous?: boolean;
    readonly tailLines?: number;
  }): string | undefined;
  /** Real port on 127.0.0.1 behind a container port of a running pod. `undefined`: nothing listens there. */
  podPort(namespace: string, name: string, port: number): number | undefined;
  /** The ready endpoints behind a Service's port; `port` is its name, empty for one that has none. */
  servicePorts(namespace: string, name: string, port: string): readonly ServiceEndpoint[];
}
