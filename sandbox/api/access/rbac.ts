import { objectAt, objectsAt, textAt, type JsonObject } from '../schema/json.js';
import { refusal, type ApiError } from '../http/status.js';
import type { Storage } from '../store/storage.js';

/** The user of a request. */
export interface User {
  readonly name: string;
  /** Of a ServiceAccount; absent for others. */
  readonly uid?: string;
  readonly groups: readonly string[];
}

/** An access to a resource, in the terms of RBAC. */
export interface ResourceAccess {
  readonly verb: string;
  readonly group: string;
  /** `deployments`, or `pods/log` for a subresource. */
  readonly resource: string;
  /** '' at the cluster scope. */
  readonly namespace: string;
  /** '' for a collection. */
  readonly name: string;
}

/** An access to a non-resource path, such as `/version`. */
export interface PathAccess {
  readonly verb: string;
  readonly path: string;
}

export type Access = ResourceAccess | PathAccess;

const group = 'rbac.authorization.k8s.io';

/** Decides by the Roles, ClusterRoles and bindings that are stored at that moment. `system:masters` may do everything. */
export class Authorizer {
  readonly #storage: Storage;
  readonly #used = new Map<string, Set<string>>();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  allows(user: User, access: Access): boolean {
    const namespace = 'path' in access ? '' : access.namespace;
    return user.groups.includes('system:masters') || this.rulesOf(user, namespace).some(rule => covers(rule, access));
  }

  /** Throws 403 unless the user has the right; records the rights that were used. */
  authorize(user: User, access: Access): void {
    if (!this.allows(user, access)) throw denied(user, access);
    if ('path' in access) return;
    const resource = access.group === '' ? access.resource : `${access.group}/${access.resource}`;
    const used = this.#used.get(user.name) ?? new Set<string>();
    this.#used.set(user.name, used.add(`${access.verb} ${resource}`));
  }

  /** Throws 403 unless the user may also `create` what a WebSocket asks for. The answer names no right, as that of a real API server. */
  authorizeUpgrade(user: User, access: Access): void {
    const asCreate = { ...access, verb: 'create' };
    if (!this.allows(user, asCreate)) throw withoutRight(access);
    this.authorize(user, asCreate);
  }

  /** The rights that the user has used: `patch apps/deployments`, `get pods/log`. */
  used(userName: string): readonly string[] {
    return [...(this.#used.get(userName) ?? [])].sort();
  }

  /** The rules that hold for the user in the namespace, and those of the whole cluster; '' asks for the latter alone. */
  rulesOf(user: User, namespace: string): readonly JsonObject[] {
    const bindings = [
      ...this.#storage.list(`clusterrolebindings.${group}`),
      ...(namespace === '' ? [] : this.#storage.list(`rolebindings.${group}`, namespace)),
    ];
    return bindings
      .filter(binding => objectsAt(binding, 'subjects').some(subject => isMeant(subject, user)))
      .flatMap(binding => this.#rulesIn(binding));
  }

  #rulesIn(binding: JsonObject): readonly JsonObject[] {
    const ref = objectAt(binding, 'roleRef');
    const name = textAt(ref, 'name') ?? '';
    const namespace = textAt(objectAt(binding, 'metadata'), 'namespace') ?? '';
    const role =
      ref.kind === 'Role'
        ? this.#storage.read(`roles.${group}`, { namespace, name })
        : this.#storage.read(`clusterroles.${group}`, { namespace: '', name });
    return objectsAt(role, 'rules');
  }
}

function isMeant(subject: JsonObject, user: User): boolean {
  const name = textAt(subject, 'name') ?? '';
  if (subject.kind === 'Group') return user.groups.includes(name);
  if (subject.kind === 'User') return user.name === name;
  return user.name === `system:serviceaccount:${textAt(subject, 'namespace') ?? ''}:${name}`;
}

function covers(rule: JsonObject, access: Access): boolean {
  const holds = (list: string, ...wanted: readonly string[]): boolean => {
    const held = rule[list];
    return Array.isArray(held) && ['*', ...wanted].some(value => held.includes(value));
  };
  if (!holds('verbs', access.verb)) return false;
  if ('path' in access) return holds('nonResourceURLs', access.path, ...parentsOf(access.path));
  const { resource, name } = access;
  const subresource = resource.includes('/') ? [`*/${resource.slice(resource.indexOf('/') + 1)}`] : [];
  const names = rule.resourceNames;
  const named = !Array.isArray(names) || names.length === 0 || names.includes(name);
  return named && holds('apiGroups', access.group) && holds('resources', resource, ...subresource);
}

/** `/a/b` → `/a/b*`, `/a/*`, …: the patterns that mean the path. */
function parentsOf(path: string): string[] {
  return Array.from(path, (_letter, at) => `${path.slice(0, at + 1)}*`);
}

/** The 403 of an RBAC authorizer: who, what, where. */
export function denied(user: User, access: Access): ApiError {
  if ('path' in access) {
    const message = `forbidden: User "${user.name}" cannot ${access.verb} path "${access.path}"`;
    return refusal(403, 'Forbidden', { message, details: {} });
  }
  const { verb, resource, namespace, name } = access;
  const plural = resource.split('/')[0] ?? '';
  const subject = (access.group === '' ? plural : `${plural}.${access.group}`) + (name === '' ? '' : ` "${name}"`);
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const message = `${subject} is forbidden: User "${user.name}" cannot ${verb} resource "${resource}" in API group "${access.group}" ${scope}`;
  const details = {
    ...(name === '' ? {} : { name }),
    ...(access.group === '' ? {} : { group: access.group }),
    kind: plural,
  };
  return refusal(403, 'Forbidden', { message, details });
}

function withoutRight(access: Access): ApiError {
  const { name, resource } = 'path' in access ? { name: '', resource: '' } : access;
  const kind = resource.split('/')[0] ?? '';
  return refusal(403, 'Forbidden', { message: `${kind} "${name}" is forbidden: `, details: { name, kind } });
}

const bound = (name: string, ...groups: readonly string[]): JsonObject => ({
  apiVersion: `${group}/v1`,
  kind: 'ClusterRoleBinding',
  metadata: { name },
  roleRef: { apiGroup: group, kind: 'ClusterRole', name },
  subjects: groups.map(subject => ({ apiGroup: group, kind: 'Group', name: subject })),
});
const clusterRole = (name: string, ...rules: JsonObject[]): JsonObject => ({
  apiVersion: `${group}/v1`,
  kind: 'ClusterRole',
  metadata: { name },
  rules,
});
const everyone = ['/healthz', '/livez', '/readyz', '/version', '/version/'];

/** The ClusterRoles and bindings that every cluster starts with, as far as clients outside of it need them. */
export const bootstrapRights: readonly JsonObject[] = [
  clusterRole(
    'cluster-admin',
    { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
    { nonResourceURLs: ['*'], verbs: ['*'] },
  ),
  clusterRole('system:discovery', {
    nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*', ...everyone],
    verbs: ['get'],
  }),
  clusterRole(
    'system:basic-user',
    {
      apiGroups: ['authorization.k8s.io'],
      resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
      verbs: ['create'],
    },
    { apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'], verbs: ['create'] },
  ),
  clusterRole('system:public-info-viewer', { nonResourceURLs: everyone, verbs: ['get'] }),
  bound('cluster-admin', 'system:masters'),
  bound('system:discovery', 'system:authenticated'),
  bound('system:basic-user', 'system:authenticated'),
  bound('system:public-info-viewer', 'system:authenticated', 'system:unauthenticated'),
];
