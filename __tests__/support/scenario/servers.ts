import { load } from 'js-yaml';
import type { KubeObject } from '../../../src/kubernetes/object.js';
import { fieldAt, listAt } from '../../../src/kubernetes/fields.js';
import type { ClusterUnderTest } from './cluster-under-test.js';
import type { TestNamespace } from './test-namespace.js';

type Inputs = Readonly<Record<string, string>>;

/** A kind of server that people run, as the pods of a Deployment. */
export interface ServerKind {
  /** Completes the sentence "Rolling updates of … lose no request". */
  readonly what: string;
  readonly containers: readonly ServerContainer[];
  /** `terminationGracePeriodSeconds` of the manifest. Absent: not written. */
  readonly grace?: number;
  /** What the pods get by `pre-stop: auto`: the seconds of each hook by container, and the grace period. */
  readonly gets: { readonly sleeps: Readonly<Record<string, number | undefined>>; readonly grace: number };
  /**
   * Whether requests on kept-alive connections are safe too. Where two containers answer together, one ends a moment before
   * the other, and a client that keeps its connection to the second is told so.
   */
  readonly keptAlive: boolean;
}

interface ServerContainer {
  readonly name: string;
  /** The port it listens on. */
  readonly port: number;
  /** Whether the manifest declares that port. */
  readonly isDeclared: boolean;
  /** Whether it is an init container with `restartPolicy: Always`. */
  readonly isSidecar?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Seconds of a preStop hook of its own. */
  readonly ownSleep?: number;
}

const page = { name: 'web', port: 8080, isDeclared: true } as const;

/** Every kind. Requests reach port 8080. */
export const serverKinds: readonly ServerKind[] = [
  {
    what: 'a server that stops at once on SIGTERM',
    containers: [{ ...page, env: { ON_TERM: 'stop' } }],
    gets: { sleeps: { web: 5 }, grace: 35 },
    keptAlive: true,
  },
  {
    what: 'a server that drains, and needs most of its grace for that',
    containers: [{ ...page, env: { ON_TERM: 'drain', DELAY: '8s' } }],
    grace: 10,
    gets: { sleeps: { web: 5 }, grace: 15 },
    keptAlive: true,
  },
  {
    what: 'a server that ignores SIGTERM',
    containers: [{ ...page, env: { ON_TERM: 'ignore' } }],
    grace: 5,
    gets: { sleeps: { web: 5 }, grace: 10 },
    keptAlive: true,
  },
  {
    what: 'a server behind a sidecar that receives the requests',
    containers: [
      { ...page, name: 'proxy', isSidecar: true, env: { UPSTREAM: '8081' } },
      { name: 'web', port: 8081, isDeclared: false },
    ],
    gets: { sleeps: { proxy: undefined, web: 5 }, grace: 35 },
    keptAlive: false,
  },
  {
    what: 'a server that drains and needs its sidecar for that',
    containers: [
      { name: 'cache', port: 9000, isDeclared: true, isSidecar: true },
      { ...page, env: { UPSTREAM: '9000', ON_TERM: 'drain', DELAY: '2s' } },
    ],
    grace: 10,
    gets: { sleeps: { cache: undefined, web: 5 }, grace: 15 },
    keptAlive: true,
  },
  {
    what: 'two containers, of which only one declares its port',
    containers: [
      { ...page, name: 'proxy', env: { UPSTREAM: '8081' } },
      { name: 'web', port: 8081, isDeclared: false },
    ],
    gets: { sleeps: { proxy: 5, web: 5 }, grace: 35 },
    keptAlive: false,
  },
  {
    what: 'two containers, of which one has a longer hook of its own',
    containers: [
      { ...page, name: 'proxy', env: { UPSTREAM: '8081' }, ownSleep: 8 },
      { name: 'web', port: 8081, isDeclared: true },
    ],
    grace: 20,
    gets: { sleeps: { proxy: 8, web: 8 }, grace: 20 },
    keptAlive: false,
  },
];

/** A Deployment of three such pods behind a NodePort. */
export const server = {
  service: 'server',
  bring: (ns: TestNamespace, kind: ServerKind): Promise<void> =>
    ns.write({ 'server.yml': [deployment(ns.cluster, kind), service].map(one => JSON.stringify(one)).join('\n---\n') }),
  deploy: (version: string): Inputs => ({
    manifests: 'server.yml',
    variables: `VERSION=${version}`,
    'stable-for': '200ms',
  }),
  /** What the live pods have: compare with {@link ServerKind.gets}. */
  async has(ns: TestNamespace): Promise<ServerKind['gets']> {
    const live = await ns.get('Deployment', 'server');
    const spec = fieldAt(live, ['spec', 'template', 'spec']);
    const containers = ['initContainers', 'containers'].flatMap(list => listAt(spec, [list]));
    const sleepOf = (one: unknown): [string, number | undefined] => [
      fieldAt(one, ['name']) as string,
      fieldAt(one, ['lifecycle', 'preStop', 'sleep', 'seconds']) as number | undefined,
    ];
    return {
      sleeps: Object.fromEntries(containers.map(sleepOf)),
      grace: fieldAt(spec, ['terminationGracePeriodSeconds']) as number,
    };
  },
};

const service: KubeObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'server' },
  spec: { type: 'NodePort', selector: { app: 'server' }, ports: [{ port: 80, targetPort: 8080 }] },
};

function deployment(cluster: ClusterUnderTest, { containers, grace }: ServerKind): KubeObject {
  const labels = { app: 'server' };
  const all = containers.map(one => ({ ...one, fields: containerOf(cluster, one) }));
  const spec = {
    initContainers: all.filter(one => one.isSidecar).map(({ fields }) => ({ ...fields, restartPolicy: 'Always' })),
    containers: all.filter(one => !one.isSidecar).map(({ fields }) => fields),
    ...(grace !== undefined && { terminationGracePeriodSeconds: grace }),
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'server' },
    spec: { replicas: 3, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
}

function containerOf(
  { images, pace }: ClusterUnderTest,
  container: ServerContainer,
): Readonly<Record<string, unknown>> {
  const { name, port, isDeclared, env = {}, ownSleep } = container;
  return {
    name,
    image: `${images.site}:\${VERSION}`,
    ...(isDeclared && { ports: [{ containerPort: port }] }),
    env: Object.entries({ PORT: String(port), ...env }).map(([key, value]) => ({ name: key, value })),
    readinessProbe: { httpGet: { path: '/readyz', port }, ...(load(`{${pace.probe}}`) as object) },
    ...(ownSleep !== undefined && { lifecycle: { preStop: { sleep: { seconds: ownSleep } } } }),
  };
}
