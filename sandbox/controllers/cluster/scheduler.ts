import type { Controller } from '../context.js';
import { createRecorder } from './events.js';
import { conditionOf } from '../condition.js';
import { getByKey, hasLabels, keyOf, listKind, NODE, POD } from '../kinds.js';
import { createQueue } from '../queue.js';
import { setCondition, writeStatus } from '../status.js';

/** Name of the only node. */
export const NODE_NAME = 'sandbox';

const noNode =
  "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. " +
  'preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.';

const actions: Readonly<Record<string, string>> = { Scheduled: 'Binding', FailedScheduling: 'Scheduling' };

/** Assigns pods to the node, unless their nodeSelector does not match. */
export const scheduler: Controller = ({ store, clock }) => {
  const record = createRecorder(store, {
    component: 'default-scheduler',
    host: NODE_NAME,
    action: reason => actions[reason],
  });
  const queue = createQueue(clock, key => {
    const pod = getByKey(store, POD, key);
    if (!pod || pod.spec.nodeName !== undefined || pod.metadata.deletionTimestamp !== undefined) return;
    if (pod.spec.schedulerName !== 'default-scheduler') return;
    const conditions = pod.status?.conditions ?? [];
    const node = getByKey(store, NODE, `/${NODE_NAME}`);
    if (!node || !hasLabels(node.metadata.labels, pod.spec.nodeSelector ?? {})) {
      if (conditionOf(conditions, 'PodScheduled')) return;
      record(pod, { type: 'Warning', reason: 'FailedScheduling', message: noNode });
      const verdict = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: noNode } as const;
      writeStatus(store, pod, { ...pod.status, phase: 'Pending', conditions: setCondition(conditions, verdict) });
      return;
    }
    const bound = store.update({ ...pod, spec: { ...pod.spec, nodeName: NODE_NAME } });
    const verdict = { type: 'PodScheduled', status: 'True' } as const;
    writeStatus(store, bound, { ...pod.status, phase: 'Pending', conditions: setCondition(conditions, verdict) });
    const message = `Successfully assigned ${key} to ${NODE_NAME}`;
    record(pod, { type: 'Normal', reason: 'Scheduled', message });
  });

  store.create({
    ...NODE,
    metadata: {
      name: NODE_NAME,
      labels: { 'kubernetes.io/hostname': NODE_NAME, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
    },
    spec: { podCIDR: '10.244.0.0/16' },
  });
  const node = getByKey(store, NODE, `/${NODE_NAME}`);
  if (node) {
    writeStatus(store, node, {
      addresses: [
        { type: 'InternalIP', address: '127.0.0.1' },
        { type: 'Hostname', address: NODE_NAME },
      ],
      conditions: setCondition([], { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready' }),
      nodeInfo: { kubeletVersion: 'v1.37.1', osImage: 'sandbox', architecture: 'amd64', operatingSystem: 'linux' },
    });
  }

  const ends = [
    store.watch(POD, ({ type, object }) => {
      if (type !== 'DELETED') queue.add(keyOf(object));
    }),
    store.watch(NODE, () => {
      for (const pod of listKind(store, POD)) queue.add(keyOf(pod));
    }),
  ];
  return () => {
    queue.close();
    for (const end of ends) end();
  };
};
