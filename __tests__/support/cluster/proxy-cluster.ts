import type { Cluster, ProxyAnswer, ProxyRequest } from '../../../src/cluster/cluster.js';
import type { KubeObject, ObjectRef } from '../../../src/kubernetes/object.js';
import { noTunnel } from './no-tunnel.js';
import { refusingCluster } from './refusing-cluster.js';

/** A cluster that answers proxied requests and reads of pods (default: a live pod); anything else is a mistake of the test. */
export function proxyCluster(options: {
  readonly proxy: (request: ProxyRequest) => ProxyAnswer | Promise<ProxyAnswer>;
  readonly pod?: (name: string) => KubeObject | undefined;
  /** Default: no tunnel can be opened. */
  readonly tunnel?: Cluster['tunnel'];
}): Cluster & { readonly asked: ProxyRequest[]; readonly read: ObjectRef[] } {
  const asked: ProxyRequest[] = [];
  const read: ObjectRef[] = [];
  return {
    asked,
    read,
    ...refusingCluster('a check only reads pods and sends requests through the proxy'),
    get: ref => {
      read.push(ref);
      const pod = options.pod ?? ((name: string) => livePod(name));
      return Promise.resolve(pod(ref.name));
    },
    tunnel: options.tunnel ?? noTunnel,
    proxy: async request => {
      asked.push(request);
      return await options.proxy(request);
    },
  };
}

/** A pod as {@link proxyCluster} answers it, with uid `uid-of-<name>`. */
export function livePod(name: string, metadata: Partial<KubeObject['metadata']> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop', uid: `uid-of-${name}`, ...metadata } };
}

/** The answer of a pod. */
export function answer(status: number, body = '', headers: Record<string, string> = {}): ProxyAnswer {
  return { status, headers, body: Buffer.from(body), fromApiServer: false };
}

/** An answer of the API server itself, which reached no pod. */
export function fromApiServer(status: number, body: string): ProxyAnswer {
  return { status, headers: {}, body: Buffer.from(body), fromApiServer: true };
}
