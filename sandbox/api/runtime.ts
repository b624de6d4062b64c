/** What the API server asks of the node that runs the pods: its kubelet and its network. */
export interface Runtime {
  /** Log of a container, of its previous life if `previous`. `undefined`: there is no such container or life. */
  logs(pod: {
    readonly namespace: string;
    readonly name: string;
    readonly container?: string;
    readonly previous?: boolean;
    readonly tailLines?: number;
  }): string | undefined;
  /** Real port on 127.0.0.1 behind a container port of a running pod. `undefined`: nobody listens there. */
  podPort(namespace: string, name: string, port: number): number | undefined;
  /** Real ports on 127.0.0.1 of the ready endpoints behind a Service's port (its name or number). */
  servicePorts(namespace: string, name: string, port: string | number): readonly number[];
}
