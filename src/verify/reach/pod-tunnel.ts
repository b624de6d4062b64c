import type { Duplex } from 'node:stream';
import type { Cluster } from '../../cluster/cluster.js';
import { asCutoverError } from '../../errors.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { hasEnded, isBeingDeleted } from '../../kubernetes/pods/pod.js';
import type { EndpointPod } from '../endpoint.js';

/** The port of a pod that is checked. */
export interface PodTarget {
  readonly pod: EndpointPod;
  readonly namespace: string;
  readonly port: number;
}

/** A connection to a pod, or what has become of the pod. */
export type PodTunnel =
  | { readonly kind: 'open'; readonly stream: Duplex; readonly live: KubeObject }
  | { readonly kind: 'lost'; readonly change: string };

/**
 * A connection to exactly this pod. The API server knows pods by name alone, so the pod is read once the connection is open: had
 * another pod taken its name by then, the one that is read would have another uid. Rejects as `Cluster.tunnel` does.
 */
export async function openPodTunnel(
  cluster: Pick<Cluster, 'get' | 'tunnel'>,
  { pod, namespace, port }: PodTarget,
): Promise<PodTunnel> {
  let stream: Duplex;
  try {
    stream = await cluster.tunnel({ namespace, name: pod.name, port });
  } catch (thrown) {
    if (asCutoverError(thrown).code !== 'not-found') throw thrown;
    return { kind: 'lost', change: 'disappeared' };
  }
  try {
    const live = await cluster.get({ apiVersion: 'v1', kind: 'Pod', namespace, name: pod.name });
    const change = changeOf(pod, live);
    if (live !== undefined && change === undefined) return { kind: 'open', stream, live };
    stream.destroy();
    return { kind: 'lost', change: change ?? 'disappeared' };
  } catch (thrown) {
    stream.destroy();
    throw thrown;
  }
}

/** What has happened to a pod by now; `undefined`: it has not changed. */
export function changeOf(pod: EndpointPod, live: KubeObject | undefined): string | undefined {
  if (live === undefined) return 'disappeared';
  if (pod.uid !== undefined && live.metadata.uid !== pod.uid) return 'was replaced by another pod of the same name';
  if (isBeingDeleted(live)) return 'began to terminate';
  return hasEnded(live) ? 'ended' : undefined;
}
