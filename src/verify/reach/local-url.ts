import type { Cluster } from '../../cluster/cluster.js';
import { noPort } from '../../cluster/service-proxy.js';
import { asCutoverError } from '../../errors.js';
import type { Log } from '../../log.js';
import type { Endpoint } from '../endpoint.js';
import { listen, type Listener } from '../listener.js';
import { finalErrors } from './final-errors.js';
import { TunnelListener } from './tunnel-listener.js';

interface UrlSubject {
  readonly cluster: Cluster;
  readonly endpoint: Endpoint;
  readonly log: Log;
  /** An address of the endpoint. */
  readonly url?: string;
}

/**
 * Opens an address for commands: a local one through tunnels to the ready pods of the endpoint, else through the proxy of the API server to
 * its Service; where neither is allowed, it is `url` as it is. Logs which it is, and why not the first. `undefined`: there is none.
 */
export async function openLocalUrl(subject: UrlSubject): Promise<Listener | undefined> {
  const { cluster, endpoint, log } = subject;
  const { podPort, pods } = endpoint;
  // Whoever answers at an address, it is none of them.
  if (pods.length === 0) return throughProxy({ cluster, endpoint, log }, endpoint.whyNoPods ?? 'there is no new pod');
  if (podPort === undefined) return throughProxy(subject, 'the port of the pods is not known');
  try {
    const listener = await TunnelListener.open({ cluster, endpoint, podPort, log });
    log.info(`CUTOVER_URL leads to the ready pods in turn, through tunnels (port-forward): ${pods.length} by now`);
    return listener;
  } catch (thrown) {
    const { code, message, hint } = asCutoverError(thrown);
    if (finalErrors.has(code)) throw thrown;
    const why = `no tunnel could be opened: ${message}${hint === undefined ? '' : `. ${hint}`}`;
    return code === 'forbidden' ? throughProxy(subject, why) : throughProxy({ cluster, endpoint, log }, why);
  }
}

/** With a `url` only where the proxy is allowed, else the `url`. */
async function throughProxy({ cluster, endpoint, log, url }: UrlSubject, why: string): Promise<Listener | undefined> {
  if (url !== undefined && !(await mayUseProxy(cluster, endpoint))) {
    log.info(`CUTOVER_URL is ${url}, where it is not known which pods answer: ${why}; nor is its proxy allowed`);
    return { url, close: () => Promise.resolve() };
  }
  const listener = await listen(cluster, endpoint);
  const target = endpoint.service === undefined ? 'the pods' : `Service ${endpoint.service.name}`;
  if (listener === undefined) log.info('CUTOVER_URL is not set: there is no Service and no pod with a known port');
  else log.info(`CUTOVER_URL leads through the proxy of the API server to ${target}: ${why}`);
  return listener;
}

/** Whether a Service or pod of the endpoint may be asked through the proxy. None of them gets the request. */
async function mayUseProxy(cluster: Cluster, { namespace, service, pods, podPort }: Endpoint): Promise<boolean> {
  const [pod] = pods;
  const name = service?.name ?? (podPort === undefined ? undefined : pod?.name);
  if (name === undefined) return false;
  try {
    const kind = service === undefined ? 'Pod' : 'Service';
    await cluster.proxy({ kind, namespace, name, port: noPort, path: '/' });
    return true;
  } catch (thrown) {
    const { code } = asCutoverError(thrown);
    if (finalErrors.has(code)) throw thrown;
    return code !== 'forbidden';
  }
}
