import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dump, load, loadAll } from 'js-yaml';
import { openKube } from '../kube.js';
import type { Kube } from '../kube.js';
import type { ClusterUnderTest } from './cluster-under-test.js';
import { eventually } from '../eventually.js';
import { field } from '../field.js';

/** A rule as RBAC has it. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** The name of a Role of docs/rbac.md; `cutover-cluster` is a ClusterRole. */
export type RoleName =
  | 'cutover-deploy-rolling'
  | 'cutover-stage'
  | 'cutover-promote'
  | 'cutover-reject'
  | 'cutover-rollback'
  | 'cutover-plan'
  | 'cutover-status'
  | 'cutover-budgets'
  | 'cutover-hot-backup'
  | 'cutover-adopt'
  | 'cutover-leave-roles'
  | 'cutover-cluster';

/** The rights that a step gets. */
export interface Grant {
  readonly cluster: ClusterUnderTest;
  /** Namespace of the ServiceAccount and its Roles. Must exist. */
  readonly namespace: string;
  readonly roles: readonly RoleName[];
  /** Rights of the Roles to leave out, as {@link rightsOf} writes them. Default: none. */
  readonly without?: readonly string[];
  /** Rules in addition to the Roles, for kinds that docs/rbac.md tells its readers to add. */
  readonly also?: readonly Rule[];
  /** Scope of the Roles' rules. Default `namespace`; `cutover-cluster` is always cluster-wide. */
  readonly scope?: 'namespace' | 'cluster';
}

/** A ServiceAccount with exactly the requested rights. */
export interface Identity {
  /** YAML, with a token. */
  readonly kubeconfig: string;
  /** As the API server names it. */
  readonly user: string;
}

/** The rules of every Role in docs/rbac.md. */
export const documentedRoles: ReadonlyMap<RoleName, readonly Rule[]> = new Map(
  Array.from(readFileSync('docs/rbac.md', 'utf8').matchAll(/^```yaml\n([^]*?)^```$/gm), ([, yaml = '']) =>
    (loadAll(yaml) as { metadata: { name: RoleName }; rules: readonly Rule[] }[]).map(
      ({ metadata, rules }) => [metadata.name, rules] as const,
    ),
  ).flat(),
);

/** The Roles that a step with these inputs needs according to docs/rbac.md. */
export function rolesFor(inputs: Readonly<Record<string, string>>): readonly RoleName[] {
  const cluster: readonly RoleName[] = inputs['create-namespace'] === 'true' ? ['cutover-cluster'] : [];
  const { action = '' } = inputs;
  if (action === 'promote' || action === 'reject' || action === 'rollback' || action === 'status')
    return [`cutover-${action}`];
  if (action === 'plan') return ['cutover-plan', ...cluster];
  if (inputs.strategy !== 'blue-green') return ['cutover-deploy-rolling', ...cluster];
  return ['cutover-stage', ...(inputs.switch === 'auto' ? (['cutover-promote'] as const) : []), ...cluster];
}

const nameOfRight = (verb: string, group: string, resource: string): string =>
  `${verb} ${group === '' ? '' : `${group}/`}${resource}`;

/** Every right of the rules, as `patch apps/deployments` or `get pods/log`. */
export function rightsOf(rules: readonly Rule[]): readonly string[] {
  const rights = rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap(group => resources.flatMap(resource => verbs.map(verb => nameOfRight(verb, group, resource)))),
  );
  return [...new Set(rights)].sort();
}

const identities = new WeakMap<Kube, Map<string, Promise<Identity>>>();

/**
 * Creates a ServiceAccount with exactly these rights and waits until the API server grants them. The same rights in the
 * same namespace give the same ServiceAccount. Deleting the namespace deletes everything.
 */
export function grant(request: Grant): Promise<Identity> {
  const { cluster, namespace, roles, without, also, scope } = request;
  const text = JSON.stringify([roles, without, also, scope]);
  const ofCluster = identities.get(cluster.kube) ?? new Map<string, Promise<Identity>>();
  identities.set(cluster.kube, ofCluster);
  const key = `${namespace} ${text}`;
  const identity =
    ofCluster.get(key) ??
    createIdentity(request, `cutover-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`);
  ofCluster.set(key, identity);
  return identity;
}

async function createIdentity(request: Grant, name: string): Promise<Identity> {
  const { cluster, namespace, roles, without = [], also = [], scope } = request;
  const { kube } = cluster;
  const rulesIn = (some: readonly RoleName[]): readonly Rule[] =>
    some.flatMap(role => documentedRoles.get(role) ?? []).flatMap(rule => withhold(rule, without));
  const here = [...rulesIn(roles.filter(role => role !== 'cutover-cluster')), ...also];
  const everywhere = rulesIn(roles.filter(role => role === 'cutover-cluster'));
  const byCluster = scope === 'cluster' ? [...here, ...everywhere] : everywhere;
  await kube.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } });
  if (scope !== 'cluster') await bind(kube, { kind: 'Role', name, namespace, rules: here });
  if (byCluster.length > 0) await bind(kube, { kind: 'ClusterRole', name, namespace, rules: byCluster });
  const { status, body } = await kube.send({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
  });
  const token = (body as { readonly status?: { readonly token?: string } }).status?.token;
  if (token === undefined) throw new Error(`no token for ${namespace}/${name}: ${status} ${JSON.stringify(body)}`);
  const kubeconfig = withToken(cluster.kubeconfig, token);
  await untilGranted(kubeconfig, { namespace, rules: [...here, ...everywhere], waitMs: cluster.pace.waitMs });
  return { kubeconfig, user: `system:serviceaccount:${namespace}:${name}` };
}

/** The rule without these rights; empty when no right is left. */
function withhold(rule: Rule, rights: readonly string[]): readonly Rule[] {
  if (!rightsOf([rule]).some(right => rights.includes(right))) return [rule];
  const each = rule.apiGroups.flatMap(group =>
    rule.resources.map(resource => ({
      apiGroups: [group],
      resources: [resource],
      verbs: rule.verbs.filter(verb => !rights.includes(nameOfRight(verb, group, resource))),
    })),
  );
  return each.filter(({ verbs }) => verbs.length > 0);
}

async function bind(
  kube: Kube,
  role: { kind: 'Role' | 'ClusterRole'; name: string; namespace: string; rules: readonly Rule[] },
): Promise<void> {
  const { kind, namespace, rules } = role;
  const apiGroup = 'rbac.authorization.k8s.io';
  const apiVersion = `${apiGroup}/v1`;
  const metadata = kind === 'Role' ? { name: role.name, namespace } : await ownedBy(kube, role);
  await kube.create({ apiVersion, kind, metadata, rules });
  await kube.create({
    apiVersion,
    kind: `${kind}Binding`,
    metadata,
    roleRef: { apiGroup, kind, name: metadata.name },
    subjects: [{ kind: 'ServiceAccount', name: role.name, namespace }],
  });
}

/** Metadata of a cluster-scoped object that the garbage collector removes with its namespace. */
async function ownedBy(kube: Kube, { name, namespace }: { name: string; namespace: string }) {
  const owner = await kube.get({ kind: 'Namespace', namespace: '', name: namespace });
  const uid = owner?.metadata.uid ?? '';
  return {
    name: `${namespace}-${name}`,
    ownerReferences: [{ apiVersion: 'v1', kind: 'Namespace', name: namespace, uid }],
  };
}

/** The kubeconfig with a token in place of its user's credentials. */
export function withToken(kubeconfig: string, token: string): string {
  const file = load(kubeconfig) as { readonly users: readonly { readonly name: string }[] };
  return dump({ ...file, users: file.users.map(({ name }) => ({ name, user: { token } })) });
}

/** Waits until the API server grants the rights: it evaluates a new binding a moment after it has stored it. */
async function untilGranted(
  kubeconfig: string,
  expected: { namespace: string; rules: readonly Rule[]; waitMs: number },
): Promise<void> {
  const { namespace, rules, waitMs } = expected;
  const kube = openKube(kubeconfig);
  const textOf = (rule: Rule): string => JSON.stringify([rule.apiGroups, rule.resources, rule.verbs]);
  const look = async (): Promise<true | undefined> => {
    const { body } = await kube.send({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
      body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } },
    });
    const held = field(body as Parameters<typeof field>[0], 'status', 'resourceRules');
    const granted = new Set(Array.isArray(held) ? (held as Rule[]).map(textOf) : []);
    return rules.every(rule => granted.has(textOf(rule))) ? true : undefined;
  };
  await eventually(`the rights of ${namespace} to be granted`, look, waitMs).finally(() => kube.close());
}
