import { objectAt, objectsAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import { type Change } from '../../support/conformance/watched.js';
import { at, conditionsOf, has, nameOf, textOf } from '../../support/conformance/object-fields.js';
import { type ConformanceNamespace, type Row } from '../../support/conformance/conformance-namespace.js';
import {
  deployment,
  image,
  isLeaving,
  isReady,
  isRolledOut,
  rolledOut,
} from '../../support/conformance/web-application.js';

const HASH = 'pod-template-hash';
const REVISION = 'deployment.kubernetes.io/revision';
const revisionOf = (object: JsonObject): JsonValue => at(object, 'metadata', 'annotations', REVISION);
const tagOf = (object: JsonObject): string => {
  const own = at(object, 'spec', 'template', 'spec', 'containers', 0, 'image');
  const name = textOf(own ?? at(object, 'spec', 'containers', 0, 'image'));
  return name.slice(name.lastIndexOf(':') + 1);
};

const byTag = (sets: readonly JsonObject[], valueOf: (set: JsonObject) => JsonValue): JsonObject =>
  Object.fromEntries(sets.map(set => [tagOf(set), valueOf(set)] as const));

/** `{v1: 0, v2: 3}`: replicas by tag. */
async function setsOf(ns: ConformanceNamespace): Promise<JsonObject> {
  const sets = await ns.list('replicasets');
  return byTag(sets, set => at(set, 'spec', 'replicas'));
}

/** The counts of a status; absent ones are left out. */
function countsOf({ status }: JsonObject): JsonObject {
  const names = [
    'replicas',
    'updatedReplicas',
    'readyReplicas',
    'availableReplicas',
    'unavailableReplicas',
    'fullyLabeledReplicas',
  ];
  return Object.fromEntries(names.flatMap(name => (at(status, name) === null ? [] : [[name, at(status, name)]])));
}

/** The sets of objects after each event, without terminating ones. */
function* states(changes: readonly Change[]): Generator<readonly JsonObject[]> {
  const pods = new Map<string, JsonObject>();
  for (const { type, object } of changes) {
    if (type === 'DELETED' || isLeaving(object)) pods.delete(nameOf(object));
    else pods.set(nameOf(object), object);
    yield [...pods.values()];
  }
}

/** Pods of a set are created and deleted a moment later, so only the replicas are within the limits at any time. */
const wantedBy = (sets: readonly JsonObject[]): number =>
  sets.reduce((sum, set) => sum + Number(at(set, 'spec', 'replicas')), 0);

/** Updates v1 → v2. Returns the highest sum of replicas and the lowest number of ready pods at any time. */
async function extremes(ns: ConformanceNamespace, replicas: number, strategy: JsonObject): Promise<JsonValue> {
  await ns.make(deployment(ns, { replicas, deployment: { strategy } }));
  await rolledOut(ns);
  const sets = await ns.watch('replicasets');
  const watched = await ns.watch('pods');
  await ns.change('deployments/web', image(ns, 'v2'));
  await rolledOut(ns);
  // The first events show the initial pods one by one.
  const all = [...states(watched.changes)].slice(replicas - 1);
  const mixed = all.some(pods => new Set(pods.map(tagOf)).size > 1);
  return {
    mostPods: Math.max(...[...states(sets.changes)].map(wantedBy)),
    fewestReady: Math.min(...all.map(pods => pods.filter(isReady).length)),
    mixed,
  };
}

const rolling = (maxSurge: JsonValue, maxUnavailable: JsonValue): JsonObject => ({
  type: 'RollingUpdate',
  rollingUpdate: { maxSurge, maxUnavailable },
});

const arithmetic: readonly [number, JsonObject, JsonObject][] = [
  [2, rolling('25%', '25%'), { mostPods: 3, fewestReady: 2 }],
  [2, rolling(0, 1), { mostPods: 2, fewestReady: 1 }],
  [3, rolling(1, 1), { mostPods: 4, fewestReady: 2 }],
  [2, rolling('100%', 0), { mostPods: 4, fewestReady: 2 }],
  [3, rolling('50%', '50%'), { mostPods: 5, fewestReady: 2 }],
  [3, rolling(0, '34%'), { mostPods: 3, fewestReady: 2 }],
  [2, rolling('0%', '10%'), { mostPods: 2, fewestReady: 1 }],
];

/** Deploys v1 and starts an update to pods that never become ready; resolves when nothing changes any more. */
async function stuck(ns: ConformanceNamespace, replicas: number, spec: JsonObject = {}): Promise<JsonObject> {
  await ns.make(deployment(ns, { replicas, deployment: spec }));
  await rolledOut(ns);
  await ns.change('deployments/web', image(ns, 'never-ready'));
  return ns.until('deployments/web', 'the surge pod to be counted', object => {
    const { status } = object;
    const observed = at(status, 'observedGeneration') === at(object, 'metadata', 'generation');
    return observed && at(status, 'updatedReplicas') !== null && at(status, 'unavailableReplicas') !== null;
  });
}

export const rows: readonly Row[] = [
  ...arithmetic.map(([replicas, strategy, expected]) => ({
    title: `an update of ${replicas} pods with ${JSON.stringify(strategy.rollingUpdate)} stays within its limits and uses them`,
    play: (ns: ConformanceNamespace) => extremes(ns, replicas, strategy),
    expected: { ...expected, mixed: true },
  })),
  {
    title: 'Recreate never has pods of both versions',
    play: ns => extremes(ns, 2, { type: 'Recreate' }),
    expected: { mostPods: 2, fewestReady: 0, mixed: false },
  },
  {
    title: 'Recreate waits until the last old pod has ended',
    play: async ns => {
      const preStop = { sleep: { seconds: 2 } };
      const parts = { container: { lifecycle: { preStop } }, deployment: { strategy: { type: 'Recreate' } } };
      await ns.make(deployment(ns, parts));
      await rolledOut(ns);
      const watched = await ns.watch('pods');
      await ns.change('deployments/web', image(ns, 'v2'));
      const beside = await watched.until('the new pod', pods =>
        pods.some(pod => tagOf(pod) === 'v2') ? pods.filter(pod => tagOf(pod) === 'v1') : undefined,
      );
      return beside.filter(pod => at(pod, 'status', 'phase') === 'Running').length;
    },
    expected: 0,
  },
  {
    title: 'only changes of the spec increment the generation, and the status follows it',
    play: async ns => {
      await ns.make(deployment(ns));
      const generations = async (): Promise<JsonValue> => {
        const seen = await rolledOut(ns);
        return [at(seen, 'metadata', 'generation'), at(seen, 'status', 'observedGeneration')];
      };
      const first = await generations();
      await ns.change('deployments/web', { metadata: { annotations: { note: 'a' }, labels: { tier: 'front' } } });
      const noted = await generations();
      await ns.change('deployments/web', image(ns, 'v2'));
      const updated = await generations();
      await ns.change('deployments/web', { spec: { replicas: 2 } });
      return { first, noted, updated, scaled: await generations() };
    },
    expected: { first: [1, 1], noted: [2, 2], updated: [3, 3], scaled: [4, 4] },
  },
  {
    title: 'a finished rollout has these conditions and counts',
    play: async ns => {
      await ns.make(deployment(ns, { replicas: 2 }));
      const done = await rolledOut(ns);
      const [set = {}] = await ns.list('replicasets');
      return {
        conditions: conditionsOf(done).map(line => ns.words(line)),
        counts: countsOf(done),
        set: countsOf(set),
        setGeneration: at(set, 'status', 'observedGeneration'),
        setTerminating: at(set, 'status', 'terminatingReplicas'),
        terminating: at(done, 'status', 'terminatingReplicas'),
      };
    },
    expected: {
      conditions: [
        'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
        'Progressing=True NewReplicaSetAvailable: ReplicaSet "web-HASH" has successfully progressed.',
      ],
      counts: { replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 },
      set: { replicas: 2, readyReplicas: 2, availableReplicas: 2, fullyLabeledReplicas: 2 },
      setGeneration: 1,
      setTerminating: 0,
      terminating: 0,
    },
  },
  {
    title: 'one hash names the ReplicaSet, selects its pods and is on them',
    play: async ns => {
      await ns.make(deployment(ns));
      await rolledOut(ns);
      const [set = {}] = await ns.list('replicasets');
      const [pod = {}] = await ns.list('pods');
      const hash = textOf(at(set, 'metadata', 'labels', HASH));
      return {
        shape: /^[bcdfghjklmnpqrstvwxz2456789]{5,10}$/.test(hash),
        name: nameOf(set) === `web-${hash}`,
        pod: nameOf(pod).startsWith(`web-${hash}-`),
        generateName: at(pod, 'metadata', 'generateName') === `web-${hash}-`,
        same: [
          at(set, 'spec', 'selector', 'matchLabels', HASH),
          at(set, 'spec', 'template', 'metadata', 'labels', HASH),
          at(pod, 'metadata', 'labels', HASH),
        ].every(other => other === hash),
        labels: Object.keys(objectAt(pod, 'metadata', 'labels')).sort(),
        setLabels: Object.keys(objectAt(set, 'metadata', 'labels')).sort(),
      };
    },
    expected: {
      shape: true,
      name: true,
      pod: true,
      generateName: true,
      same: true,
      labels: ['app', 'pod-template-hash'],
      setLabels: ['app', 'pod-template-hash'],
    },
  },
  {
    title: 'a ReplicaSet belongs to its Deployment and a pod to its ReplicaSet',
    play: async ns => {
      const made = await ns.make(deployment(ns));
      await rolledOut(ns);
      const [set = {}] = await ns.list('replicasets');
      const [pod = {}] = await ns.list('pods');
      const ownerOf = (object: JsonObject): JsonValue =>
        objectsAt(object, 'metadata', 'ownerReferences').map(({ uid, name, ...rest }) => ({
          ...rest,
          name: ns.words(textOf(name)),
          owner: uid === at(made, 'metadata', 'uid') ? 'the Deployment' : uid === at(set, 'metadata', 'uid'),
        }));
      return { set: ownerOf(set), pod: ownerOf(pod) };
    },
    expected: {
      set: [
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          controller: true,
          blockOwnerDeletion: true,
          name: 'web',
          owner: 'the Deployment',
        },
      ],
      pod: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          controller: true,
          blockOwnerDeletion: true,
          name: 'web-HASH',
          owner: true,
        },
      ],
    },
  },
  {
    title: 'annotations of the Deployment are on its new ReplicaSet, with the revision and the numbers of pods',
    play: async ns => {
      await ns.make(
        deployment(ns, {
          replicas: 2,
          annotations: { note: 'kept', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
        }),
      );
      const done = await rolledOut(ns);
      const [set = {}] = await ns.list('replicasets');
      return { deployment: at(done, 'metadata', 'annotations'), set: at(set, 'metadata', 'annotations') };
    },
    expected: {
      deployment: {
        note: 'kept',
        'kubectl.kubernetes.io/last-applied-configuration': '{}',
        'deployment.kubernetes.io/revision': '1',
      },
      set: {
        note: 'kept',
        'deployment.kubernetes.io/desired-replicas': '2',
        'deployment.kubernetes.io/max-replicas': '3',
        'deployment.kubernetes.io/revision': '1',
      },
    },
  },
  {
    title: 'the revision annotation belongs to the controller through the status, which its conflict says',
    play: async ns => {
      await ns.make(deployment(ns));
      await rolledOut(ns);
      const metadata = { name: 'web', annotations: { [REVISION]: '7' } };
      const body = { apiVersion: 'apps/v1', kind: 'Deployment', metadata };
      const { status, json } = await ns.api.apply(ns.path('deployments/web'), body);
      return [status, json.message ?? ''];
    },
    expected: [
      409,
      `Apply failed with 1 conflict: conflict with "kube-controller-manager" with subresource "status" using apps/v1: .metadata.annotations.${REVISION}`,
    ],
  },
  {
    title: 'every new template is a revision, and old ReplicaSets stay at 0',
    play: async ns => {
      await ns.make(deployment(ns));
      const revisions: JsonValue[] = [revisionOf(await rolledOut(ns))];
      for (const tag of ['v2', 'v3']) {
        await ns.change('deployments/web', image(ns, tag));
        revisions.push(revisionOf(await rolledOut(ns)));
      }
      const sets = await ns.list('replicasets');
      return {
        revisions,
        sets: await setsOf(ns),
        numbers: byTag(sets, revisionOf),
      };
    },
    expected: { revisions: ['1', '2', '3'], sets: { v2: 0, v3: 1, v1: 0 }, numbers: { v2: '2', v3: '3', v1: '1' } },
  },
  {
    title: 'going back to an earlier template uses its ReplicaSet again, as the newest revision',
    play: async ns => {
      await ns.make(deployment(ns));
      await rolledOut(ns);
      const [first = {}] = await ns.list('replicasets');
      await ns.change('deployments/web', image(ns, 'v2'));
      await rolledOut(ns);
      await ns.change('deployments/web', image(ns, 'v1'));
      const done = await rolledOut(ns);
      const again = await ns.read(`replicasets/${nameOf(first)}`);
      return {
        sets: await setsOf(ns),
        same: at(again, 'metadata', 'uid') === at(first, 'metadata', 'uid'),
        revision: revisionOf(done),
        set: revisionOf(again),
        history: at(again, 'metadata', 'annotations', 'deployment.kubernetes.io/revision-history'),
        progressing: conditionsOf(done).map(line => ns.words(line)),
      };
    },
    expected: {
      sets: { v2: 0, v1: 1 },
      same: true,
      revision: '3',
      set: '3',
      history: '1',
      progressing: [
        'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
        'Progressing=True NewReplicaSetAvailable: ReplicaSet "web-HASH" has successfully progressed.',
      ],
    },
  },
  {
    title: 'revisionHistoryLimit limits the number of old ReplicaSets',
    play: async ns => {
      await ns.make(deployment(ns, { deployment: { revisionHistoryLimit: 1 } }));
      await rolledOut(ns);
      for (const tag of ['v2', 'v3']) {
        await ns.change('deployments/web', image(ns, tag));
        await rolledOut(ns);
      }
      await ns.untilAll('replicasets', 'the oldest to be gone', sets => (sets.length === 2 ? true : undefined));
      return setsOf(ns);
    },
    expected: { v2: 0, v3: 1 },
  },
  {
    title: 'a change of the number of pods makes no new ReplicaSet',
    play: async ns => {
      await ns.make(deployment(ns));
      await rolledOut(ns);
      await ns.change('deployments/web', { spec: { replicas: 2 } });
      const done = await rolledOut(ns);
      return {
        sets: await setsOf(ns),
        revision: revisionOf(done),
        conditions: conditionsOf(done).map(line => ns.words(line)),
      };
    },
    expected: {
      sets: { v1: 2 },
      revision: '1',
      conditions: [
        'Progressing=True NewReplicaSetAvailable: ReplicaSet "web-HASH" has successfully progressed.',
        'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
      ],
    },
  },
  {
    title: 'a Deployment of no pods is complete, and its counts are absent',
    play: async ns => {
      await ns.make(deployment(ns, { replicas: 0 }));
      const done = await ns.until('deployments/web', 'a status', object => has(object, 'Progressing'));
      const [set = {}] = await ns.list('replicasets');
      return {
        counts: countsOf(await ns.until('deployments/web', 'an end', isProgressed)),
        conditions: conditionsOf(await ns.read('deployments/web')).map(line => ns.words(line)),
        set: at(set, 'spec', 'replicas'),
        revision: revisionOf(done) ?? revisionOf(await ns.read('deployments/web')),
      };
    },
    expected: {
      counts: {},
      conditions: [
        'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
        'Progressing=True NewReplicaSetAvailable: ReplicaSet "web-HASH" has successfully progressed.',
      ],
      set: 0,
      revision: '1',
    },
  },
  {
    title: 'a label of the template is a new template; a label of the Deployment is not',
    play: async ns => {
      await ns.make(deployment(ns));
      await rolledOut(ns);
      await ns.change('deployments/web', { metadata: { labels: { tier: 'front' } } });
      await rolledOut(ns);
      const labelled = (await ns.list('replicasets')).length;
      await ns.change('deployments/web', { spec: { template: { metadata: { labels: { tier: 'front' } } } } });
      await rolledOut(ns);
      return { labelled, templated: (await ns.list('replicasets')).length };
    },
    expected: { labelled: 1, templated: 2 },
  },
  {
    title: 'an update to pods that never get ready keeps the old ones and waits',
    play: async ns => {
      const seen = await stuck(ns, 2);
      return {
        counts: countsOf(seen),
        sets: await setsOf(ns),
        // A real controller that counts the pod in the same sync as the new set keeps the reason NewReplicaSetCreated.
        available: has(seen, 'Available'),
        progressing: has(seen, 'Progressing'),
      };
    },
    expected: {
      counts: { replicas: 3, updatedReplicas: 1, readyReplicas: 2, availableReplicas: 2, unavailableReplicas: 1 },
      sets: { 'never-ready': 1, v1: 2 },
      available: true,
      progressing: true,
    },
  },
  {
    title: 'going back from pods that never got ready leaves the old ones untouched',
    play: async ns => {
      await stuck(ns, 1);
      const before = (await ns.list('pods')).filter(isReady).map(nameOf);
      await ns.change('deployments/web', image(ns, 'v1'));
      const done = await rolledOut(ns);
      const after = (await ns.list('pods')).filter(pod => isReady(pod) && !isLeaving(pod)).map(nameOf);
      return {
        same: JSON.stringify(before) === JSON.stringify(after),
        sets: await setsOf(ns),
        revision: revisionOf(done),
        conditions: conditionsOf(done).map(line => ns.words(line)),
      };
    },
    expected: {
      same: true,
      sets: { 'never-ready': 0, v1: 1 },
      revision: '3',
      conditions: [
        'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
        'Progressing=True NewReplicaSetAvailable: ReplicaSet "web-HASH" has successfully progressed.',
      ],
    },
  },
  {
    title: 'scaling in the middle of a rollout is shared among its ReplicaSets',
    play: async ns => {
      await stuck(ns, 2);
      await ns.change('deployments/web', { spec: { replicas: 4 } });
      await ns.untilAll('replicasets', 'the old set to grow', sets =>
        sets.some(set => tagOf(set) === 'v1' && at(set, 'status', 'readyReplicas') === 3) ? true : undefined,
      );
      return setsOf(ns);
    },
    expected: { 'never-ready': 2, v1: 3 },
  },
  {
    title: 'a third template in the middle of a rollout takes over, and the unfinished one shrinks first',
    play: async ns => {
      await stuck(ns, 1);
      await ns.change('deployments/web', image(ns, 'v2'));
      const done = await rolledOut(ns);
      return { sets: await setsOf(ns), revision: revisionOf(done) };
    },
    expected: { sets: { v2: 1, 'never-ready': 0, v1: 0 }, revision: '3' },
  },
  {
    title: 'a paused Deployment does not roll out; resumed, it does',
    play: async ns => {
      await ns.make(deployment(ns));
      await rolledOut(ns);
      await ns.change('deployments/web', { spec: { paused: true } });
      const paused = await ns.until('deployments/web', 'the pause', object => has(object, 'Progressing', 'Unknown'));
      const { template } = image(ns, 'v2').spec as JsonObject;
      await ns.change('deployments/web', { spec: { template: template ?? {} } });
      const changed = await ns.until('deployments/web', 'the change to be seen', isObserved);
      const sets = await setsOf(ns);
      await ns.change('deployments/web', { spec: { paused: false } });
      const done = await rolledOut(ns);
      return {
        paused: conditionsOf(paused).map(line => ns.words(line)),
        changed: conditionsOf(changed).map(line => ns.words(line)),
        updated: at(changed, 'status', 'updatedReplicas'),
        counts: countsOf(changed),
        sets,
        done: conditionsOf(done).map(line => ns.words(line)),
        setsDone: await setsOf(ns),
      };
    },
    expected: {
      paused: [
        'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
        'Progressing=Unknown DeploymentPaused: Deployment is paused',
      ],
      changed: [
        'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
        'Progressing=Unknown DeploymentPaused: Deployment is paused',
      ],
      updated: null,
      counts: { replicas: 1, readyReplicas: 1, availableReplicas: 1 },
      sets: { v1: 1 },
      done: [
        'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
        'Progressing=True NewReplicaSetAvailable: ReplicaSet "web-HASH" has successfully progressed.',
      ],
      setsDone: { v2: 1, v1: 0 },
    },
  },
  {
    title: 'a paused Deployment is scaled all the same',
    play: async ns => {
      await ns.make(deployment(ns, { deployment: { paused: false } }));
      await rolledOut(ns);
      await ns.change('deployments/web', { spec: { paused: true, replicas: 2 } });
      const seen = await ns.until(
        'deployments/web',
        'two ready pods',
        object => at(object, 'status', 'readyReplicas') === 2,
      );
      return { counts: countsOf(seen), conditions: conditionsOf(seen).map(line => ns.words(line)) };
    },
    expected: {
      counts: { replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 },
      conditions: [
        'Progressing=Unknown DeploymentPaused: Deployment is paused',
        'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
      ],
    },
  },
  {
    title: 'a rollout without progress for progressDeadlineSeconds reports it',
    play: async ns => {
      await stuck(ns, 1, { progressDeadlineSeconds: 2 });
      const late = await ns.until('deployments/web', 'the deadline', object => has(object, 'Progressing', 'False'));
      return { conditions: conditionsOf(late).map(line => ns.words(line)), counts: countsOf(late) };
    },
    expected: {
      conditions: [
        'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
        'Progressing=False ProgressDeadlineExceeded: ReplicaSet "web-HASH" has timed out progressing.',
      ],
      counts: { replicas: 2, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, unavailableReplicas: 1 },
    },
  },
  {
    title: 'a first rollout that makes no progress has no minimum availability either',
    play: async ns => {
      await ns.make(deployment(ns, { tag: 'never-ready', deployment: { progressDeadlineSeconds: 2 } }));
      const late = await ns.until('deployments/web', 'the deadline', object => has(object, 'Progressing', 'False'));
      return { conditions: conditionsOf(late).map(line => ns.words(line)), counts: countsOf(late) };
    },
    expected: {
      conditions: [
        'Available=False MinimumReplicasUnavailable: Deployment does not have minimum availability.',
        'Progressing=False ProgressDeadlineExceeded: ReplicaSet "web-HASH" has timed out progressing.',
      ],
      counts: { replicas: 1, updatedReplicas: 1, unavailableReplicas: 1 },
    },
  },
  {
    title: 'a rollout that was late and then gets on is well again',
    play: async ns => {
      await stuck(ns, 1, { progressDeadlineSeconds: 1 });
      await ns.until('deployments/web', 'the deadline', object => has(object, 'Progressing', 'False'));
      await ns.change('deployments/web', image(ns, 'v2'));
      return conditionsOf(await rolledOut(ns)).map(line => ns.words(line));
    },
    expected: [
      'Available=True MinimumReplicasAvailable: Deployment has minimum availability.',
      'Progressing=True NewReplicaSetAvailable: ReplicaSet "web-HASH" has successfully progressed.',
    ],
  },
  {
    title: 'with minReadySeconds a ready pod is available only later',
    play: async ns => {
      await ns.make(deployment(ns, { deployment: { minReadySeconds: 60 } }));
      const early = await ns.until(
        'deployments/web',
        'a ready pod',
        object => at(object, 'status', 'readyReplicas') === 1,
      );
      return { counts: countsOf(early), available: conditionsOf(early)[0] ?? '' };
    },
    expected: {
      counts: { replicas: 1, updatedReplicas: 1, readyReplicas: 1, unavailableReplicas: 1 },
      available: 'Available=False MinimumReplicasUnavailable: Deployment does not have minimum availability.',
    },
  },
  {
    title: 'a pod that is deleted is replaced, and the finished rollout stays finished',
    play: async ns => {
      await ns.make(deployment(ns));
      await rolledOut(ns);
      const [first = {}] = await ns.list('pods');
      const watched = await ns.watch('deployments');
      await ns.remove(`pods/${nameOf(first)}`);
      await watched.until('the loss to be seen', ([seen = {}]) =>
        at(seen, 'status', 'readyReplicas') === null ? true : undefined,
      );
      await watched.until('another pod', ([seen]) => (seen && isRolledOut(seen) ? true : undefined));
      watched.end();
      const progress = watched.changes.map(({ object }) => conditionsOf(object).find(line => line.startsWith('Prog')));
      return [...new Set(progress.map(line => ns.words(line ?? '')))];
    },
    expected: ['Progressing=True NewReplicaSetAvailable: ReplicaSet "web-HASH" has successfully progressed.'],
  },
  {
    title: 'what the cluster refuses to create is a ReplicaFailure of ReplicaSet and Deployment',
    play: async ns => {
      await ns.make(deployment(ns, { spec: { serviceAccountName: 'nobody' } }));
      const seen = await ns.until('deployments/web', 'the failure', object => has(object, 'ReplicaFailure'));
      const [set = {}] = await ns.list('replicasets');
      return {
        deployment: conditionsOf(seen).map(line => ns.words(line)),
        set: conditionsOf(set).map(line => ns.words(line)),
        counts: countsOf(seen),
      };
    },
    expected: {
      deployment: [
        'Progressing=True NewReplicaSetCreated: Created new replica set "web-HASH"',
        'Available=False MinimumReplicasUnavailable: Deployment does not have minimum availability.',
        'ReplicaFailure=True FailedCreate: pods "web-HASH-" is forbidden: error looking up service account NAMESPACE/nobody: serviceaccount "nobody" not found',
      ],
      set: [
        'ReplicaFailure=True FailedCreate: pods "web-HASH-" is forbidden: error looking up service account NAMESPACE/nobody: serviceaccount "nobody" not found',
      ],
      counts: { unavailableReplicas: 1 },
    },
  },
  {
    title: 'deleting a Deployment takes its ReplicaSets and pods with it',
    play: async ns => {
      await ns.make(deployment(ns));
      await rolledOut(ns);
      const answer = await ns.remove('deployments/web', { propagationPolicy: 'Background' });
      const after = await ns.get('deployments/web');
      await ns.untilAll('replicasets', 'no ReplicaSet', sets => (sets.length === 0 ? true : undefined));
      await ns.untilAll('pods', 'no pod', pods => (pods.length === 0 ? true : undefined));
      return { kind: answer.kind ?? null, status: answer.status ?? null, after: after.status };
    },
    expected: { kind: 'Status', status: 'Success', after: 404 },
  },
  {
    title: 'foreground deletion keeps the Deployment until its ReplicaSets and pods are gone',
    play: async ns => {
      await ns.make(deployment(ns, { container: { lifecycle: { preStop: { sleep: { seconds: 1 } } } } }));
      await rolledOut(ns);
      const pods = await ns.watch('pods');
      const sets = await ns.watch('replicasets');
      const deployments = await ns.watch('deployments');
      const answer = await ns.remove('deployments/web', { propagationPolicy: 'Foreground' });
      await deployments.until('no Deployment', list => (list.length === 0 ? true : undefined));
      await pods.until('no pod', list => (list.length === 0 ? true : undefined));
      const gone = [pods, sets, deployments].flatMap(({ changes }) => changes.filter(({ type }) => type === 'DELETED'));
      const order = gone.sort((a, b) => versionOf(a.object) - versionOf(b.object));
      return { finalizers: at(answer, 'metadata', 'finalizers'), order: order.map(({ object }) => object.kind ?? '') };
    },
    expected: { finalizers: ['foregroundDeletion'], order: ['Pod', 'ReplicaSet', 'Deployment'] },
  },
  {
    title: 'orphaning a Deployment leaves its ReplicaSet and pod to themselves',
    play: async ns => {
      await ns.make(deployment(ns));
      await rolledOut(ns);
      await ns.remove('deployments/web', { propagationPolicy: 'Orphan' });
      await ns.gone('deployments/web');
      const [set = {}] = await ns.list('replicasets');
      const [pod = {}] = await ns.list('pods');
      return { set: at(set, 'metadata', 'ownerReferences'), pod: objectsAt(pod, 'metadata', 'ownerReferences').length };
    },
    expected: { set: null, pod: 1 },
  },
  {
    title: 'a Deployment adopts a ReplicaSet without an owner that its selector matches',
    play: async ns => {
      await ns.make(deployment(ns));
      await rolledOut(ns);
      const [pod = {}] = await ns.list('pods');
      await ns.remove('deployments/web', { propagationPolicy: 'Orphan' });
      await ns.gone('deployments/web');
      const made = await ns.make(deployment(ns));
      await rolledOut(ns);
      const sets = await ns.list('replicasets');
      const [same = {}] = await ns.list('pods');
      return {
        sets: sets.length,
        owned: at(sets[0], 'metadata', 'ownerReferences', 0, 'uid') === at(made, 'metadata', 'uid'),
        samePod: nameOf(pod) === nameOf(same),
      };
    },
    expected: { sets: 1, owned: true, samePod: true },
  },
];

const versionOf = (object: JsonObject): number => Number(at(object, 'metadata', 'resourceVersion'));
const isObserved = (object: JsonObject): boolean =>
  at(object, 'status', 'observedGeneration') === at(object, 'metadata', 'generation');
const isProgressed = (object: JsonObject): boolean =>
  conditionsOf(object).some(line => line.includes('NewReplicaSetAvailable'));
