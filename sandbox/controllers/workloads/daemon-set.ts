import { ApiError } from '../../api/http/status.js';
import { createAvailability } from '../availability.js';
import { claimed } from '../claim.js';
import type { Controller } from '../context.js';
import { dropHistory, REVISION_LABEL, revisionOf, syncRevision } from './controller-revisions.js';
import { daemonPod, nodeOf } from './daemon-pod.js';
import { planDaemons } from './daemon-set-plan.js';
import type { DaemonGoal, NodePods } from './daemon-set-plan.js';
import { createRecorder } from '../cluster/events.js';
import type { DaemonSet } from '../kinds.js';
import { DAEMON_SET, getByKey, hasLabels, keyOf, listKind, NODE, POD } from '../kinds.js';
import { watchSets } from '../pod-sets.js';
import { isActive, isReady, RETRY_REFUSED } from '../pod.js';
import { createQueue } from '../queue.js';
import { podsOfShare } from './rollout-plan.js';
import { nonZero, writeStatus } from '../status.js';

const GENERATION = 'deprecated.daemonset.template.generation';

/** Keeps one pod on every matching node, and replaces those of earlier templates. */
export const daemonSetController: Controller = ({ store, clock }) => {
  const record = createRecorder(store, { component: 'daemonset-controller' });
  const availability = createAvailability(clock);

  const queue = createQueue(clock, key => {
    const set = getByKey(store, DAEMON_SET, key);
    if (!set || set.metadata.deletionTimestamp !== undefined) return;
    const generation = set.metadata.annotations?.[GENERATION] ?? '1';
    const annotations = { [GENERATION]: generation };
    const revision = syncRevision(store, set, { hashLabel: REVISION_LABEL, annotations });
    const hash = revisionOf(revision);
    const { nodes, next } = look(set, hash);
    if (next !== undefined) queue.addAfter(key, next);
    const { create, remove } = planDaemons(goalOf(set, nodes), nodes);
    for (const pod of remove) {
      const { name, namespace = '', uid = '' } = pod.metadata;
      store.remove({ ...POD, name, namespace }, { uid });
      record(set, { type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted pod: ${name}` });
    }
    const labels = { [REVISION_LABEL]: hash, 'pod-template-generation': generation };
    try {
      for (const node of create) {
        const pod = store.create(daemonPod(set, { node, labels }));
        const message = `Created pod: ${pod.metadata.name}`;
        record(set, { type: 'Normal', reason: 'SuccessfulCreate', message });
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      record(set, { type: 'Warning', reason: 'FailedCreate', message: `Error creating: ${error.message}` });
      queue.addAfter(key, RETRY_REFUSED);
    }
    report(set, hash);
  });

  function look(set: DaemonSet, hash: string): { readonly nodes: readonly NodePods[]; readonly next?: number } {
    const { matchLabels = {} } = set.spec.selector;
    const pods = claimed(store, POD, { owner: set, matchLabels });
    const { available, next } = availability.look(pods, set.spec.minReadySeconds);
    const nodes = listKind(store, NODE).map(node => ({
      node: node.metadata.name,
      wanted: hasLabels(node.metadata.labels, set.spec.template.spec.nodeSelector ?? {}),
      pods: pods
        .filter(pod => nodeOf(pod) === node.metadata.name)
        .map(pod => ({
          pod,
          leaving: pod.metadata.deletionTimestamp !== undefined,
          ended: !isActive(pod),
          available: available.has(pod),
          updated: revisionOf(pod) === hash,
        }))
        .sort((a, b) => Number(a.updated) - Number(b.updated)),
    }));
    return { nodes, ...(next !== undefined && { next }) };
  }

  function report(set: DaemonSet, hash: string): void {
    const { nodes } = look(set, hash);
    const wanted = nodes.filter(node => node.wanted);
    // While a node has two pods, the older one counts.
    const oldest = wanted.flatMap(({ pods }) => pods.slice(0, 1));
    const available = oldest.filter(pod => pod.available).length;
    writeStatus(store, set, {
      currentNumberScheduled: oldest.length,
      desiredNumberScheduled: wanted.length,
      numberMisscheduled: nodes.filter(node => !node.wanted && node.pods.length > 0).length,
      numberReady: oldest.filter(({ pod }) => isReady(pod)).length,
      observedGeneration: set.metadata.generation ?? 1,
      ...nonZero({
        updatedNumberScheduled: oldest.filter(pod => pod.updated).length,
        numberAvailable: available,
        numberUnavailable: wanted.length - available,
      }),
    });
    const inUse = new Set(nodes.flatMap(({ pods }) => pods.map(({ pod }) => revisionOf(pod))));
    dropHistory(store, set, one => revisionOf(one) === hash || inUse.has(revisionOf(one)));
  }

  const ends = [
    ...watchSets(store, DAEMON_SET, { queue, availability }),
    store.watch(NODE, () => {
      for (const set of listKind(store, DAEMON_SET)) queue.add(keyOf(set));
    }),
  ];
  return () => {
    queue.close();
    for (const end of ends) end();
  };
};

function goalOf({ spec }: DaemonSet, nodes: readonly NodePods[]): DaemonGoal {
  const { type, rollingUpdate = {} } = spec.updateStrategy ?? {};
  const wanted = nodes.filter(node => node.wanted).length;
  const share = (value: number | string): number => podsOfShare(value, part => Math.ceil(part * wanted));
  const { maxSurge = 0, maxUnavailable = 1 } = rollingUpdate;
  return type === 'OnDelete' ? {} : { update: { surge: share(maxSurge), missing: share(maxUnavailable) } };
}
