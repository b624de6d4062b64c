import type { Cluster } from '../../cluster/cluster.js';
import { asCutoverError, type ErrorCode } from '../../errors.js';
import type { Log } from '../../log.js';
import type { Endpoint } from '../endpoint.js';
import { listen, type Listener } from '../listener.js';
import { TunnelListener } from './tunnel-listener.js';

/** Errors after which the proxy does not help either. */
const finalErrors: ReadonlySet<ErrorCode> = new Set(['cancelled', 'unauthorized', 'kubeconfig', 'internal']);

/**
 * Opens a local address for commands: through tunnels to the ready pods of the endpoint, else through the proxy of the API server to its
 * Service. Logs which it is, and why not the first. `undefined`: there is neither a Service nor a pod with a known port.
 */
export async function openLocalUrl(subject: {
  readonly cluster: Cluster;
  readonly endpoint: Endpoint;
  readonly log: Log;
}): Promise<Listener | undefined> {
  const { cluster, endpoint, log } = subject;
  const { podPort, pods } = endpoint;
  if (podPort === undefined || pods.length === 0) {
    const why =
      podPort === undefined ? 'the port of the pods is not known' : (endpoint.whyNoPods ?? 'there is no new pod');
    return throughProxy(subject, why);
  }
  try {
    const listener = await TunnelListener.open({ cluster, endpoint, podPort, log });
    log.info(`CUTOVER_URL leads to the ready pods in turn, through tunnels (port-forward): ${pods.length} by now`);
    return listener;
  } catch (thrown) {
    const { code, message, hint } = asCutoverError(thrown);
    if (finalErrors.has(code)) throw thrown;
    return throughProxy(subject, `no tunnel could be opened: ${message}${hint === undefined ? '' : `. ${hint}`}`);
  }
}

async function throughProxy(
  { cluster, endpoint, log }: { readonly cluster: Cluster; readonly endpoint: Endpoint; readonly log: Log },
  why: string,
): Promise<Listener | undefined> {
  const listener = await listen(cluster, endpoint);
  const target = endpoint.service === undefined ? 'the pods' : `Service ${endpoint.service.name}`;
  if (listener === undefined) log.info('CUTOVER_URL is not set: there is no Service and no pod with a known port');
  else log.info(`CUTOVER_URL leads through the proxy of the API server to ${target}: ${why}`);
  return listener;
}
