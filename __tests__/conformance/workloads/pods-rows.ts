import { objectsAt, textAt, type JsonObject, type JsonValue } from '../../../sandbox/api/schema/json.js';
import { at, conditionsOf, has, nameOf, textOf } from '../../support/conformance/object-fields.js';
import { containersOf } from '../../support/conformance/pod-status.js';
import { type ConformanceNamespace, type Row } from '../../support/conformance/conformance-namespace.js';
import { bare, isLeaving, pod, ready, service, type PodParts } from '../../support/conformance/web-application.js';

/** The compared fields of a pod's status. */
function statusOf(ns: ConformanceNamespace, object: JsonObject): JsonObject {
  const inits = containersOf(ns, object, 'initContainerStatuses');
  return {
    phase: at(object, 'status', 'phase'),
    conditions: conditionsOf(object).map(line => ns.words(line)),
    containers: containersOf(ns, object),
    ...(inits.length > 0 ? { inits } : {}),
  };
}

const waits =
  (reason: string, list = 'containerStatuses') =>
  (object: JsonObject): boolean =>
    at(object, 'status', list, 0, 'state', 'waiting', 'reason') === reason;
const isPhase =
  (phase: string) =>
  (object: JsonObject): boolean =>
    at(object, 'status', 'phase') === phase;

/** Terminated, with its network removed. */
const isOver =
  (phase: string) =>
  (object: JsonObject): boolean =>
    isPhase(phase)(object) && has(object, 'PodReadyToStartContainers', 'False');

/** A pod, and the state in which its status is compared. */
async function seen(
  ns: ConformanceNamespace,
  made: JsonObject,
  met: (object: JsonObject) => boolean,
): Promise<JsonObject> {
  await ns.make(made);
  return statusOf(ns, await ns.until(`pods/${nameOf(made)}`, 'the state', met));
}

/** A pod whose only container has no probe. */
const of = (
  ns: ConformanceNamespace,
  tag: string,
  { spec = {}, container = {} }: Pick<PodParts, 'spec' | 'container'> = {},
): JsonObject =>
  pod(ns, { spec: { containers: [bare({ image: `${ns.options.site}:${tag}`, ...container })], ...spec } });
const ofTask = (ns: ConformanceNamespace, tag: string, spec: JsonObject = {}): JsonObject =>
  pod(ns, { spec: { containers: [bare({ image: `${ns.options.task}:${tag}` })], ...spec } });
const initOf = (image: string): JsonObject => ({ initContainers: [{ name: 'first', image }] });
const key = (ref: string, name = 'settings', optional = false): JsonObject => ({
  env: [{ name: 'A', valueFrom: { [ref]: { name, key: 'a', ...(optional ? { optional } : {}) } } }],
});
const settings = (kind: string, data: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'settings' },
  ...(kind === 'Secret' ? { stringData: data } : { data }),
});

interface JobParts {
  readonly tag?: string;
  readonly job?: JsonObject;
  readonly restartPolicy?: string;
}

function job(
  ns: ConformanceNamespace,
  { tag = 'ok', job: spec = {}, restartPolicy = 'Never' }: JobParts = {},
): JsonObject {
  const containers = [bare({ image: `${ns.options.task}:${tag}` })];
  const template = { spec: { restartPolicy, containers } };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'job' }, spec: { template, ...spec } };
}

async function ended(ns: ConformanceNamespace, made: JsonObject, type: string): Promise<JsonObject> {
  await ns.make(made);
  const object = await ns.until('jobs/job', type, one => has(one, type));
  const status = object.status as JsonObject;
  const { startTime, completionTime, conditions: _, ...counts } = status;
  return {
    conditions: conditionsOf(object).map(line => ns.words(line)),
    counts,
    times: [startTime, completionTime].map(time => typeof time),
  };
}

/** Its container runs after a restart. */
const isBack = (object: JsonObject): boolean => {
  const [status] = objectsAt(object, 'status', 'containerStatuses');
  return at(status, 'state', 'running') !== null && at(status, 'restartCount') !== 0;
};
const untilReady = (object: JsonObject): boolean => has(object, 'Ready');

export const rows: readonly Row[] = [
  {
    title: 'a pod that is ready',
    play: ns => seen(ns, pod(ns), untilReady),
    expected: {
      phase: 'Running',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=True',
        'Ready=True',
        'ContainersReady=True',
        'PodScheduled=True',
      ],
      containers: ['web: running; ready, started'],
    },
  },
  {
    title: 'a pod that runs and is not ready',
    play: ns => seen(ns, pod(ns, { tag: 'never-ready' }), isPhase('Running')),
    expected: {
      phase: 'Running',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=True',
        'Ready=False ContainersNotReady: containers with unready status: [web]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [web]',
        'PodScheduled=True',
      ],
      containers: ['web: running; not ready, started'],
    },
  },
  {
    title: 'a pod has its addresses, its class and the times',
    play: async ns => {
      await ns.make(pod(ns));
      const { status } = await ready(ns);
      const ip = at(status, 'podIP');
      return {
        same: at(status, 'podIPs', 0, 'ip') === ip && at(status, 'hostIPs', 0, 'ip') === at(status, 'hostIP'),
        qosClass: at(status, 'qosClass'),
        // A node with the same image from several registries reports any of them.
        image: textOf(at(status, 'containerStatuses', 0, 'image')).replace(/^.*\//, ''),
        imageID: /@sha256:[0-9a-f]{64}$/.test(textOf(at(status, 'containerStatuses', 0, 'imageID'))),
        containerID: /^containerd:\/\/[0-9a-f]{64}$/.test(textOf(at(status, 'containerStatuses', 0, 'containerID'))),
        observedGeneration: at(status, 'observedGeneration'),
      };
    },
    expected: {
      same: true,
      qosClass: 'BestEffort',
      image: 'site:v1',
      imageID: true,
      containerID: true,
      observedGeneration: 1,
    },
  },
  {
    title: 'an image that cannot be pulled: the first answer',
    play: ns => seen(ns, of(ns, 'nosuchtag'), waits('ErrImagePull')),
    expected: {
      phase: 'Pending',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=True',
        'Ready=False ContainersNotReady: containers with unready status: [web]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [web]',
        'PodScheduled=True',
      ],
      containers: [
        'web: waiting ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "SITE:nosuchtag": failed to resolve image: SITE:nosuchtag: not found; not ready, not started',
      ],
    },
  },
  {
    title: 'an image that cannot be pulled: the wait for the next try',
    play: ns => seen(ns, of(ns, 'nosuchtag'), waits('ImagePullBackOff')),
    expected: {
      phase: 'Pending',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=True',
        'Ready=False ContainersNotReady: containers with unready status: [web]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [web]',
        'PodScheduled=True',
      ],
      containers: [
        'web: waiting ImagePullBackOff: Back-off pulling image "SITE:nosuchtag": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "SITE:nosuchtag": failed to resolve image: SITE:nosuchtag: not found; not ready, not started',
      ],
    },
  },
  {
    title: 'an image name that is none',
    play: ns => seen(ns, of(ns, 'v1', { container: { image: 'shop/Site:v1' } }), waits('InvalidImageName')),
    expected: {
      phase: 'Pending',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=True',
        'Ready=False ContainersNotReady: containers with unready status: [web]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [web]',
        'PodScheduled=True',
      ],
      containers: [
        'web: waiting InvalidImageName: Failed to apply default image tag "shop/Site:v1": couldn\'t parse image name "shop/Site:v1": invalid reference format: repository name (shop/Site) must be lowercase; not ready, not started',
      ],
    },
  },
  {
    title: 'an image that may not be pulled and is not there',
    play: ns => seen(ns, of(ns, 'none-here', { container: { imagePullPolicy: 'Never' } }), waits('ErrImageNeverPull')),
    expected: {
      phase: 'Pending',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=True',
        'Ready=False ContainersNotReady: containers with unready status: [web]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [web]',
        'PodScheduled=True',
      ],
      containers: [
        'web: waiting ErrImageNeverPull: Container image "SITE:none-here" is not present with pull policy of Never; not ready, not started',
      ],
    },
  },
  {
    title: 'a container that ends again and again: the wait',
    play: ns => seen(ns, of(ns, 'broken'), waits('CrashLoopBackOff')),
    expected: {
      phase: 'Running',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=True',
        'Ready=False ContainersNotReady: containers with unready status: [web]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [web]',
        'PodScheduled=True',
      ],
      containers: [
        'web: waiting CrashLoopBackOff: back-off TIME restarting failed container=web pod=web_NAMESPACE(UID); before: terminated 1 Error; not ready, not started; restarted',
      ],
    },
  },
  {
    title: 'a pod that may not restart fails',
    play: ns => seen(ns, of(ns, 'broken', { spec: { restartPolicy: 'Never' } }), isOver('Failed')),
    expected: {
      phase: 'Failed',
      conditions: [
        'PodReadyToStartContainers=False PodSandboxNotReady: pod sandbox is not ready',
        'Initialized=True',
        'Ready=False PodFailed',
        'ContainersReady=False PodFailed',
        'PodScheduled=True',
      ],
      containers: ['web: terminated 1 Error; not ready, not started'],
    },
  },
  {
    title: 'a pod that is done succeeds',
    play: ns => seen(ns, ofTask(ns, 'ok', { restartPolicy: 'Never' }), isOver('Succeeded')),
    expected: {
      phase: 'Succeeded',
      conditions: [
        'PodReadyToStartContainers=False PodSandboxNotReady: pod sandbox is not ready',
        'Initialized=True PodCompleted',
        'Ready=False PodCompleted',
        'ContainersReady=False PodCompleted',
        'PodScheduled=True',
      ],
      containers: ['web: terminated 0 Completed; not ready, not started'],
    },
  },
  {
    title: 'a pod whose container ends with 0 is restarted all the same',
    play: ns => seen(ns, ofTask(ns, 'ok'), waits('CrashLoopBackOff')),
    expected: {
      phase: 'Running',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=True',
        'Ready=False ContainersNotReady: containers with unready status: [web]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [web]',
        'PodScheduled=True',
      ],
      containers: [
        'web: waiting CrashLoopBackOff: back-off TIME restarting failed container=web pod=web_NAMESPACE(UID); before: terminated 0 Completed; not ready, not started; restarted',
      ],
    },
  },
  {
    title: 'a ConfigMap that does not exist keeps the container waiting',
    play: ns => seen(ns, of(ns, 'v1', { container: key('configMapKeyRef') }), waits('CreateContainerConfigError')),
    expected: {
      phase: 'Pending',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=True',
        'Ready=False ContainersNotReady: containers with unready status: [web]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [web]',
        'PodScheduled=True',
      ],
      containers: ['web: waiting CreateContainerConfigError: configmap "settings" not found; not ready, not started'],
    },
  },
  {
    title: 'a key that the ConfigMap lacks keeps the container waiting, and it starts once the key is there',
    play: async ns => {
      await ns.make(settings('ConfigMap', { b: '1' }));
      const before = await seen(
        ns,
        of(ns, 'v1', { container: key('configMapKeyRef') }),
        waits('CreateContainerConfigError'),
      );
      await ns.change('configmaps/settings', { data: { a: '1' } });
      const after = await ns.until('pods/web', 'the start', isPhase('Running'));
      return { before: before.containers ?? null, after: containersOf(ns, after) };
    },
    expected: {
      before: [
        "web: waiting CreateContainerConfigError: couldn't find key a in ConfigMap NAMESPACE/settings; not ready, not started",
      ],
      after: ['web: running; ready, started'],
    },
  },
  {
    title: 'a key that the Secret lacks keeps the container waiting',
    play: async ns => {
      await ns.make(settings('Secret', { b: '1' }));
      return (
        (await seen(ns, of(ns, 'v1', { container: key('secretKeyRef') }), waits('CreateContainerConfigError')))
          .containers ?? null
      );
    },
    expected: [
      "web: waiting CreateContainerConfigError: couldn't find key a in Secret NAMESPACE/settings; not ready, not started",
    ],
  },
  {
    title: 'a Secret that does not exist keeps the container waiting, an optional one does not',
    play: async ns => {
      const waiting = await seen(
        ns,
        of(ns, 'v1', { container: key('secretKeyRef') }),
        waits('CreateContainerConfigError'),
      );
      const { spec } = of(ns, 'v1', { container: key('secretKeyRef', 'settings', true) });
      await ns.make({ ...pod(ns, { name: 'other' }), spec: spec ?? {} });
      const other = await ns.until('pods/other', 'the start', isPhase('Running'));
      return [waiting.containers ?? null, containersOf(ns, other)];
    },
    expected: [
      ['web: waiting CreateContainerConfigError: secret "settings" not found; not ready, not started'],
      ['web: running; ready, started'],
    ],
  },
  {
    title: 'envFrom of a ConfigMap that does not exist keeps the container waiting',
    play: async ns => {
      const container = { envFrom: [{ configMapRef: { name: 'settings' } }] };
      return (await seen(ns, of(ns, 'v1', { container }), waits('CreateContainerConfigError'))).containers ?? null;
    },
    expected: ['web: waiting CreateContainerConfigError: configmap "settings" not found; not ready, not started'],
  },
  {
    title: 'a volume of a ConfigMap that does not exist keeps the container from being created',
    play: async ns => {
      const volumes = [{ name: 'settings', configMap: { name: 'settings' } }];
      const volumeMounts = [{ name: 'settings', mountPath: '/settings' }];
      await ns.make(of(ns, 'v1', { spec: { volumes }, container: { volumeMounts } }));
      const waiting = await ns.until('pods/web', 'the wait', waits('ContainerCreating'));
      const before = statusOf(ns, waiting);
      await ns.make(settings('ConfigMap', { a: '1' }));
      await ns.until('pods/web', 'the start', isPhase('Running'));
      return before;
    },
    expected: {
      phase: 'Pending',
      conditions: [
        'PodReadyToStartContainers=False PodSandboxNotReady: no pod sandbox exists',
        'Initialized=True',
        'Ready=False ContainersNotReady: containers with unready status: [web]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [web]',
        'PodScheduled=True',
      ],
      containers: ['web: waiting ContainerCreating; not ready, not started'],
    },
  },
  {
    title: 'a pod that fits no node',
    play: async ns => {
      const made = pod(ns, { spec: { nodeSelector: { disk: 'none' } } });
      const status = await seen(ns, made, object => has(object, 'PodScheduled', 'False'));
      return { ...status, node: at(await ns.read('pods/web'), 'spec', 'nodeName') };
    },
    expected: {
      phase: 'Pending',
      conditions: [
        "PodScheduled=False Unschedulable: 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
      ],
      containers: [],
      node: null,
    },
  },
  {
    title: 'a pod that fits no node is deleted at once',
    play: async ns => {
      await ns.make(pod(ns, { spec: { nodeSelector: { disk: 'none' } } }));
      await ns.until('pods/web', 'the verdict', object => has(object, 'PodScheduled', 'False'));
      const answer = await ns.remove('pods/web');
      return {
        kind: answer.kind ?? null,
        grace: at(answer, 'metadata', 'deletionGracePeriodSeconds'),
        after: (await ns.get('pods/web')).status,
      };
    },
    expected: { kind: 'Pod', grace: 0, after: 404 },
  },
  {
    title: 'while an init container runs, the main one is initializing',
    play: ns =>
      seen(
        ns,
        of(ns, 'v1', { spec: initOf(`${ns.options.site}:v1`) }),
        object => at(object, 'status', 'initContainerStatuses', 0, 'state', 'running') !== null,
      ),
    expected: {
      phase: 'Pending',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=False ContainersNotInitialized: containers with incomplete status: [first]',
        'Ready=False ContainersNotReady: containers with unready status: [web]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [web]',
        'PodScheduled=True',
      ],
      containers: ['web: waiting PodInitializing; not ready, not started'],
      inits: ['first: running; not ready, started'],
    },
  },
  {
    title: 'an init container that is done lets the main one start',
    play: ns => seen(ns, of(ns, 'v1', { spec: initOf(`${ns.options.task}:ok`) }), isPhase('Running')),
    expected: {
      phase: 'Running',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=True',
        'Ready=True',
        'ContainersReady=True',
        'PodScheduled=True',
      ],
      containers: ['web: running; ready, started'],
      inits: ['first: terminated 0 Completed; ready, not started'],
    },
  },
  {
    title: 'an init container that fails is tried again',
    play: ns =>
      seen(
        ns,
        of(ns, 'v1', { spec: initOf(`${ns.options.site}:broken`) }),
        waits('CrashLoopBackOff', 'initContainerStatuses'),
      ),
    expected: {
      phase: 'Pending',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=False ContainersNotInitialized: containers with incomplete status: [first]',
        'Ready=False ContainersNotReady: containers with unready status: [web]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [web]',
        'PodScheduled=True',
      ],
      containers: ['web: waiting PodInitializing; not ready, not started'],
      inits: [
        'first: waiting CrashLoopBackOff: back-off TIME restarting failed container=first pod=web_NAMESPACE(UID); before: terminated 1 Error; not ready, not started; restarted',
      ],
    },
  },
  {
    title: 'an init container that fails ends a pod that may not restart',
    play: ns =>
      seen(
        ns,
        of(ns, 'v1', { spec: { ...initOf(`${ns.options.site}:broken`), restartPolicy: 'Never' } }),
        isOver('Failed'),
      ),
    expected: {
      phase: 'Failed',
      conditions: [
        'PodReadyToStartContainers=False PodSandboxNotReady: pod sandbox is not ready',
        'Initialized=False ContainersNotInitialized: containers with incomplete status: [first]',
        'Ready=False PodFailed',
        'ContainersReady=False PodFailed',
        'PodScheduled=True',
      ],
      containers: ['web: waiting PodInitializing; not ready, not started'],
      inits: ['first: terminated 1 Error; not ready, not started'],
    },
  },
  {
    title: 'an init container whose image cannot be pulled holds the pod',
    play: ns =>
      seen(
        ns,
        of(ns, 'v1', { spec: initOf(`${ns.options.site}:nosuchtag`) }),
        waits('ImagePullBackOff', 'initContainerStatuses'),
      ),
    expected: {
      phase: 'Pending',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=False ContainersNotInitialized: containers with incomplete status: [first]',
        'Ready=False ContainersNotReady: containers with unready status: [web]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [web]',
        'PodScheduled=True',
      ],
      containers: ['web: waiting PodInitializing; not ready, not started'],
      inits: [
        'first: waiting ImagePullBackOff: Back-off pulling image "SITE:nosuchtag": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "SITE:nosuchtag": failed to resolve image: SITE:nosuchtag: not found; not ready, not started',
      ],
    },
  },
  {
    title: 'a container that fails its liveness probe is restarted',
    play: async ns => {
      const livenessProbe = {
        httpGet: { path: '/nowhere', port: 8080 },
        initialDelaySeconds: 10,
        periodSeconds: 1,
        failureThreshold: 1,
      };
      const made = of(ns, 'v1', { container: { livenessProbe } });
      return (await seen(ns, made, isBack)).containers ?? null;
    },
    expected: ['web: running; before: terminated 0 Completed; ready, started; restarted'],
  },
  {
    title: 'a container whose startup probe has not passed has not started',
    play: async ns => {
      const startupProbe = { httpGet: { path: '/nowhere', port: 8080 }, periodSeconds: 1, failureThreshold: 30 };
      return seen(ns, pod(ns, { container: { startupProbe } }), isPhase('Running'));
    },
    expected: {
      phase: 'Running',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=True',
        'Ready=False ContainersNotReady: containers with unready status: [web]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [web]',
        'PodScheduled=True',
      ],
      containers: ['web: running; not ready, not started'],
    },
  },
  {
    title: 'a deleted pod carries the time of its end and its grace',
    play: async ns => {
      await ns.make(
        pod(ns, {
          container: { lifecycle: { preStop: { sleep: { seconds: 2 } } } },
          spec: { terminationGracePeriodSeconds: 20 },
        }),
      );
      await ready(ns);
      const before = Date.now();
      const answer = await ns.remove('pods/web');
      const until = Date.parse(textOf(at(answer, 'metadata', 'deletionTimestamp')));
      return {
        kind: answer.kind ?? null,
        grace: at(answer, 'metadata', 'deletionGracePeriodSeconds'),
        ahead: Math.abs((until - before) / 1000 - 20) < 5,
        phase: at(answer, 'status', 'phase'),
      };
    },
    expected: { kind: 'Pod', grace: 20, ahead: true, phase: 'Running' },
  },
  {
    title: 'during the preStop sleep the pod keeps serving and stays ready',
    play: async ns => {
      await ns.make(pod(ns, { container: { lifecycle: { preStop: { sleep: { seconds: 6 } } } } }), service());
      await ready(ns);
      await ns.remove('pods/web');
      const leaving = await ns.until('pods/web', 'the way out', isLeaving);
      const answer = await ns.get('pods/web:8080/proxy/version');
      await ns.untilAll('endpointslices', 'an endpoint on its way out', ([slice]) =>
        at(slice, 'endpoints', 0, 'conditions', 'terminating') === true ? true : undefined,
      );
      const later = await ns.get('pods/web:8080/proxy/version');
      const still = await ns.read('pods/web');
      const status = statusOf(ns, leaving);
      await ns.gone('pods/web');
      return {
        status,
        answers: [answer.status, later.status],
        ready: has(still, 'Ready'),
        gone: (await ns.get('pods/web')).status,
      };
    },
    expected: {
      status: {
        phase: 'Running',
        conditions: [
          'PodReadyToStartContainers=True',
          'Initialized=True',
          'Ready=True',
          'ContainersReady=True',
          'PodScheduled=True',
        ],
        containers: ['web: running; ready, started'],
      },
      answers: [200, 200],
      ready: true,
      gone: 404,
    },
  },
  {
    title: 'a pod that is stopped ends with these last words',
    play: async ns => {
      await ns.make(pod(ns));
      await ready(ns);
      const watched = await ns.watch('pods');
      await ns.remove('pods/web');
      await watched.until('the end', all => (all.length === 0 ? true : undefined));
      const last = watched.changes.at(-1)?.object ?? {};
      return { ...statusOf(ns, last), grace: at(last, 'metadata', 'deletionGracePeriodSeconds') };
    },
    expected: {
      phase: 'Succeeded',
      conditions: [
        'PodReadyToStartContainers=False PodSandboxNotReady: pod sandbox is not ready',
        'Initialized=True PodCompleted',
        'Ready=False PodCompleted',
        'ContainersReady=False PodCompleted',
        'PodScheduled=True',
      ],
      containers: ['web: terminated 0 Completed; not ready, not started'],
      grace: 0,
    },
  },
  {
    title: 'a Job that is done',
    play: ns => ended(ns, job(ns), 'Complete'),
    expected: {
      conditions: [
        'SuccessCriteriaMet=True CompletionsReached: Reached expected number of succeeded pods',
        'Complete=True CompletionsReached: Reached expected number of succeeded pods',
      ],
      counts: { succeeded: 1, ready: 0, terminating: 0, uncountedTerminatedPods: {} },
      times: ['string', 'string'],
    },
  },
  {
    title: 'a Job of two completions in parallel',
    play: ns => ended(ns, job(ns, { job: { completions: 2, parallelism: 2 } }), 'Complete'),
    expected: {
      conditions: [
        'SuccessCriteriaMet=True CompletionsReached: Reached expected number of succeeded pods',
        'Complete=True CompletionsReached: Reached expected number of succeeded pods',
      ],
      counts: { succeeded: 2, ready: 0, terminating: 0, uncountedTerminatedPods: {} },
      times: ['string', 'string'],
    },
  },
  {
    title: 'a Job that may not fail once',
    play: ns => ended(ns, job(ns, { tag: 'fail', job: { backoffLimit: 0 } }), 'Failed'),
    expected: {
      conditions: [
        'FailureTarget=True BackoffLimitExceeded: Job has reached the specified backoff limit',
        'Failed=True BackoffLimitExceeded: Job has reached the specified backoff limit',
      ],
      counts: { failed: 1, ready: 0, terminating: 0, uncountedTerminatedPods: {} },
      times: ['string', 'undefined'],
    },
  },
  {
    title: 'a Job that may fail once has two failed pods in the end',
    play: ns => ended(ns, job(ns, { tag: 'fail', job: { backoffLimit: 1 } }), 'Failed'),
    expected: {
      conditions: [
        'FailureTarget=True BackoffLimitExceeded: Job has reached the specified backoff limit',
        'Failed=True BackoffLimitExceeded: Job has reached the specified backoff limit',
      ],
      counts: { failed: 2, ready: 0, terminating: 0, uncountedTerminatedPods: {} },
      times: ['string', 'undefined'],
    },
  },
  {
    title: 'a Job that takes longer than it may',
    play: async ns => {
      const made = job(ns, { job: { activeDeadlineSeconds: 1 } });
      const containers = [bare({ image: `${ns.options.site}:v1` })];
      const template = { spec: { restartPolicy: 'Never', containers } };
      return ended(ns, { ...made, spec: { ...(made.spec as JsonObject), template } }, 'Failed');
    },
    expected: {
      conditions: [
        'FailureTarget=True DeadlineExceeded: Job was active longer than specified deadline',
        'Failed=True DeadlineExceeded: Job was active longer than specified deadline',
      ],
      counts: { failed: 1, ready: 0, terminating: 0, uncountedTerminatedPods: {} },
      times: ['string', 'undefined'],
    },
  },
  {
    title: 'a suspended Job has no pods',
    play: async ns => {
      await ns.make(job(ns, { job: { suspend: true } }));
      const object = await ns.until('jobs/job', 'the condition', one => has(one, 'Suspended'));
      return {
        conditions: conditionsOf(object),
        status: Object.keys(object.status as JsonObject).sort(),
        pods: (await ns.list('pods')).length,
      };
    },
    expected: {
      conditions: ['Suspended=True JobSuspended: Job suspended'],
      status: ['conditions', 'ready', 'terminating', 'uncountedTerminatedPods'],
      pods: 0,
    },
  },
  {
    title: 'a Job that is suspended while it runs loses its pods, which have not failed',
    play: async ns => {
      const made = job(ns);
      const containers = [bare({ image: `${ns.options.site}:v1` })];
      const template = { spec: { restartPolicy: 'Never', containers } };
      await ns.make({ ...made, spec: { ...(made.spec as JsonObject), template } });
      await ns.untilAll('pods', 'a pod', all => (all.length === 1 ? all : undefined));
      await ns.change('jobs/job', { spec: { suspend: true } });
      await ns.untilAll('pods', 'no pod', all => (all.length === 0 ? all : undefined));
      const object = await ns.until('jobs/job', 'the condition', one => has(one, 'Suspended'));
      return { conditions: conditionsOf(object), failed: at(object, 'status', 'failed') };
    },
    expected: { conditions: ['Suspended=True JobSuspended: Job suspended'], failed: null },
  },
  {
    title: 'pods of a Job carry its name and uid and belong to it',
    play: async ns => {
      const made = await ns.make(job(ns));
      await ns.until('jobs/job', 'the end', one => has(one, 'Complete'));
      const [first = {}] = await ns.list('pods');
      const uid = textAt(made.metadata as JsonObject, 'uid') ?? '';
      const text = JSON.stringify({
        labels: at(first, 'metadata', 'labels'),
        owners: at(first, 'metadata', 'ownerReferences'),
        finalizers: at(first, 'metadata', 'finalizers'),
        generateName: at(first, 'metadata', 'generateName'),
      });
      return JSON.parse(text.replaceAll(uid, 'UID')) as JsonValue;
    },
    expected: {
      labels: {
        'batch.kubernetes.io/controller-uid': 'UID',
        'batch.kubernetes.io/job-name': 'job',
        'controller-uid': 'UID',
        'job-name': 'job',
      },
      owners: [
        { apiVersion: 'batch/v1', kind: 'Job', name: 'job', uid: 'UID', controller: true, blockOwnerDeletion: true },
      ],
      finalizers: null,
      generateName: 'job-',
    },
  },
  {
    title: 'deleting a Job takes its pods',
    play: async ns => {
      await ns.make(job(ns));
      await ns.until('jobs/job', 'the end', one => has(one, 'Complete'));
      await ns.remove('jobs/job', { propagationPolicy: 'Background' });
      return ns.untilAll('pods', 'no pod', all => (all.length === 0 ? 'gone' : undefined));
    },
    expected: 'gone',
  },
];
