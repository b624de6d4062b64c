import type { Problem } from '../../errors.js';
import type { Roles } from '../../inputs/inputs.js';
import { fieldAt, fieldsAt, listAt, textAt, type Path } from '../../kubernetes/fields.js';
import { groupKind } from '../../kubernetes/kinds.js';
import { describeRef, refOf, type KubeObject } from '../../kubernetes/object.js';
import { containersOf, podSpecPath } from '../../kubernetes/pod-spec.js';
import { routesTo } from '../../kubernetes/selectors.js';
import type { Resource } from '../resource.js';

export interface RoleFacts {
  readonly roles: Roles;
  readonly of: Readonly<Record<string, readonly Resource[]>>;
  readonly publicService: Readonly<Record<string, Resource>>;
  readonly shared: readonly Resource[];
}

export function isDeployment({ object }: Resource): boolean {
  return groupKind(object) === 'apps/Deployment';
}

/** Workloads that exist once or hold on to their place, and so cannot run twice side by side. */
const unfit: Readonly<Record<string, string>> = {
  'apps/StatefulSet': 'its pods own volumes and names that cannot exist twice',
  'apps/DaemonSet': 'it already runs once on every node',
  'apps/ReplicaSet': 'nothing rolls out its pods',
  '/ReplicationController': 'nothing rolls out its pods',
  '/Pod': 'nothing makes it anew',
};

/** Why an object cannot exist once for each role; empty for Deployments, and for whatever is no workload of Kubernetes itself. */
export function kindProblems({ object, at }: Resource): readonly Problem[] {
  const reason = unfit[groupKind(object)];
  if (reason === undefined) return [];
  return [{ message: `${describeRef(refOf(object))} cannot have roles: ${reason}. Only Deployments can.`, at }];
}

const exclusive = new Set(['ReadWriteOnce', 'ReadWriteOncePod']);

function isExclusive(claim: KubeObject): boolean {
  return listAt(claim, ['spec', 'accessModes']).some(mode => typeof mode === 'string' && exclusive.has(mode));
}

/** What the pods of one role would take away from the other's. */
function podProblems(resource: Resource, claims: readonly KubeObject[]): readonly Problem[] {
  const { object, place } = resource;
  const spec = podSpecPath(object);
  if (spec === undefined) return [];
  const name = describeRef(refOf(object));
  const problems: Problem[] = [];
  const found = (path: Path, what: string): void => {
    problems.push({ message: `${name} cannot have roles: ${what}.`, at: place(path) });
  };
  const network = [...spec, 'hostNetwork'];
  if (fieldAt(object, network) === true) found(network, 'hostNetwork lets only one of its pods have a port of a node');
  for (const { fields, path } of containersOf(object)) {
    for (const [index, port] of listAt(fields, ['ports']).entries()) {
      const host = fieldAt(port, ['hostPort']);
      if (typeof host !== 'number' || host === 0) continue;
      found([...path, 'ports', index, 'hostPort'], `hostPort ${host} can be used by one pod of a node only`);
    }
  }
  for (const [index, volume] of listAt(object, [...spec, 'volumes']).entries()) {
    const claimName = textAt(volume, ['persistentVolumeClaim', 'claimName']);
    const claim = claims.find(({ metadata }) => {
      return metadata.name === claimName && metadata.namespace === object.metadata.namespace;
    });
    if (claim === undefined || !isExclusive(claim)) continue;
    const what = `${describeRef(refOf(claim))} is ReadWriteOnce, so the pods of both roles cannot use it side by side`;
    found([...spec, 'volumes', index, 'persistentVolumeClaim', 'claimName'], what);
  }
  return problems;
}

/** The public Service has to reach the role it stands for, and nothing of the other. */
function selectorProblems({ roles, of, publicService }: RoleFacts, role: string): readonly Problem[] {
  const service = publicService[role];
  const deployments = (of[role] ?? []).filter(isDeployment);
  if (service === undefined || deployments.length === 0) return [];
  const name = describeRef(refOf(service.object));
  const at = service.place(['spec', 'selector']);
  const problems: Problem[] = [];
  if (!deployments.some(({ object }) => routesTo(service.object, object))) {
    const list = deployments.map(({ object }) => describeRef(refOf(object))).join(', ');
    const selector = JSON.stringify(fieldsAt(service.object, ['spec', 'selector']));
    problems.push({ message: `As ${role}, ${name} selects ${selector}: none of the pods of ${list}.`, at });
  }
  for (const other of roles.filter(one => one !== role)) {
    const reached = (of[other] ?? []).filter(isDeployment).filter(({ object }) => routesTo(service.object, object));
    for (const { object } of reached) {
      const message = `As ${role}, ${name} also selects the pods of ${describeRef(refOf(object))}: users would get both.`;
      problems.push({ message, at });
    }
  }
  return problems;
}

/** Everything about the roles' objects that blue/green cannot work with. The two roles differ in names only. */
export function roleProblems(facts: RoleFacts): readonly Problem[] {
  const [role] = facts.roles;
  const own = facts.of[role] ?? [];
  const claims = [...own, ...facts.shared]
    .map(({ object }) => object)
    .filter(object => {
      return groupKind(object) === '/PersistentVolumeClaim';
    });
  const problems = [...own.flatMap(kindProblems), ...own.filter(isDeployment).flatMap(one => podProblems(one, claims))];
  if (!own.some(isDeployment)) {
    const message = 'No Deployment belongs to a role: put TARGET_ROLE into the name of the one that serves.';
    problems.push({ message });
  }
  return [...problems, ...facts.roles.flatMap(name => selectorProblems(facts, name))];
}
