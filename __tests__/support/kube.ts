import { Agent, request } from 'node:https';
import { load } from 'js-yaml';
import type { KubeObject } from '../../src/kubernetes/object.js';
export type { KubeObject } from '../../src/kubernetes/object.js';

/** An answer of the API server. */
export interface KubeAnswer {
  readonly status: number;
  /** The parsed JSON body; `{text}` if the body is not JSON. */
  readonly body: unknown;
}

export interface KubeRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** For example `/api/v1/namespaces/shop/services/web`. */
  readonly path: string;
  readonly body?: unknown;
  /** Default `application/json`; for PATCH `application/merge-patch+json`. */
  readonly contentType?: string;
}

/** Names an object of one of the kinds below. */
export interface Named {
  readonly kind: keyof typeof collections;
  readonly namespace: string;
  readonly name: string;
}

/** A client that shares nothing with the code under test. Supports client certificates and tokens. */
export interface Kube {
  send(request: KubeRequest): Promise<KubeAnswer>;
  /** `undefined` if it does not exist (404). Throws on any other status than 200. */
  get(named: Named): Promise<KubeObject | undefined>;
  list(kind: Named['kind'], namespace: string): Promise<readonly KubeObject[]>;
  /** Sends a JSON merge patch. Throws unless the API server accepts it. */
  patch(named: Named, change: unknown): Promise<KubeObject>;
  create(object: KubeObject): Promise<KubeObject>;
  remove(named: Named): Promise<void>;
  close(): void;
}

const rbac = '/apis/rbac.authorization.k8s.io/v1';

const collections = {
  ClusterRole: `${rbac}/clusterroles`,
  ClusterRoleBinding: `${rbac}/clusterrolebindings`,
  ConfigMap: '/api/v1/namespaces/*/configmaps',
  Deployment: '/apis/apps/v1/namespaces/*/deployments',
  EndpointSlice: '/apis/discovery.k8s.io/v1/namespaces/*/endpointslices',
  Event: '/api/v1/namespaces/*/events',
  HorizontalPodAutoscaler: '/apis/autoscaling/v2/namespaces/*/horizontalpodautoscalers',
  Job: '/apis/batch/v1/namespaces/*/jobs',
  Lease: '/apis/coordination.k8s.io/v1/namespaces/*/leases',
  Namespace: '/api/v1/namespaces',
  PodDisruptionBudget: '/apis/policy/v1/namespaces/*/poddisruptionbudgets',
  Pod: '/api/v1/namespaces/*/pods',
  ReplicaSet: '/apis/apps/v1/namespaces/*/replicasets',
  Role: `${rbac}/namespaces/*/roles`,
  RoleBinding: `${rbac}/namespaces/*/rolebindings`,
  Secret: '/api/v1/namespaces/*/secrets',
  Service: '/api/v1/namespaces/*/services',
  ServiceAccount: '/api/v1/namespaces/*/serviceaccounts',
} as const;

interface KubeconfigFile {
  readonly 'current-context': string;
  readonly contexts: readonly { readonly name: string; readonly context: { cluster: string; user: string } }[];
  readonly clusters: readonly {
    readonly name: string;
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data'?: string };
  }[];
  readonly users: readonly {
    readonly name: string;
    readonly user: {
      readonly 'client-certificate-data'?: string;
      readonly 'client-key-data'?: string;
      readonly token?: string;
    };
  }[];
}

/** Opens the cluster of the current context. `kubeconfig` is YAML. */
export function openKube(kubeconfig: string): Kube {
  const file = load(kubeconfig) as KubeconfigFile;
  const context = file.contexts.find(({ name }) => name === file['current-context'])?.context;
  const cluster = file.clusters.find(({ name }) => name === context?.cluster)?.cluster;
  const user = file.users.find(({ name }) => name === context?.user)?.user;
  if (!cluster) throw new Error(`the kubeconfig's context ${file['current-context']} names no cluster`);
  const decode = (data: string | undefined): { value: Buffer } | undefined =>
    data === undefined ? undefined : { value: Buffer.from(data, 'base64') };
  const ca = decode(cluster['certificate-authority-data'])?.value;
  const cert = decode(user?.['client-certificate-data'])?.value;
  const key = decode(user?.['client-key-data'])?.value;
  const agent = new Agent({
    keepAlive: true,
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
  });
  const authorization = user?.token === undefined ? {} : { authorization: `Bearer ${user.token}` };

  const send = (asked: KubeRequest): Promise<KubeAnswer> =>
    new Promise((resolve, reject) => {
      const type =
        asked.contentType ?? (asked.method === 'PATCH' ? 'application/merge-patch+json' : 'application/json');
      const sending = request(
        new URL(asked.path, cluster.server),
        { agent, method: asked.method ?? 'GET', headers: { ...authorization, 'content-type': type } },
        answer => {
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.on('error', reject);
          answer.on('end', () =>
            resolve({ status: answer.statusCode ?? 0, body: parse(Buffer.concat(parts).toString('utf8')) }),
          );
        },
      );
      sending.on('error', reject);
      sending.end(asked.body === undefined ? undefined : JSON.stringify(asked.body));
    });
  const taken = async (asked: KubeRequest): Promise<KubeObject> => {
    const { status, body } = await send(asked);
    if (status >= 300) throw new Error(`${asked.method ?? 'GET'} ${asked.path}: ${status} ${JSON.stringify(body)}`);
    return body as KubeObject;
  };
  return {
    send,
    get: async named => {
      const { status, body } = await send({ path: pathOf(named) });
      if (status === 404) return undefined;
      if (status !== 200) throw new Error(`GET ${pathOf(named)}: ${status} ${JSON.stringify(body)}`);
      return body as KubeObject;
    },
    list: async (kind, namespace) => {
      const answer = await taken({ path: collections[kind].replace('*', namespace) });
      return (answer as unknown as { readonly items: readonly KubeObject[] }).items;
    },
    patch: (named, body) => taken({ method: 'PATCH', path: pathOf(named), body }),
    create: object => {
      const collection = collections[object.kind as Named['kind']];
      return taken({
        method: 'POST',
        path: collection.replace('*', object.metadata.namespace ?? 'default'),
        body: object,
      });
    },
    remove: async named => {
      await taken({ method: 'DELETE', path: pathOf(named) });
    },
    close: () => agent.destroy(),
  };
}

function pathOf({ kind, namespace, name }: Named): string {
  return `${collections[kind].replace('*', namespace)}/${name}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return { text };
  }
}
