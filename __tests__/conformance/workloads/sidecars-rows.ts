import { objectsAt, type JsonObject } from '../../../sandbox/api/schema/json.js';
import { at, conditionsOf, has } from '../../support/conformance/object-fields.js';
import { type ConformanceNamespace, type Row } from '../../support/conformance/conformance-namespace.js';
import { containersOf } from '../../support/conformance/pod-status.js';
import { bare, pod, ready } from '../../support/conformance/web-application.js';

/** Names and values of environment variables. */
type Variables = Readonly<Record<string, string>>;

/** A container of the site on a port of its own, so that several fit into one pod. */
interface SiteParts {
  readonly name: string;
  readonly port: number;
  readonly tag?: string;
  readonly env?: Variables;
  readonly more?: JsonObject;
}

function site(ns: ConformanceNamespace, { name, port, tag = 'v1', env = {}, more = {} }: SiteParts): JsonObject {
  const variables = Object.entries({ PORT: String(port), ...env }).map(([key, value]) => ({ name: key, value }));
  return bare({ name, image: `${ns.options.site}:${tag}`, env: variables, ...more });
}

const sidecar = (ns: ConformanceNamespace, parts: SiteParts): JsonObject => ({
  ...site(ns, parts),
  restartPolicy: 'Always',
});
const web = (ns: ConformanceNamespace, env: Variables = {}, more: JsonObject = {}): JsonObject =>
  site(ns, { name: 'web', port: 8080, env, more });
const readiness = (port: number): JsonObject => ({
  readinessProbe: { httpGet: { path: '/readyz', port }, periodSeconds: 1 },
});

/** A pod of these init containers and containers. */
interface Parts {
  /** Default: none. */
  readonly inits?: readonly JsonObject[];
  readonly containers: readonly JsonObject[];
  /** Other fields of the spec. */
  readonly spec?: JsonObject;
}

const of = (ns: ConformanceNamespace, { inits = [], containers, spec = {} }: Parts): JsonObject =>
  pod(ns, { spec: { initContainers: [...inits], containers: [...containers], ...spec } });

function statusOf(ns: ConformanceNamespace, object: JsonObject): JsonObject {
  return {
    phase: at(object, 'status', 'phase'),
    conditions: conditionsOf(object).map(line => ns.words(line)),
    containers: containersOf(ns, object),
    inits: containersOf(ns, object, 'initContainerStatuses'),
  };
}

async function seen(
  ns: ConformanceNamespace,
  made: JsonObject,
  met: (object: JsonObject) => boolean,
): Promise<JsonObject> {
  await ns.make(made);
  return statusOf(ns, await ns.until('pods/web', 'the state', met));
}

const runs =
  (list: string, index = 0) =>
  (object: JsonObject): boolean =>
    at(object, 'status', list, index, 'state', 'running') !== null;
const isDone = (object: JsonObject): boolean =>
  at(object, 'status', 'phase') === 'Succeeded' && has(object, 'PodReadyToStartContainers', 'False');

/** The pod, ready only once all of its programs serve: before, they have not said yet what they do at SIGTERM. */
function readyOnceServing(made: JsonObject): JsonObject {
  const probed = (list: string): JsonObject[] =>
    objectsAt(made, 'spec', list).map(container => {
      const [port] = objectsAt(container, 'env').filter(({ name }) => name === 'PORT');
      return { ...container, ...readiness(Number(port?.['value'])) };
    });
  const spec = at(made, 'spec') as JsonObject;
  return { ...made, spec: { ...spec, initContainers: probed('initContainers'), containers: probed('containers') } };
}

/**
 * How each container of a pod ended that was ready and then deleted. Who is asked to stop too late for what its program does
 * then is killed, so the exit status says when SIGTERM came.
 */
async function endingOf(ns: ConformanceNamespace, made: JsonObject): Promise<JsonObject> {
  await ns.make(readyOnceServing(made));
  await ready(ns);
  const watched = await ns.watch('pods');
  await ns.remove('pods/web');
  await watched.until('the end', all => (all.length === 0 ? true : undefined));
  const last = watched.changes.at(-1)?.object ?? {};
  const exits = (list: string): string[] => containersOf(ns, last, list).map(line => line.replace(/;.*/, ''));
  return { containers: exits('containerStatuses'), inits: exits('initContainerStatuses') };
}

export const rows: readonly Row[] = [
  {
    title: 'a sidecar whose startup probe has not passed holds the main container',
    play: ns => {
      const startupProbe = { httpGet: { path: '/nowhere', port: 9000 }, periodSeconds: 1, failureThreshold: 60 };
      const made = of(ns, {
        inits: [sidecar(ns, { name: 'proxy', port: 9000, more: { startupProbe } })],
        containers: [web(ns)],
      });
      return seen(ns, made, runs('initContainerStatuses'));
    },
    expected: {
      phase: 'Pending',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=False ContainersNotInitialized: containers with incomplete status: [proxy]',
        'Ready=False ContainersNotReady: containers with unready status: [proxy web]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [proxy web]',
        'PodScheduled=True',
      ],
      containers: ['web: waiting PodInitializing; not ready, not started'],
      inits: ['proxy: running; not ready, not started'],
    },
  },
  {
    title: 'a sidecar that has started lets the main container start, and the pod is not ready before it is',
    play: ns => {
      const proxy = sidecar(ns, { name: 'proxy', port: 9000, tag: 'never-ready', more: readiness(9000) });
      return seen(ns, of(ns, { inits: [proxy], containers: [web(ns)] }), runs('containerStatuses'));
    },
    expected: {
      phase: 'Running',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=True',
        'Ready=False ContainersNotReady: containers with unready status: [proxy]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [proxy]',
        'PodScheduled=True',
      ],
      containers: ['web: running; ready, started'],
      inits: ['proxy: running; not ready, started'],
    },
  },
  {
    title: 'a sidecar runs beside the init containers after it and the main one',
    play: ns => {
      const proxy = sidecar(ns, { name: 'proxy', port: 9000, more: readiness(9000) });
      const first = { name: 'first', image: `${ns.options.task}:ok` };
      return seen(ns, of(ns, { inits: [proxy, first], containers: [web(ns)] }), object => has(object, 'Ready'));
    },
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
      inits: ['proxy: running; ready, started', 'first: terminated 0 Completed; ready, not started'],
    },
  },
  {
    title: 'a sidecar that ends is started again, also in a pod that may not restart',
    play: async ns => {
      const proxy = sidecar(ns, { name: 'proxy', port: 9000, env: { CRASH_AFTER: '2s' } });
      await ns.make(of(ns, { inits: [proxy], containers: [web(ns)], spec: { restartPolicy: 'Never' } }));
      const object = await ns.until(
        'pods/web',
        'a restart',
        one => runs('containerStatuses')(one) && at(one, 'status', 'initContainerStatuses', 0, 'restartCount') === 1,
      );
      return { phase: at(object, 'status', 'phase'), containers: containersOf(ns, object) };
    },
    expected: { phase: 'Running', containers: ['web: running; ready, started'] },
  },
  {
    title: 'a pod whose work is done ends its sidecar',
    play: ns => {
      const work = bare({ image: `${ns.options.task}:ok` });
      const made = of(ns, {
        inits: [sidecar(ns, { name: 'proxy', port: 9000 })],
        containers: [work],
        spec: { restartPolicy: 'Never' },
      });
      return seen(ns, made, isDone);
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
      inits: ['proxy: terminated 0 Completed; not ready, not started'],
    },
  },
  {
    title: 'a pod of two containers is ready once both are',
    play: ns => {
      const helper = site(ns, { name: 'helper', port: 9000, tag: 'never-ready', more: readiness(9000) });
      return seen(
        ns,
        of(ns, { containers: [web(ns), helper] }),
        object => runs('containerStatuses')(object) && runs('containerStatuses', 1)(object),
      );
    },
    expected: {
      phase: 'Running',
      conditions: [
        'PodReadyToStartContainers=True',
        'Initialized=True',
        'Ready=False ContainersNotReady: containers with unready status: [helper]',
        'ContainersReady=False ContainersNotReady: containers with unready status: [helper]',
        'PodScheduled=True',
      ],
      containers: ['helper: running; not ready, started', 'web: running; ready, started'],
      inits: [],
    },
  },
  {
    title: 'two containers get SIGTERM at once, each after its own preStop hook',
    play: ns => {
      const wait = { lifecycle: { preStop: { sleep: { seconds: 4 } } } };
      const late = site(ns, { name: 'late', port: 9000, env: { GRACE: '4s' }, more: wait });
      const made = of(ns, { containers: [web(ns, { GRACE: '4s' }), late], spec: { terminationGracePeriodSeconds: 6 } });
      return endingOf(ns, made);
    },
    expected: { containers: ['late: terminated 137 Error', 'web: terminated 0 Completed'], inits: [] },
  },
  {
    title: 'a container that ignores SIGTERM is killed when the grace is over',
    play: ns => {
      const helper = site(ns, { name: 'helper', port: 9000 });
      return endingOf(
        ns,
        of(ns, { containers: [web(ns, { ON_TERM: 'ignore' }), helper], spec: { terminationGracePeriodSeconds: 3 } }),
      );
    },
    expected: { containers: ['helper: terminated 0 Completed', 'web: terminated 137 Error'], inits: [] },
  },
  {
    title: 'SIGTERM of a sidecar waits for the main container, for as long as the grace lasts',
    play: ns => {
      const proxy = sidecar(ns, { name: 'proxy', port: 9000, env: { GRACE: '5s' } });
      const made = of(ns, {
        inits: [proxy],
        containers: [web(ns, { ON_TERM: 'ignore' })],
        spec: { terminationGracePeriodSeconds: 8 },
      });
      return endingOf(ns, made);
    },
    expected: { containers: ['web: terminated 137 Error'], inits: ['proxy: terminated 137 Error'] },
  },
  {
    title: 'a sidecar has what the main container leaves of the grace',
    play: ns => {
      const proxy = sidecar(ns, { name: 'proxy', port: 9000, env: { GRACE: '5s' } });
      return endingOf(
        ns,
        of(ns, { inits: [proxy], containers: [web(ns)], spec: { terminationGracePeriodSeconds: 15 } }),
      );
    },
    expected: { containers: ['web: terminated 0 Completed'], inits: ['proxy: terminated 0 Completed'] },
  },
  {
    title: 'sidecars end in the reverse order of their start',
    play: ns => {
      const first = sidecar(ns, { name: 'first', port: 9000, env: { GRACE: '5s' } });
      const second = sidecar(ns, { name: 'second', port: 9001, env: { ON_TERM: 'ignore' } });
      return endingOf(
        ns,
        of(ns, { inits: [first, second], containers: [web(ns)], spec: { terminationGracePeriodSeconds: 8 } }),
      );
    },
    expected: {
      containers: ['web: terminated 0 Completed'],
      inits: ['first: terminated 137 Error', 'second: terminated 137 Error'],
    },
  },
  {
    title: 'the preStop hook of a sidecar does not wait for the main container',
    play: ns => {
      const wait = { lifecycle: { preStop: { sleep: { seconds: 5 } } } };
      const main = web(ns, {}, wait);
      const proxy = sidecar(ns, { name: 'proxy', port: 9000, env: { GRACE: '5s' }, more: wait });
      return endingOf(ns, of(ns, { inits: [proxy], containers: [main], spec: { terminationGracePeriodSeconds: 13 } }));
    },
    expected: { containers: ['web: terminated 0 Completed'], inits: ['proxy: terminated 0 Completed'] },
  },
];
