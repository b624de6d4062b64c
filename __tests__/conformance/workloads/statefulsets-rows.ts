import { objectAt, objectsAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import { type Change } from '../../support/conformance/watched.js';
import { at, nameOf, textOf } from '../../support/conformance/object-fields.js';
import { type ConformanceNamespace, type Row } from '../../support/conformance/conformance-namespace.js';
import {
  image,
  isLeaving,
  isReady,
  ready,
  service,
  statefulSet,
  revisionsKept,
} from '../../support/conformance/web-application.js';

const REVISION = 'controller-revision-hash';
const revisionOf = (pod: JsonObject): JsonValue => at(pod, 'metadata', 'labels', REVISION);
const uidOf = (object: JsonObject): JsonValue => at(object, 'metadata', 'uid');
const tagOf = (pod: JsonObject): string =>
  textOf(at(pod, 'spec', 'containers', 0, 'image'))
    .split(':')
    .at(-1) ?? '';
const numberOf = (set: JsonObject, name: string): number => Number(at(set, 'status', name) ?? 0);
const isObserved = (set: JsonObject): boolean =>
  at(set, 'status', 'observedGeneration') === at(set, 'metadata', 'generation');

/** All pods are of the newest template and available, and no other is left. */
function isDone(set: JsonObject): boolean {
  const wanted = at(set, 'spec', 'replicas');
  const counts = ['replicas', 'availableReplicas', 'updatedReplicas'].map(name => numberOf(set, name));
  return (
    isObserved(set) &&
    counts.every(count => count === wanted) &&
    at(set, 'status', 'currentRevision') === at(set, 'status', 'updateRevision')
  );
}

const done = (ns: ConformanceNamespace): Promise<JsonObject> =>
  ns.until('statefulsets/web', 'the rollout to end', isDone);
const change = (ns: ConformanceNamespace, body: JsonObject): Promise<JsonObject> => ns.change('statefulsets/web', body);

/** `['web-0 v1', 'web-1 v2']`, without terminating pods. */
async function podsOf(ns: ConformanceNamespace): Promise<JsonValue> {
  const pods = await ns.list('pods');
  return pods.filter(pod => !isLeaving(pod)).map(pod => `${nameOf(pod)} ${tagOf(pod)}`);
}

/** The status, with placeholders for the revisions. */
function statusOf(set: JsonObject): JsonObject {
  const { currentRevision, updateRevision, ...rest } = objectAt(set, 'status');
  return { ...rest, oneRevision: currentRevision === updateRevision };
}

/** The events of the pods in order: `+web-0 v1` created, `web-0 ready`, `-web-0` marked for deletion. */
function podEvents(changes: readonly Change[]): string[] {
  const seen = new Map<string, { uid: JsonValue; ready: boolean; leaving: boolean }>();
  const events: string[] = [];
  for (const { type, object } of changes) {
    const name = nameOf(object);
    const uid = uidOf(object);
    let pod = seen.get(name);
    if (pod?.uid !== uid) {
      pod = { uid, ready: false, leaving: false };
      seen.set(name, pod);
      events.push(`+${name} ${tagOf(object)}`);
    }
    if (!pod.leaving && (type === 'DELETED' || isLeaving(object))) {
      pod.leaving = true;
      events.push(`-${name}`);
    }
    if (!pod.ready && !pod.leaving && isReady(object)) {
      pod.ready = true;
      events.push(`${name} ready`);
    }
  }
  return events;
}

/** The status of a set with one version and this number of pods, all available. */
const settled = (count: number, observedGeneration: number): JsonObject => ({
  ...counted(count, observedGeneration),
  readyReplicas: count,
  availableReplicas: count,
});

/** The same with pods that do not become ready. */
const counted = (count: number, observedGeneration: number): JsonObject => ({
  replicas: count,
  currentReplicas: count,
  updatedReplicas: count,
  availableReplicas: 0,
  collisionCount: 0,
  observedGeneration,
  oneRevision: true,
});

/** Creates three pods of v1, and returns the events of an update to v2 with the strategy. */
async function update(ns: ConformanceNamespace, set: JsonObject): Promise<string[]> {
  await ns.make(statefulSet(ns, { set: { replicas: 3, ...set } }));
  await done(ns);
  const watched = await ns.watch('pods');
  const before = podEvents(watched.changes).length;
  await change(ns, image(ns, 'v2'));
  await done(ns);
  return podEvents(watched.changes).slice(before);
}

const oneByOne = ['web-2', 'web-1', 'web-0'].flatMap(name => [`-${name}`, `+${name} v2`, `${name} ready`]);

/** Starts an update to pods that never become ready. Resolves with the name of the first one once it runs. */
async function stuck(ns: ConformanceNamespace, set: JsonObject): Promise<string> {
  await ns.make(statefulSet(ns, { set: { replicas: 2, ...set } }));
  await done(ns);
  await change(ns, image(ns, 'never-ready'));
  await ns.until(
    'pods/web-1',
    'the new pod to run',
    pod => tagOf(pod) === 'never-ready' && at(pod, 'status', 'phase') === 'Running',
  );
  return 'web-1';
}

const partitioned = (partition: number): JsonObject => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition } },
});

export const rows: readonly Row[] = [
  {
    title: 'pods are created one after the other, each when the one before is ready',
    play: async ns => {
      const watched = await ns.watch('pods');
      await ns.make(statefulSet(ns, { set: { replicas: 3 } }));
      await done(ns);
      return podEvents(watched.changes);
    },
    expected: ['+web-0 v1', 'web-0 ready', '+web-1 v1', 'web-1 ready', '+web-2 v1', 'web-2 ready'],
  },
  {
    title: 'a pod that never becomes ready blocks the next one, unless pods are created in parallel',
    play: async ns => {
      const made = async (name: string, podManagementPolicy: string, count: number): Promise<JsonValue> => {
        const parts = { name, tag: 'never-ready', labels: { app: name } };
        await ns.make(statefulSet(ns, { ...parts, set: { replicas: 3, podManagementPolicy } }));
        const set = await ns.until(
          `statefulsets/${name}`,
          'its pods to be counted',
          object => numberOf(object, 'replicas') === count,
        );
        await ns.until(`pods/${name}-${count - 1}`, 'the last to run', pod => at(pod, 'status', 'phase') === 'Running');
        return [statusOf(set), (await ns.list('pods')).map(nameOf).filter(pod => pod.startsWith(name))];
      };
      return { ordered: await made('ordered', 'OrderedReady', 1), parallel: await made('parallel', 'Parallel', 3) };
    },
    expected: {
      ordered: [counted(1, 1), ['ordered-0']],
      parallel: [counted(3, 1), ['parallel-0', 'parallel-1', 'parallel-2']],
    },
  },
  {
    title: 'a pod has the name of its set and an ordinal, as hostname and label too, and the revision as a label',
    play: async ns => {
      const made = await ns.make(service({ clusterIP: 'None' }), statefulSet(ns, { set: { serviceName: 'web' } }));
      const set = await done(ns);
      const pod = await ns.read('pods/web-0');
      const { [REVISION]: revision, ...labels } = objectAt(pod, 'metadata', 'labels');
      const { hostname, subdomain } = objectAt(pod, 'spec');
      return {
        labels,
        revision: revision === at(set, 'status', 'updateRevision'),
        generateName: at(pod, 'metadata', 'generateName'),
        hostname: hostname ?? null,
        subdomain: subdomain ?? null,
        owners: objectsAt(pod, 'metadata', 'ownerReferences').map(({ uid, ...rest }) => ({
          ...rest,
          owner: uid === uidOf(made),
        })),
      };
    },
    expected: {
      labels: { app: 'web', 'apps.kubernetes.io/pod-index': '0', 'statefulset.kubernetes.io/pod-name': 'web-0' },
      revision: true,
      generateName: 'web-',
      hostname: 'web-0',
      subdomain: 'web',
      owners: [
        {
          apiVersion: 'apps/v1',
          kind: 'StatefulSet',
          name: 'web',
          controller: true,
          blockOwnerDeletion: true,
          owner: true,
        },
      ],
    },
  },
  {
    title: 'a headless Service publishes the names of the pods',
    play: async ns => {
      await ns.make(service({ clusterIP: 'None' }), statefulSet(ns, { set: { replicas: 2, serviceName: 'web' } }));
      await done(ns);
      return ns.untilAll('endpointslices', 'both pods', slices => {
        const found = slices.flatMap(slice => objectsAt(slice, 'endpoints'));
        return found.length === 2 ? found.map(endpoint => textOf(endpoint.hostname)).sort() : undefined;
      });
    },
    expected: ['web-0', 'web-1'],
  },
  {
    title: 'a revision is a ControllerRevision, of the set and with its labels',
    play: async ns => {
      const made = await ns.make(statefulSet(ns));
      const set = await done(ns);
      const revisions = await ns.list('controllerrevisions');
      return revisions.map(one => {
        const hash = nameOf(one).replace('web-', '');
        return {
          current: nameOf(one) === at(set, 'status', 'currentRevision'),
          shape: /^[bcdfghjklmnpqrstvwxz2456789]{5,10}$/.test(hash),
          labels: Object.fromEntries(
            Object.entries(objectAt(one, 'metadata', 'labels')).map(([name, value]) => [
              name,
              value === hash ? 'HASH' : value,
            ]),
          ),
          revision: at(one, 'revision'),
          owned: at(one, 'metadata', 'ownerReferences', 0, 'uid') === uidOf(made),
          image:
            textOf(at(one, 'data', 'spec', 'template', 'spec', 'containers', 0, 'image'))
              .split(':')
              .at(-1) ?? '',
          replaces: at(one, 'data', 'spec', 'template', '$patch'),
          data: Object.keys(objectAt(one, 'data', 'spec')),
        };
      });
    },
    expected: [
      {
        current: true,
        shape: true,
        labels: { app: 'web', 'controller.kubernetes.io/hash': 'HASH' },
        revision: 1,
        owned: true,
        image: 'v1',
        replaces: 'replace',
        data: ['template'],
      },
    ],
  },
  {
    title: 'a finished rollout has this status, and one without pods this',
    play: async ns => {
      await ns.make(statefulSet(ns, { set: { replicas: 2 } }));
      const two = statusOf(await done(ns));
      await change(ns, { spec: { replicas: 0 } });
      return { two, none: statusOf(await done(ns)) };
    },
    expected: {
      two: settled(2, 1),
      none: { availableReplicas: 0, collisionCount: 0, observedGeneration: 2, oneRevision: true, replicas: 0 },
    },
  },
  {
    title: 'an update replaces the last pod first, and each when the one after it is ready again',
    play: ns => update(ns, {}),
    expected: oneByOne,
  },
  {
    title: 'an update with parallel pod management still goes one by one',
    play: ns => update(ns, { podManagementPolicy: 'Parallel' }),
    expected: oneByOne,
  },
  {
    title: 'maxUnavailable lets an update replace more than one pod at a time',
    play: async ns => {
      const rollingUpdate = { maxUnavailable: 2 };
      const events = await update(ns, {
        podManagementPolicy: 'Parallel',
        updateStrategy: { rollingUpdate },
      });
      return events.slice(0, 2).sort();
    },
    expected: ['-web-1', '-web-2'],
  },
  {
    title: 'a partition keeps the pods below it as they are, until it is lowered',
    play: async ns => {
      await ns.make(statefulSet(ns, { set: { replicas: 3, ...partitioned(2) } }));
      await done(ns);
      await change(ns, image(ns, 'v2'));
      const held = await ns.until(
        'statefulsets/web',
        'the part above to be updated',
        set => isObserved(set) && numberOf(set, 'updatedReplicas') === 1 && numberOf(set, 'availableReplicas') === 3,
      );
      const pods = await podsOf(ns);
      await change(ns, { spec: partitioned(0) });
      return { status: statusOf(held), pods, lowered: statusOf(await done(ns)), all: await podsOf(ns) };
    },
    expected: {
      status: { ...settled(3, 2), currentReplicas: 2, updatedReplicas: 1, oneRevision: false },
      pods: ['web-0 v1', 'web-1 v1', 'web-2 v2'],
      lowered: settled(3, 3),
      all: ['web-0 v2', 'web-1 v2', 'web-2 v2'],
    },
  },
  {
    title: 'a deleted pod below the partition comes back as it was',
    play: async ns => {
      await ns.make(statefulSet(ns, { set: { replicas: 2, ...partitioned(1) } }));
      await done(ns);
      const old = await ns.read('pods/web-0');
      await change(ns, image(ns, 'v2'));
      await ns.until(
        'statefulsets/web',
        'the update',
        set => isObserved(set) && numberOf(set, 'updatedReplicas') === 1,
      );
      await ready(ns, 'web-1');
      await ns.remove('pods/web-0');
      await ns.until('pods/web-0', 'another', pod => uidOf(pod) !== uidOf(old) && isReady(pod));
      return podsOf(ns);
    },
    expected: ['web-0 v1', 'web-1 v2'],
  },
  {
    title: 'OnDelete keeps every pod until it is deleted',
    play: async ns => {
      await ns.make(statefulSet(ns, { set: { replicas: 2, updateStrategy: { type: 'OnDelete' } } }));
      await ns.until('statefulsets/web', 'both pods', set => numberOf(set, 'availableReplicas') === 2);
      await change(ns, image(ns, 'v2'));
      const left = await ns.until('statefulsets/web', 'the change to be seen', isObserved);
      const old = await ns.read('pods/web-1');
      const pods = await podsOf(ns);
      await ns.remove('pods/web-1');
      await ns.until('pods/web-1', 'another', pod => uidOf(pod) !== uidOf(old) && isReady(pod));
      const one = await ns.until(
        'statefulsets/web',
        'it to be counted',
        set => numberOf(set, 'updatedReplicas') === 1 && numberOf(set, 'availableReplicas') === 2,
      );
      return { left: statusOf(left), pods, one: statusOf(one), after: await podsOf(ns) };
    },
    expected: {
      left: {
        replicas: 2,
        currentReplicas: 2,
        readyReplicas: 2,
        availableReplicas: 2,
        collisionCount: 0,
        observedGeneration: 2,
        oneRevision: false,
      },
      pods: ['web-0 v1', 'web-1 v1'],
      one: { ...settled(2, 2), currentReplicas: 1, updatedReplicas: 1, oneRevision: false },
      after: ['web-0 v1', 'web-1 v2'],
    },
  },
  {
    title:
      'a rollout that is stuck on a broken pod stays stuck when its template is restored, until that pod is deleted',
    play: async ns => {
      const name = await stuck(ns, {});
      const broken = await ns.read(`pods/${name}`);
      await change(ns, image(ns, 'v1'));
      const back = await ns.until(
        'statefulsets/web',
        'the change to be seen',
        set => isObserved(set) && at(set, 'status', 'updateRevision') === at(set, 'status', 'currentRevision'),
      );
      // Another change of the set triggers its controller again.
      await change(ns, { spec: { revisionHistoryLimit: 9 } });
      await ns.until('statefulsets/web', 'another look', isObserved);
      const still = await ns.read(`pods/${name}`);
      await ns.remove(`pods/${name}`);
      const end = await done(ns);
      return {
        status: statusOf(back),
        same: uidOf(still) === uidOf(broken) && !isLeaving(still),
        end: statusOf(end),
        pods: await podsOf(ns),
      };
    },
    expected: {
      status: { ...settled(1, 3), replicas: 2 },
      same: true,
      end: settled(2, 4),
      pods: ['web-0 v1', 'web-1 v1'],
    },
  },
  {
    title: 'with parallel pod management, a broken pod is replaced when the template is restored',
    play: async ns => {
      await stuck(ns, { podManagementPolicy: 'Parallel' });
      await change(ns, image(ns, 'v1'));
      await done(ns);
      return podsOf(ns);
    },
    expected: ['web-0 v1', 'web-1 v1'],
  },
  {
    title: 'going back to an earlier template uses its revision again, as the newest',
    play: async ns => {
      await ns.make(statefulSet(ns));
      const first = await done(ns);
      for (const tag of ['v2', 'v1']) {
        await change(ns, image(ns, tag));
        await done(ns);
      }
      const end = await done(ns);
      const revisions = await ns.list('controllerrevisions');
      return {
        same: at(end, 'status', 'currentRevision') === at(first, 'status', 'currentRevision'),
        numbers: revisions
          .map(
            one => [nameOf(one) === at(end, 'status', 'currentRevision') ? 'v1' : 'v2', at(one, 'revision')] as const,
          )
          .sort()
          .map(([tag, number]) => `${tag}: ${textOf(number)}`),
      };
    },
    expected: { same: true, numbers: ['v1: 3', 'v2: 2'] },
  },
  {
    title: 'revisionHistoryLimit limits the number of revisions without pods',
    play: ns =>
      revisionsKept(ns, {
        object: statefulSet(ns, { set: { revisionHistoryLimit: 1 } }),
        resource: 'statefulsets/web',
        done: () => done(ns),
      }),
    expected: ['2', '3'],
  },
  {
    title: 'scaling down deletes the last pod first, one after the other',
    play: async ns => {
      await ns.make(statefulSet(ns, { set: { replicas: 3 } }));
      await done(ns);
      const watched = await ns.watch('pods');
      await change(ns, { spec: { replicas: 1 } });
      await done(ns);
      await ns.gone('pods/web-1');
      return { events: podEvents(watched.changes).filter(line => line.startsWith('-')), pods: await podsOf(ns) };
    },
    expected: { events: ['-web-2', '-web-1'], pods: ['web-0 v1'] },
  },
  {
    title: 'a deleted pod comes back under its name',
    play: async ns => {
      await ns.make(statefulSet(ns));
      await done(ns);
      const old = await ns.read('pods/web-0');
      await ns.remove('pods/web-0');
      const fresh = await ns.until('pods/web-0', 'another', pod => uidOf(pod) !== uidOf(old));
      return revisionOf(fresh) === revisionOf(old);
    },
    expected: true,
  },
  {
    title: 'ordinals begin at the configured start',
    play: async ns => {
      await ns.make(statefulSet(ns, { set: { replicas: 2, ordinals: { start: 5 } } }));
      await done(ns);
      return podsOf(ns);
    },
    expected: ['web-5 v1', 'web-6 v1'],
  },
  {
    title: 'each pod gets a claim from each template, and claims stay after scaling down',
    play: async ns => {
      const claim = {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'none',
        resources: { requests: { storage: '1Mi' } },
      };
      const volumeClaimTemplates = [{ metadata: { name: 'data' }, spec: claim }];
      await ns.make(statefulSet(ns, { set: { replicas: 2, podManagementPolicy: 'Parallel', volumeClaimTemplates } }));
      const claims = await ns.untilAll('persistentvolumeclaims', 'two claims', found =>
        found.length === 2 ? found : undefined,
      );
      const pod = await ns.until('pods/web-1', 'the pod', () => true);
      await change(ns, { spec: { replicas: 0 } });
      await ns.gone('pods/web-1');
      return {
        claims: claims.map(nameOf).sort(),
        labels: at(claims[0], 'metadata', 'labels'),
        owners: at(claims[0], 'metadata', 'ownerReferences'),
        volume: objectsAt(pod, 'spec', 'volumes').filter(({ name }) => name === 'data'),
        left: (await ns.list('persistentvolumeclaims')).map(nameOf),
      };
    },
    expected: {
      claims: ['data-web-0', 'data-web-1'],
      labels: { app: 'web' },
      owners: null,
      volume: [{ name: 'data', persistentVolumeClaim: { claimName: 'data-web-1' } }],
      left: ['data-web-0', 'data-web-1'],
    },
  },
  {
    title: 'minReadySeconds keep a ready pod from being available',
    play: async ns => {
      await ns.make(statefulSet(ns, { set: { replicas: 2, minReadySeconds: 3 } }));
      const first = await ns.until('statefulsets/web', 'a ready pod', set => numberOf(set, 'readyReplicas') === 1);
      return { first: statusOf(first), end: statusOf(await done(ns)) };
    },
    expected: { first: { ...counted(1, 1), readyReplicas: 1 }, end: settled(2, 1) },
  },
  {
    title: 'events of a set report what it did with its pods',
    play: async ns => {
      await ns.make(statefulSet(ns, { set: { replicas: 1 } }));
      await done(ns);
      await change(ns, { spec: { replicas: 0 } });
      return ns.untilAll('events', 'two events', events => {
        const found = events.filter(({ involvedObject }) => at(involvedObject, 'kind') === 'StatefulSet');
        const messages = found.map(event => `${textOf(event.type)} ${textOf(event.reason)}: ${textOf(event.message)}`);
        const from = textOf(at(found[0], 'source', 'component'));
        return messages.length === 2 ? [from, ...messages.sort()] : undefined;
      });
    },
    expected: [
      'statefulset-controller',
      'Normal SuccessfulCreate: Create Pod web-0 in StatefulSet web successful',
      'Normal SuccessfulDelete: Delete Pod web-0 in StatefulSet web successful',
    ],
  },
  {
    title: 'a pod that cannot be created is reported by an Event, and created once it can be',
    play: async ns => {
      const body = statefulSet(ns, { spec: { serviceAccountName: 'later' } });
      await ns.make(body);
      const event = await ns.untilAll('events', 'the refusal', events => {
        const found = events.find(({ reason }) => reason === 'FailedCreate');
        return found && ns.words(textOf(found.message));
      });
      await ns.make({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'later' } });
      return { event, end: statusOf(await done(ns)) };
    },
    expected: {
      event:
        'Create Pod web-0 in StatefulSet web failed error: pods "web-0" is forbidden: error looking up service account NAMESPACE/later: serviceaccount "later" not found',
      end: settled(1, 1),
    },
  },
];
