import { objectAt, objectsAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import { at, nameOf, textOf } from '../../support/conformance/object-fields.js';
import { type ConformanceNamespace, type Row } from '../../support/conformance/conformance-namespace.js';
import {
  daemonSet,
  image,
  isLeaving,
  isReady,
  statefulSet,
  revisionsKept,
} from '../../support/conformance/web-application.js';

const REVISION = 'controller-revision-hash';
const TEMPLATE = 'deprecated.daemonset.template.generation';
const tagOf = (pod: JsonObject): string =>
  textOf(at(pod, 'spec', 'containers', 0, 'image'))
    .split(':')
    .at(-1) ?? '';
const uidOf = (object: JsonObject): JsonValue => at(object, 'metadata', 'uid');
const numberOf = (set: JsonObject, name: string): number => Number(at(set, 'status', name) ?? 0);
const isObserved = (set: JsonObject): boolean =>
  at(set, 'status', 'observedGeneration') === at(set, 'metadata', 'generation');

/** A pod of the newest template is available on every matching node. */
const isDone = (set: JsonObject): boolean =>
  isObserved(set) &&
  numberOf(set, 'desiredNumberScheduled') > 0 &&
  ['updatedNumberScheduled', 'numberAvailable'].every(
    name => numberOf(set, name) === numberOf(set, 'desiredNumberScheduled'),
  );

const done = (ns: ConformanceNamespace): Promise<JsonObject> =>
  ns.until('daemonsets/web', 'the rollout to end', isDone);
const change = (ns: ConformanceNamespace, body: JsonObject): Promise<JsonObject> => ns.change('daemonsets/web', body);

/** Tags of the pods that are not terminating. */
async function podsOf(ns: ConformanceNamespace): Promise<string[]> {
  return (await ns.list('pods')).filter(pod => !isLeaving(pod)).map(tagOf);
}

/** The events of the pods on the only node during an update from v1 to v2, in order. */
async function update(ns: ConformanceNamespace, set: JsonObject): Promise<string[]> {
  await ns.make(daemonSet(ns, { set }));
  await done(ns);
  const watched = await ns.watch('pods');
  await change(ns, image(ns, 'v2'));
  await done(ns);
  await ns.untilAll('pods', 'the old pod to be gone', pods =>
    pods.every(pod => tagOf(pod) === 'v2') ? true : undefined,
  );
  const states = new Set<string>();
  for (const { type, object } of watched.changes) {
    const tag = tagOf(object);
    states.add(`${tag} there`);
    if (type === 'DELETED' || isLeaving(object)) states.add(`${tag} leaves`);
    else if (isReady(object)) states.add(`${tag} ready`);
  }
  return [...states];
}

/** The status of a set that has its one pod, available. */
const settled = (observedGeneration: number): JsonObject => ({
  currentNumberScheduled: 1,
  desiredNumberScheduled: 1,
  numberAvailable: 1,
  numberMisscheduled: 0,
  numberReady: 1,
  observedGeneration,
  updatedNumberScheduled: 1,
});

/** The same before the pod is available. */
const unavailable = (observedGeneration: number, numberReady: number): JsonObject => {
  const { numberAvailable: _, ...rest } = settled(observedGeneration);
  return { ...rest, numberReady, numberUnavailable: 1 };
};

/** The same while its pod is of an earlier template. */
const outdated = (observedGeneration: number): JsonObject => {
  const { updatedNumberScheduled: _, ...rest } = settled(observedGeneration);
  return rest;
};

export const rows: readonly Row[] = [
  {
    title: 'a finished rollout has this status',
    play: async ns => {
      await ns.make(daemonSet(ns));
      return at(await done(ns), 'status');
    },
    expected: settled(1),
  },
  {
    title: 'its pod is created for the node, tolerates a failing node, and has the revision as a label',
    play: async ns => {
      const made = await ns.make(daemonSet(ns));
      const set = await done(ns);
      const [pod = {}] = await ns.list('pods');
      const [revision = {}] = await ns.list('controllerrevisions');
      const { [REVISION]: hash, ...labels } = objectAt(pod, 'metadata', 'labels');
      const terms = at(
        pod,
        'spec',
        'affinity',
        'nodeAffinity',
        'requiredDuringSchedulingIgnoredDuringExecution',
        'nodeSelectorTerms',
      );
      const node = textOf(at(pod, 'spec', 'nodeName'));
      return {
        labels,
        generateName: at(pod, 'metadata', 'generateName'),
        revision: nameOf(revision) === `web-${textOf(hash)}`,
        terms: textOf(terms).replaceAll(node, 'NODE'),
        tolerations: objectsAt(pod, 'spec', 'tolerations').map(({ key, operator, effect }) =>
          [key, operator, effect].map(textOf).join(' '),
        ),
        annotation: at(set, 'metadata', 'annotations', TEMPLATE),
        owners: objectsAt(pod, 'metadata', 'ownerReferences').map(({ uid, ...rest }) => ({
          ...rest,
          owner: uid === uidOf(made),
        })),
      };
    },
    expected: {
      labels: { app: 'web', 'pod-template-generation': '1' },
      generateName: 'web-',
      revision: true,
      terms: '[{"matchFields":[{"key":"metadata.name","operator":"In","values":["NODE"]}]}]',
      tolerations: [
        'node.kubernetes.io/not-ready Exists NoExecute',
        'node.kubernetes.io/unreachable Exists NoExecute',
        'node.kubernetes.io/disk-pressure Exists NoSchedule',
        'node.kubernetes.io/memory-pressure Exists NoSchedule',
        'node.kubernetes.io/pid-pressure Exists NoSchedule',
        'node.kubernetes.io/unschedulable Exists NoSchedule',
      ],
      annotation: '1',
      owners: [
        {
          apiVersion: 'apps/v1',
          kind: 'DaemonSet',
          name: 'web',
          controller: true,
          blockOwnerDeletion: true,
          owner: true,
        },
      ],
    },
  },
  {
    title: 'a revision is a ControllerRevision, of the set and with its labels',
    play: async ns => {
      const made = await ns.make(daemonSet(ns));
      await done(ns);
      const [one = {}] = await ns.list('controllerrevisions');
      const hash = nameOf(one).replace('web-', '');
      const labels = Object.entries(objectAt(one, 'metadata', 'labels'));
      return {
        labels: Object.fromEntries(labels.map(([name, value]) => [name, value === hash ? 'HASH' : value])),
        annotations: at(one, 'metadata', 'annotations'),
        revision: at(one, 'revision'),
        owned: at(one, 'metadata', 'ownerReferences', 0, 'uid') === uidOf(made),
        replaces: at(one, 'data', 'spec', 'template', '$patch'),
        data: Object.keys(objectAt(one, 'data', 'spec')),
      };
    },
    expected: {
      labels: { app: 'web', 'controller-revision-hash': 'HASH' },
      annotations: { 'deprecated.daemonset.template.generation': '1' },
      revision: 1,
      owned: true,
      replaces: 'replace',
      data: ['template'],
    },
  },
  {
    title: 'an update deletes the old pod before it creates the new one',
    play: ns => update(ns, {}),
    expected: ['v1 there', 'v1 ready', 'v1 leaves', 'v2 there', 'v2 ready'],
  },
  {
    title: 'with maxSurge the new pod is ready before the old one leaves',
    play: ns => update(ns, { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } }),
    expected: ['v1 there', 'v1 ready', 'v2 there', 'v2 ready', 'v1 leaves'],
  },
  {
    title: 'OnDelete keeps every pod until it is deleted',
    play: async ns => {
      await ns.make(daemonSet(ns, { set: { updateStrategy: { type: 'OnDelete' } } }));
      await done(ns);
      await change(ns, image(ns, 'v2'));
      const left = await ns.until('daemonsets/web', 'the change to be seen', isObserved);
      const pods = await podsOf(ns);
      const [old = {}] = await ns.list('pods');
      await ns.remove(`pods/${nameOf(old)}`);
      await done(ns);
      return { left: at(left, 'status'), pods, after: await podsOf(ns) };
    },
    expected: { left: outdated(2), pods: ['v1'], after: ['v2'] },
  },
  {
    title: 'a node that the pods do not want gets none',
    play: async ns => {
      await ns.make(daemonSet(ns, { spec: { nodeSelector: { 'example.com/disk': 'none' } } }));
      const seen = await ns.until('daemonsets/web', 'the set to be seen', isObserved);
      return { status: at(seen, 'status'), pods: await podsOf(ns) };
    },
    expected: {
      status: {
        currentNumberScheduled: 0,
        desiredNumberScheduled: 0,
        numberMisscheduled: 0,
        numberReady: 0,
        observedGeneration: 1,
      },
      pods: [],
    },
  },
  {
    title: 'a broken update goes on as soon as the template is restored',
    play: async ns => {
      await ns.make(daemonSet(ns));
      await done(ns);
      await change(ns, image(ns, 'never-ready'));
      await ns.untilAll('pods', 'the new pod to run', pods =>
        pods.some(pod => tagOf(pod) === 'never-ready' && at(pod, 'status', 'phase') === 'Running') ? true : undefined,
      );
      const broken = await ns.until(
        'daemonsets/web',
        'it to be counted',
        set => isObserved(set) && numberOf(set, 'updatedNumberScheduled') === 1,
      );
      await change(ns, image(ns, 'v1'));
      const end = await done(ns);
      const revisions = await ns.list('controllerrevisions');
      return {
        broken: at(broken, 'status'),
        end: at(end, 'status'),
        pods: await podsOf(ns),
        revisions: revisions.map(one => textOf(at(one, 'revision'))).sort(),
        annotation: at(end, 'metadata', 'annotations', TEMPLATE),
      };
    },
    expected: { broken: unavailable(2, 0), end: settled(3), pods: ['v1'], revisions: ['2', '3'], annotation: '3' },
  },
  {
    title: 'revisionHistoryLimit limits the number of revisions without pods',
    play: ns =>
      revisionsKept(ns, {
        object: daemonSet(ns, { set: { revisionHistoryLimit: 1 } }),
        resource: 'daemonsets/web',
        done: () => done(ns),
      }),
    expected: ['2', '3'],
  },
  {
    title: 'a deleted pod is replaced by another',
    play: async ns => {
      await ns.make(daemonSet(ns));
      await done(ns);
      const [old = {}] = await ns.list('pods');
      await ns.remove(`pods/${nameOf(old)}`);
      return ns.untilAll('pods', 'another', pods => {
        const fresh = pods.find(pod => uidOf(pod) !== uidOf(old) && isReady(pod));
        return fresh && [nameOf(fresh) !== nameOf(old), tagOf(fresh)];
      });
    },
    expected: [true, 'v1'],
  },
  {
    title: 'a StatefulSet of the same name and template does not interfere',
    play: async ns => {
      await ns.make(daemonSet(ns), statefulSet(ns));
      await done(ns);
      await ns.until('statefulsets/web', 'its pod', set => numberOf(set, 'availableReplicas') === 1);
      return podsOf(ns);
    },
    expected: ['v1', 'v1'],
  },
  {
    title: 'minReadySeconds keep a ready pod from being available',
    play: async ns => {
      await ns.make(daemonSet(ns, { set: { minReadySeconds: 3 } }));
      const first = await ns.until('daemonsets/web', 'a ready pod', set => numberOf(set, 'numberReady') === 1);
      return { first: at(first, 'status'), end: at(await done(ns), 'status') };
    },
    expected: { first: unavailable(1, 1), end: settled(1) },
  },
  {
    title: 'events of a set report what it did with its pods',
    play: async ns => {
      await ns.make(daemonSet(ns));
      await done(ns);
      await change(ns, image(ns, 'v2'));
      await done(ns);
      return ns.untilAll('events', 'three events', events => {
        const found = events.filter(({ involvedObject }) => at(involvedObject, 'kind') === 'DaemonSet');
        const messages = found.map(
          event => `${textOf(event.type)} ${textOf(event.reason)}: ${ns.words(textOf(event.message))}`,
        );
        const from = textOf(at(found[0], 'source', 'component'));
        return messages.length === 3 ? [from, ...messages.sort()] : undefined;
      });
    },
    expected: [
      'daemonset-controller',
      'Normal SuccessfulCreate: Created pod: web-SUFFIX',
      'Normal SuccessfulCreate: Created pod: web-SUFFIX',
      'Normal SuccessfulDelete: Deleted pod: web-SUFFIX',
    ],
  },
  {
    title: 'a pod that cannot be created is reported by an Event, and created once it can be',
    play: async ns => {
      await ns.make(daemonSet(ns, { spec: { serviceAccountName: 'later' } }));
      const event = await ns.untilAll('events', 'the refusal', events => {
        const found = events.find(({ reason }) => reason === 'FailedCreate');
        return found && ns.words(textOf(found.message));
      });
      await ns.make({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'later' } });
      await done(ns);
      return event;
    },
    expected:
      'Error creating: pods "web-" is forbidden: error looking up service account NAMESPACE/later: serviceaccount "later" not found',
  },
];
