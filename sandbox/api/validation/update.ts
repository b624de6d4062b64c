import { equal, erase, clone, objectAt, objectsAt, type JsonObject, type JsonValue } from '../schema/json.js';
import { apiVersionOf, type Kind } from '../schema/kinds.js';
import { forbiddenValue, invalidValue, type FieldError } from '../http/status.js';

type Rule = (before: JsonObject, after: JsonObject) => FieldError[];

function frozen(parent: readonly string[], name: string): Rule {
  return (before, after) => {
    const value: JsonValue = objectAt(after, ...parent)[name] ?? null;
    const had: JsonValue = objectAt(before, ...parent)[name] ?? null;
    return equal(had, value) ? [] : [invalidValue([...parent, name].join('.'), value, 'field is immutable')];
  };
}

/** Only the named members of the spec may change. */
function onlyChangeable(names: readonly string[], why: string): Rule {
  const rest = (object: JsonObject): JsonObject => {
    const spec = clone(objectAt(object, 'spec'));
    for (const name of names) erase(spec, name);
    return spec;
  };
  return (before, after) => (equal(rest(before), rest(after)) ? [] : [forbiddenValue('spec', why)]);
}

const sealed: Rule = (before, after) => {
  if (before.immutable !== true) return [];
  const changed = ['immutable', 'data', 'binaryData'].filter(name => !equal(before[name], after[name]));
  return changed.map(name => forbiddenValue(name, 'field is immutable when `immutable` is set'));
};

const claimRule =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

/** A claim grows once it is bound; the volume it is bound to is named by the controller. */
const claimSpec: Rule = (before, after) => {
  const bound = objectAt(before, 'status').phase === 'Bound' ? ['resources', 'volumeAttributesClassName'] : [];
  return onlyChangeable(['volumeName', ...bound], claimRule)(before, after);
};

/** The error quotes only the pod template of a Job. */
const jobTemplate: Rule = (before, after) => {
  const pods = frozen(['spec', 'template'], 'spec')(before, after);
  return pods.length > 0 ? pods : frozen(['spec'], 'template')(before, after);
};

const roleReference: Rule = (before, after) => {
  if (equal(before.roleRef, after.roleRef)) return [];
  const { apiGroup = '', kind = '', name = '' } = objectAt(after, 'roleRef');
  return [invalidValue('roleRef', { APIGroup: apiGroup, Kind: kind, Name: name }, 'field is immutable')];
};

/** A pod's spec is immutable except for images and deadlines; the scheduler sets the node once. */
const podFields: Rule = (before, after) => {
  const fixed = (object: JsonObject): JsonObject => {
    const spec = clone(objectAt(object, 'spec'));
    for (const name of ['activeDeadlineSeconds', 'tolerations', 'terminationGracePeriodSeconds']) erase(spec, name);
    if (objectAt(before, 'spec').nodeName === undefined) erase(spec, 'nodeName');
    for (const list of ['containers', 'initContainers', 'ephemeralContainers']) {
      for (const container of objectsAt(spec, list)) erase(container, 'image');
    }
    return spec;
  };
  if (equal(fixed(before), fixed(after))) return [];
  const counted = (object: JsonObject): number => objectsAt(object, 'spec', 'containers').length;
  if (counted(before) !== counted(after)) {
    return [forbiddenValue('spec.containers', 'pod updates may not add or remove containers')];
  }
  const why =
    'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';
  return [forbiddenValue('spec', why)];
};

/** A member that may not change, forbidden in the words of its kind. */
function kept(name: string, why: string): Rule {
  return (before, after) => (equal(before[name], after[name]) ? [] : [forbiddenValue(name, why)]);
}

const selector = frozen(['spec'], 'selector');

const rules: Readonly<Record<string, readonly Rule[]>> = {
  'apps/v1/Deployment': [selector],
  'apps/v1/ReplicaSet': [selector],
  'apps/v1/DaemonSet': [selector],
  'apps/v1/StatefulSet': [
    selector,
    frozen(['spec'], 'volumeClaimTemplates'),
    frozen(['spec'], 'serviceName'),
    frozen(['spec'], 'podManagementPolicy'),
  ],
  'batch/v1/Job': [jobTemplate, selector, frozen(['spec'], 'completions'), frozen(['spec'], 'completionMode')],
  'storage.k8s.io/v1/StorageClass': [
    kept('parameters', 'updates to parameters are forbidden.'),
    kept('provisioner', 'updates to provisioner are forbidden.'),
  ],
  'scheduling.k8s.io/v1/PriorityClass': [kept('value', 'may not be changed in an update.')],
  'v1/Pod': [podFields],
  'v1/PersistentVolumeClaim': [claimSpec],
  'v1/ConfigMap': [sealed],
  'v1/Secret': [sealed, frozen([], 'type')],
  'rbac.authorization.k8s.io/v1/RoleBinding': [roleReference],
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': [roleReference],
};

/** What an update may not change; empty when it may be stored. Both objects have their defaults. */
export function validateUpdate(kind: Kind, before: JsonObject, after: JsonObject): FieldError[] {
  return (rules[`${apiVersionOf(kind)}/${kind.kind}`] ?? []).flatMap(rule => rule(before, after));
}
