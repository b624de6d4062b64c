import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { Log } from '../log.js';
import { isFields } from '../kubernetes/fields.js';
import { Api } from './http/api.js';
import { systemClock } from './clock.js';
import type { Clock } from './clock.js';
import { expiryOf } from './access/credential-expiry.js';
import { credentialsOf } from './access/credentials.js';
import { readKubeconfig } from './access/kubeconfig.js';
import type { KubeconfigContext } from './access/kubeconfig.js';
import { secretsIn } from './access/kubeconfig-secrets.js';
import { LiveCluster, type Connection } from './live-cluster.js';
import { proxyFor } from '../inputs/proxy-environment.js';
import { nodeTransport } from './http/transport.js';

/** How to find a cluster. */
export interface ConnectOptions {
  /** Content of a kubeconfig, base64-encoded content, or a path. Absent: `KUBECONFIG`, `~/.kube/config`, in-cluster. */
  readonly kubeconfig?: string | undefined;
  /** Absent: the kubeconfig's current-context. */
  readonly context?: string | undefined;
  /** For objects without a namespace. Absent: the namespace of the context, else `default`. */
  readonly namespace?: string | undefined;
  /** Folder that relative paths start from. */
  readonly workspace: string;
  /** The runner's environment: kubeconfig and proxy variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Ends every request and watch. */
  readonly signal: AbortSignal;
  /** Version of Cutover, for the User-Agent. Default `dev`. */
  readonly version?: string;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Folder of the pod's service account. Default: the path that Kubernetes uses. */
  readonly serviceAccount?: string;
}

/**
 * Connects to the cluster of a kubeconfig. Reads certificates and tokens and runs exec plugins, but sends no request.
 * Throws `kubeconfig` with all attempts.
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const { environment, log, signal, clock = systemClock } = options;
  const entry = readKubeconfig(options);
  for (const secret of secretsIn(entry)) log.mask(secret);
  const server = new URL(entry.cluster.server);
  // Requests use the credentials of the kubeconfig's user alone, and no message needs others.
  [server.username, server.password] = ['', ''];
  if (entry.cluster['insecure-skip-tls-verify'] === true && server.protocol === 'https:') {
    log.warning(
      `${entry.source} disables TLS verification: anyone between this runner and ${server.host} can read and change the traffic`,
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
  const address = server.href.replace(/\/$/, '');
  log.info(`Cluster ${address}, context ${entry.context} of ${entry.source}, namespace ${namespace}`);
  const credentialExpiry = expiryOf(entry);
  const expiring = credentialExpiry === undefined ? {} : { credentialExpiry };
  return new LiveCluster({ api, namespace, server: address, clock, signal, log, ...expiring });
}

/** Credentials, TLS and proxy settings of the Kubernetes client as options of node:https. */
async function load(entry: KubeconfigContext, environment: ConnectOptions['environment']): Promise<RequestOptions> {
  const server = new URL(entry.cluster.server);
  const proxy = entry.cluster['proxy-url'] ?? proxyFor(server, environment);
  const config = new KubeConfig();
  // JSON is YAML: the client reads it as any kubeconfig. Created for each call, because the client caches tokens forever.
  config.loadFromString(
    JSON.stringify({
      clusters: [
        {
          name: 'cluster',
          cluster: {
            ...entry.cluster,
            ...(proxy !== undefined && { 'proxy-url': proxy }),
            // The client rejects plain http (a local `kubectl proxy`) without this setting.
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

/** The user with settings that the client does not support: `tokenFile`, and cluster information for exec plugins. */
function clientUser(
  { user, cluster }: KubeconfigContext,
  environment: ConnectOptions['environment'],
): Readonly<Record<string, unknown>> {
  const { tokenFile, exec, ...rest } = user;
  const file =
    tokenFile === undefined ? {} : { 'auth-provider': { name: 'tokenFile', config: { tokenFile } }, token: undefined };
  if (!isFields(exec)) return { ...rest, ...file };
  const clusterInfo = {
    server: cluster.server,
    'certificate-authority-data': cluster['certificate-authority-data'],
    'tls-server-name': cluster['tls-server-name'],
    'insecure-skip-tls-verify': cluster['insecure-skip-tls-verify'],
  };
  const info = {
    apiVersion: exec['apiVersion'],
    kind: 'ExecCredential',
    spec: { interactive: false, ...(exec['provideClusterInfo'] === true && { cluster: clusterInfo }) },
  };
  // The client adds the variables of the process. Without a value, those that are inputs of the step are none of the plugin's.
  const inputs = Object.keys(process.env).filter(name => isOfStep(name));
  const env = [
    ...inputs.map(name => ({ name })),
    ...Object.entries(environment)
      .filter(([name]) => !isOfStep(name))
      .map(([name, value]) => ({ name, value })),
    ...(Array.isArray(exec['env']) ? (exec['env'] as unknown[]) : []),
    { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) },
  ];
  return { ...rest, ...file, exec: { ...exec, env } };
}

/** Whether a variable is an input or a state of the step: a plugin may use all others, such as those that issue an ID token. */
const isOfStep = (name: string): boolean => /^(INPUT|STATE)_/i.test(name);
