import type { KubeObject } from '../../../src/kubernetes/object.js';
import { field } from '../field.js';
import type { TestNamespace } from '../scenario/test-namespace.js';
import { web } from './web.js';

/** What must be the same whether a step was killed or not: facts by name. Namespaces and numbers of revisions may differ. */
export type Projection = Readonly<Record<string, unknown>>;

/** Reads the end state of a release, from the cluster and from `status`. */
export async function projectionOf(ns: TestNamespace): Promise<Projection> {
  const objects = await Promise.all(
    kinds.map(async kind => (await listOf(ns, kind)).map(object => factOf(kind, object))),
  );
  const record = recordIn(objects.flat().filter(({ isRecord }) => isRecord));
  const facts = Object.fromEntries([
    ...objects
      .flat()
      .filter(({ isRecord }) => !isRecord)
      .map(({ name, fact }) => [name, fact] as const),
    ['lock', await holderOf(ns)],
    ['record', record],
    ['status', await statusOf(ns)],
  ]);
  return JSON.parse(JSON.stringify(facts).replaceAll(ns.namespace, '<namespace>')) as Projection;
}

/** The facts in which two end states differ, in words. */
export function differences(expected: Projection, found: Projection): readonly string[] {
  const names = [...new Set([...Object.keys(expected), ...Object.keys(found)])].sort();
  return names.flatMap(name => {
    const [wanted, is] = [expected, found].map(end => (name in end ? JSON.stringify(end[name]) : 'missing'));
    return wanted === is ? [] : [`${name} is ${is}, not ${wanted}`];
  });
}

const collections = {
  ConfigMap: '/api/v1/namespaces/*/configmaps',
  Secret: '/api/v1/namespaces/*/secrets',
  Service: '/api/v1/namespaces/*/services',
  Deployment: '/apis/apps/v1/namespaces/*/deployments',
  HorizontalPodAutoscaler: '/apis/autoscaling/v2/namespaces/*/horizontalpodautoscalers',
  PodDisruptionBudget: '/apis/policy/v1/namespaces/*/poddisruptionbudgets',
} as const;
type Kind = keyof typeof collections;
const kinds = Object.keys(collections) as Kind[];

async function listOf({ cluster: { kube }, namespace }: TestNamespace, kind: Kind): Promise<readonly KubeObject[]> {
  const { status, body } = await kube.send({ path: collections[kind].replace('*', namespace) });
  if (status !== 200) throw new Error(`the list of ${kind} was answered ${status}`);
  return (body as { readonly items: readonly KubeObject[] }).items;
}

interface Fact {
  readonly name: string;
  readonly fact: unknown;
  /** Whether it is the record of the release or one of its revisions. */
  readonly isRecord: boolean;
}

function factOf(kind: Kind, object: KubeObject): Fact {
  const { name } = object.metadata;
  const isRecord = (kind === 'ConfigMap' || kind === 'Secret') && new RegExp(`^cutover-${web.release}\\b`).test(name);
  return { name: `${kind}/${name}`, fact: isRecord ? object : facts[kind](object), isRecord };
}

const facts: Readonly<Record<Kind, (object: KubeObject) => unknown>> = {
  ConfigMap: object => object['data'],
  Secret: object => object['data'],
  Service: object => ({
    selector: field(object, 'spec', 'selector'),
    ports: field(object, 'spec', 'ports', 0, 'targetPort'),
  }),
  Deployment: object => ({
    image: field(object, 'spec', 'template', 'spec', 'containers', 0, 'image'),
    labels: field(object, 'spec', 'template', 'metadata', 'labels'),
    replicas: field(object, 'spec', 'replicas'),
    ready: field(object, 'status', 'readyReplicas') ?? 0,
  }),
  HorizontalPodAutoscaler: ({ spec }) => spec,
  PodDisruptionBudget: ({ spec }) => spec,
};

/** What the record says, without numbers of revisions: an attempt that was killed may have used one up. */
function recordIn(objects: readonly Fact[]): unknown {
  const state = objects.find(({ name }) => name.endsWith(`/cutover-${web.release}`));
  if (state === undefined) return 'missing';
  const text = textOf(state.fact as KubeObject);
  const { strategy, operation, roles = {}, staged } = JSON.parse(text) as Recorded;
  const revisions = (JSON.parse(text) as Recorded).revisions ?? [];
  const present = objects.map(({ name }) => Number(/\.(\d+)$/.exec(name)?.[1]));
  return {
    strategy,
    operation: operation?.kind ?? 'none',
    roles: Object.keys(roles).sort(),
    staged: staged?.role,
    missing: revisions.filter(number => !present.includes(number)).length,
  };
}

interface Recorded {
  readonly strategy?: string;
  readonly operation?: { readonly kind?: string };
  readonly roles?: object;
  readonly staged?: { readonly role?: string };
  readonly revisions?: readonly number[];
}

/** The state in the record: in a ConfigMap as text, in a Secret as base64. */
function textOf(object: KubeObject): string {
  const text = field(object, 'data', 'state');
  if (typeof text !== 'string') return '{}';
  return text.startsWith('{') ? text : Buffer.from(text, 'base64').toString('utf8');
}

/** Who holds the lock: `nobody`, or the identity. */
async function holderOf(ns: TestNamespace): Promise<unknown> {
  const lease = await ns.get('Lease', `cutover-${web.release}`);
  return field(lease, 'spec', 'holderIdentity') || 'nobody';
}

/** What `status` says, without numbers of revisions, and without the run that holds the lock. */
async function statusOf(ns: TestNamespace): Promise<unknown> {
  const { exitCode, outputs, log } = await ns.step(web.status(), { as: 'admin' });
  const { 'active-role': active, 'staged-role': staged, 'idle-role': idle } = outputs;
  const serving = log
    .split('\n')
    .at(-1)
    ?.replaceAll(/\brevision \d+/gi, 'revision N')
    // A run that only finds the work done takes no lock: that of the killed run is still there, and expires.
    .replace(/^(?:On record, )?(.*) A run is at work: \S+$/s, '$1');
  return { exitCode, active, staged, idle, serving };
}
