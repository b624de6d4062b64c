import type { Problem } from '../../errors.js';
import type { Roles } from '../../inputs/inputs.js';
import { isDeployment } from '../../kubernetes/deployment.js';
import { fieldAt, fieldsAt, listAt, textAt, type Path } from '../../kubernetes/fields.js';
import { groupKind } from '../../kubernetes/kinds.js';
import { describeRef, refOf, type KubeObject } from '../../kubernetes/object.js';
import { containersOf, podSpecPath } from '../../kubernetes/pods/pod-spec.js';
import { routesTo } from '../../kubernetes/selectors.js';
import type { Resource } from '../resource.js';
import { own } from '../../own.js';

export interface RoleObjects {
  readonly roles: Roles;
  readonly of: Readonly<Record<string, readonly Resource[]>>;
  readonly publicServices: Readonly<Record<string, readonly Resource[]>>;
  readonly shared: readonly Resource[];
}

/** Workload kinds that cannot exist once for each role, with the reason. */
const unsupportedKinds: Readonly<Record<string, string>> = {
  'apps/StatefulSet': 'its pods own volumes and names that cannot exist twice',
  'apps/DaemonSet': 'it already runs once on every node',
  'apps/ReplicaSet': 'no controller rolls out its pods',
  '/ReplicationController': 'no controller rolls out its pods',
  '/Pod': 'no controller recreates it',
};

/** Why an object cannot exist once for each role; empty for Deployments and for everything but built-in workloads. */
export function kindProblems({ object, at }: Resource): readonly Problem[] {
  const reason = own(unsupportedKinds, groupKind(object));
  if (reason === undefined) return [];
  return [{ message: `${describeRef(refOf(object))} cannot have roles: ${reason}. Only Deployments can.`, at }];
}

const exclusive = new Set(['ReadWriteOnce', 'ReadWriteOncePod']);

function isExclusive(claim: KubeObject): boolean {
  return listAt(claim, ['spec', 'accessModes']).some(mode => typeof mode === 'string' && exclusive.has(mode));
}

/** Resources that the pods of both roles cannot use at the same time. */
function podProblems(resource: Resource, claims: readonly KubeObject[]): readonly Problem[] {
  const { object, positionOf } = resource;
  const spec = podSpecPath(object);
  if (spec === undefined) return [];
  const name = describeRef(refOf(object));
  const problems: Problem[] = [];
  const report = (path: Path, what: string): void => {
    problems.push({ message: `${name} cannot have roles: ${what}.`, at: positionOf(path) });
  };
  const network = [...spec, 'hostNetwork'];
  if (fieldAt(object, network) === true)
    report(network, 'with hostNetwork, only one of its pods can use a port of a node');
  for (const { fields, path } of containersOf(object)) {
    for (const [index, port] of listAt(fields, ['ports']).entries()) {
      const host = fieldAt(port, ['hostPort']);
      if (typeof host !== 'number' || host === 0) continue;
      report([...path, 'ports', index, 'hostPort'], `only one pod of a node can use hostPort ${host}`);
    }
  }
  for (const [index, volume] of listAt(object, [...spec, 'volumes']).entries()) {
    const claimName = textAt(volume, ['persistentVolumeClaim', 'claimName']);
    const claim = claims.find(({ metadata }) => {
      return metadata.name === claimName && metadata.namespace === object.metadata.namespace;
    });
    if (claim === undefined || !isExclusive(claim)) continue;
    const what = `${describeRef(refOf(claim))} is ReadWriteOnce, so the pods of both roles cannot use it at the same time`;
    report([...spec, 'volumes', index, 'persistentVolumeClaim', 'claimName'], what);
  }
  return problems;
}

/** Each public Service of a role must select pods of this role, and none of the other. */
function selectorProblems(objects: RoleObjects, role: string): readonly Problem[] {
  return (own(objects.publicServices, role) ?? []).flatMap(service => problemsOfSelector(objects, { role, service }));
}

function problemsOfSelector(
  { roles, of }: RoleObjects,
  { role, service }: { readonly role: string; readonly service: Resource },
): readonly Problem[] {
  const deployments = (of[role] ?? []).filter(({ object }) => isDeployment(object));
  if (deployments.length === 0) return [];
  const name = describeRef(refOf(service.object));
  const at = service.positionOf(['spec', 'selector']);
  const problems: Problem[] = [];
  if (!deployments.some(({ object }) => routesTo(service.object, object))) {
    const list = deployments.map(({ object }) => describeRef(refOf(object))).join(', ');
    const selector = JSON.stringify(fieldsAt(service.object, ['spec', 'selector']));
    problems.push({
      message: `For ${role}, ${name} selects ${selector}, which matches none of the pods of ${list}.`,
      at,
    });
  }
  for (const other of roles.filter(one => one !== role)) {
    const reached = (of[other] ?? [])
      .filter(({ object }) => isDeployment(object))
      .filter(({ object }) => routesTo(service.object, object));
    for (const { object } of reached) {
      const message = `For ${role}, ${name} also selects the pods of ${describeRef(refOf(object))}: users would reach both roles.`;
      problems.push({ message, at });
    }
  }
  return problems;
}

/** All problems of the roles' objects. Only the first role is checked for kinds and pods: the roles differ in names only. */
export function roleProblems(roleObjects: RoleObjects): readonly Problem[] {
  const [role] = roleObjects.roles;
  const ofRole = roleObjects.of[role] ?? [];
  const claims = [...ofRole, ...roleObjects.shared]
    .map(({ object }) => object)
    .filter(object => {
      return groupKind(object) === '/PersistentVolumeClaim';
    });
  const problems = [
    ...ofRole.flatMap(kindProblems),
    ...ofRole.filter(({ object }) => isDeployment(object)).flatMap(one => podProblems(one, claims)),
  ];
  if (!ofRole.some(({ object }) => isDeployment(object))) {
    const message = 'No Deployment belongs to a role: add TARGET_ROLE to the name of the Deployment that serves users.';
    problems.push({ message });
  }
  return [...problems, ...roleObjects.roles.flatMap(name => selectorProblems(roleObjects, name))];
}
