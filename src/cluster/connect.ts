import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { Log } from '../log.js';
import { isFields } from '../kubernetes/fields.js';
import { Api } from './http/api.js';
import { systemClock } from './clock.js';
import type { Clock } from './clock.js';
import { credentialsOf } from './access/credentials.js';
import { readKubeconfig } from './access/kubeconfig.js';
import type { Entry } from './access/kubeconfig.js';
import { LiveCluster, type Connection } from './live-cluster.js';
import { proxyFor } from './access/proxy-environment.js';
import { nodeTransport } from './http/transport.js';

/** How to find a cluster. */
export interface ConnectOptions {
  /** Content of a kubeconfig, base64 of it, or a path. Absent: `KUBECONFIG`, `~/.kube/config`, in-cluster. */
  readonly kubeconfig?: string | undefined;
  /** Absent: the kubeconfig's current-context. */
  readonly context?: string | undefined;
  /** For objects that name none. Absent: the context's, else `default`. */
  readonly namespace?: string | undefined;
  /** Folder that relative paths start from. */
  readonly workspace: string;
  /** The runner's environment: where kubeconfigs and proxies are named. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Ends every request and watch. */
  readonly signal: AbortSignal;
  /** Cutover's own version, for the User-Agent. Default `dev`. */
  readonly version?: string;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Folder of a pod's service account. Default: where Kubernetes puts it. */
  readonly serviceAccount?: string;
}

/**
 * The cluster that a kubeconfig leads to. Certificates and tokens are read (and exec plugins run) before this returns,
 * but no request is made. Throws `kubeconfig`, naming what was tried.
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const { environment, log, signal, clock = systemClock } = options;
  const entry = readKubeconfig(options);
  for (const secret of secretsOf(entry.user)) log.mask(secret);
  const server = new URL(entry.cluster.server);
  if (entry.cluster['insecure-skip-tls-verify'] === true && server.protocol === 'https:') {
    log.warning(
      `${entry.source} turns TLS verification off: anyone between this runner and ${server.host} can read and change everything`,
    );
  }
  const credentials = credentialsOf({ entry, load: () => load(entry, environment), clock, log, signal });
  const { headers } = await credentials.access();
  if (server.protocol === 'http:' && 'Authorization' in headers) {
    log.warning(`${entry.source} sends its token to ${server.host} without encryption`);
  }
  const transport = nodeTransport(server, { signal, userAgent: `cutover/${options.version ?? 'dev'}` });
  const api = new Api({ server, credentials, transport, clock, log, signal, random: Math.random });
  const namespace = options.namespace ?? entry.namespace ?? 'default';
  log.info(
    `Cluster ${server.href.replace(/\/$/, '')}, context ${entry.context} of ${entry.source}, namespace ${namespace}`,
  );
  return new LiveCluster({ api, namespace, server: entry.cluster.server, clock, signal, log });
}

/** Everything the client knows about credentials, TLS and proxies, as options of node's own https. */
async function load(entry: Entry, environment: ConnectOptions['environment']): Promise<RequestOptions> {
  const server = new URL(entry.cluster.server);
  const proxy = entry.cluster['proxy-url'] ?? proxyFor(server, environment);
  const config = new KubeConfig();
  // JSON is YAML: the client reads it as any kubeconfig. Made anew each time, since the client caches tokens for good.
  config.loadFromString(
    JSON.stringify({
      clusters: [
        {
          name: 'cluster',
          cluster: {
            ...entry.cluster,
            ...(proxy !== undefined && { 'proxy-url': proxy }),
            // The client refuses plain http (a local `kubectl proxy`) without this; there is no TLS to skip.
            ...(server.protocol === 'http:' && { 'insecure-skip-tls-verify': true }),
          },
        },
      ],
      users: [{ name: 'user', user: clientUser(entry, environment) }],
      contexts: [{ name: 'context', context: { cluster: 'cluster', user: 'user' } }],
      'current-context': 'context',
    }),
  );
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  return options;
}

/** The user with what the client leaves out: token files by their real name, and what exec plugins are told. */
function clientUser(
  { user, cluster }: Entry,
  environment: ConnectOptions['environment'],
): Readonly<Record<string, unknown>> {
  const { tokenFile, exec, ...rest } = user;
  const file =
    tokenFile === undefined ? {} : { 'auth-provider': { name: 'tokenFile', config: { tokenFile } }, token: undefined };
  if (!isFields(exec)) return { ...rest, ...file };
  const about = {
    server: cluster.server,
    'certificate-authority-data': cluster['certificate-authority-data'],
    'tls-server-name': cluster['tls-server-name'],
    'insecure-skip-tls-verify': cluster['insecure-skip-tls-verify'],
  };
  const info = {
    apiVersion: exec['apiVersion'],
    kind: 'ExecCredential',
    spec: { interactive: false, ...(exec['provideClusterInfo'] === true && { cluster: about }) },
  };
  const env = [
    ...Object.entries(environment).map(([name, value]) => ({ name, value })),
    ...(Array.isArray(exec['env']) ? (exec['env'] as unknown[]) : []),
    { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) },
  ];
  return { ...rest, ...file, exec: { ...exec, env } };
}

function secretsOf(user: Entry['user']): readonly string[] {
  const provider = user['auth-provider'];
  const config = isFields(provider) && isFields(provider['config']) ? provider['config'] : {};
  return [
    ...['token', 'password', 'client-key-data'].map(key => user[key]),
    ...['id-token', 'refresh-token', 'access-token', 'client-secret'].map(key => config[key]),
  ].filter(value => typeof value === 'string');
}
