import type { Store } from '../api/store/store.js';
import type { Clock } from '../controllers/clock.js';
import { createRecorder } from '../controllers/cluster/events.js';
import { getByKey, keyOf, POD } from '../controllers/kinds.js';
import { NODE_NAME } from '../controllers/cluster/scheduler.js';
import { createQueue } from '../controllers/queue.js';
import type { NodeTools } from './pods/pod-worker.js';
import { PodWorker } from './pods/pod-worker.js';

/** The node: runs the pods that are assigned to it. */
export interface Kubelet {
  /** The pod of that name. Undefined: none runs, or it has not begun to. */
  pod(namespace: string, name: string): PodWorker | undefined;
  /** Real port on 127.0.0.1 behind an address of the pod network. Undefined: nothing listens there. */
  portAt(ip: string, port: number): number | undefined;
  close(): void;
}

export function startKubelet(store: Store, clock: Clock): Kubelet {
  const workers = new Map<string, PodWorker>();
  const byIP = new Map<string, PodWorker>();
  const tools: NodeTools = {
    store,
    clock,
    images: new Map(),
    record: createRecorder(store, { component: 'kubelet', host: NODE_NAME }),
  };
  let addresses = 0;

  function nextIP(): string {
    do addresses += 1;
    while (addresses % 256 === 0 || addresses % 256 === 255);
    return `10.244.${Math.floor(addresses / 256) % 256}.${addresses % 256}`;
  }

  function forget(key: string, worker: PodWorker): void {
    worker.kill();
    workers.delete(key);
    byIP.delete(worker.podIP);
  }

  const queue = createQueue(clock, key => {
    const pod = getByKey(store, POD, key);
    const known = workers.get(key);
    if (known && pod?.metadata.uid !== known.uid) forget(key, known);
    if (pod?.spec.nodeName === undefined) return;

    const { deletionTimestamp } = pod.metadata;
    let worker = workers.get(key);
    if (!worker) {
      const finished = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
      if (finished && deletionTimestamp === undefined) return;
      worker = new PodWorker(pod, nextIP(), tools);
      workers.set(key, worker);
      byIP.set(worker.podIP, worker);
      if (deletionTimestamp === undefined) worker.start();
    }
    if (deletionTimestamp !== undefined) {
      const grace = pod.metadata['deletionGracePeriodSeconds'] ?? pod.spec.terminationGracePeriodSeconds ?? 30;
      worker.stop(Number(grace));
    }
  });
  const end = store.watch(POD, ({ object }) => queue.add(keyOf(object)));

  return {
    pod: (namespace, name) => workers.get(`${namespace}/${name}`),
    portAt: (ip, port) => byIP.get(ip)?.network.get(port),
    close() {
      end();
      queue.close();
      for (const [key, worker] of [...workers]) forget(key, worker);
    },
  };
}
