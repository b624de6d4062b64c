import type { Clock } from '../../../src/cluster/clock.js';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import { refOf } from '../../../src/kubernetes/object.js';
import { apiVersionOf } from '../../../sandbox/api/schema/kinds.js';
import { createClock } from '../../../sandbox/controllers/clock.js';
import { startControllers } from '../../../sandbox/controllers/controllers.js';
import type { MemoryCluster } from './memory-cluster.js';

const podKind = { apiVersion: 'v1', kind: 'Pod' };

/**
 * Runs the controllers of the embedded cluster on a memory cluster, and a node on which pods need no time: a pod is ready
 * as soon as it is scheduled, or never if its image says `broken`; a deleted pod ends at once. Returns the end of them all.
 */
export function runControllers({ store }: MemoryCluster): () => void {
  const clock = createClock(1);
  const kinds = () =>
    store.registry.kinds
      .all()
      .map(kind => ({ apiVersion: apiVersionOf(kind), kind: kind.kind, namespaced: kind.namespaced }));
  let addresses = 0;
  const stopNode = store.watch(podKind, ({ type, object }) => {
    if (type === 'DELETED') return;
    // Not inside the listener: others would see the changes in the wrong order.
    setImmediate(() => {
      const pod = store.get(refOf(object));
      if (pod === undefined || pod.metadata.uid !== object.metadata.uid) return;
      if (pod.metadata.deletionTimestamp !== undefined) {
        store.remove(refOf(pod), { gracePeriodSeconds: 0 });
        return;
      }
      const { phase = 'Pending' } = (pod['status'] ?? {}) as { phase?: string };
      // An evicted pod never starts again.
      if (fieldOf(pod, 'nodeName') === undefined || phase !== 'Pending') return;
      addresses += 1;
      store.update({ ...pod, status: statusOf(pod, addresses) }, { part: 'status' });
    });
  });
  const stopControllers = startControllers({ store, clock, kinds });
  return () => {
    stopControllers();
    stopNode();
    clock.close();
  };
}

/** A clock on which time passes only when nothing else happens any more; `waited` lists the waits that were over then. */
export function idleClock(): Clock & { readonly waited: number[] } {
  let now = 0;
  const waited: number[] = [];
  return {
    waited,
    now: () => now,
    wait: async (ms, signal) => {
      for (let turn = 0; turn < turnsUntilIdle && !signal.aborted; turn += 1) await nextTurn();
      if (signal.aborted) return;
      waited.push(ms);
      now += ms;
    },
  };
}

/** Each controller takes one turn for one object: enough for a Deployment to come down to its endpoints. */
const turnsUntilIdle = 60;

/** Lets the controllers do all that there is to do. */
export async function idle(): Promise<void> {
  for (let turn = 0; turn < turnsUntilIdle; turn += 1) await nextTurn();
}

function nextTurn(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve);
  });
}

/** The pods of a namespace become unready, as when what they need is gone. */
export function breakPods({ store }: MemoryCluster, labels: Readonly<Record<string, string>>): void {
  for (const pod of store.list(podKind, { labels })) {
    const status = { ...pod['status']!, conditions: [{ type: 'Ready', status: 'False' }] };
    store.update({ ...pod, status }, { part: 'status' });
  }
}

function fieldOf(pod: KubeObject, field: string): unknown {
  return (pod['spec'] as Record<string, unknown>)[field];
}

function statusOf(pod: KubeObject, number: number): object {
  const containers = fieldOf(pod, 'containers') as readonly { name: string; image: string }[];
  const ready = containers.every(({ image }) => !image.includes('broken'));
  const ip = `10.244.0.${number}`;
  const conditions = ['PodScheduled', 'Ready', 'ContainersReady'].map(type => {
    return { type, status: ready || type === 'PodScheduled' ? 'True' : 'False' };
  });
  return {
    phase: 'Running',
    podIP: ip,
    podIPs: [{ ip }],
    conditions,
    containerStatuses: containers.map(({ name, image }) => ({
      ...{ name, image, imageID: image, ready, restartCount: 0, started: true },
      state: { running: { startedAt: '2026-03-01T12:00:00Z' } },
    })),
  };
}
