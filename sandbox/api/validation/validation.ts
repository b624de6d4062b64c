import { isObject, objectAt, type JsonObject, type JsonValue } from '../schema/json.js';
import { apiVersionOf, type Kind } from '../schema/kinds.js';
import type { Schema } from '../schema/schema.js';
import { requiredValue, type FieldError } from '../http/status.js';
import { dataErrors, secretErrors } from './data.js';
import { metadataErrors } from './metadata.js';
import { podSpecErrors } from './pod.js';
import { serviceErrors } from './service.js';
import {
  autoscalerErrors,
  budgetErrors,
  cronJobErrors,
  ingressErrors,
  jobErrors,
  restartErrors,
  workloadErrors,
} from './workload.js';

/** Members that the schema requires and that are missing or empty. */
function requiredErrors(value: JsonValue, schema: Schema, path = ''): FieldError[] {
  if (schema.type === 'list' && Array.isArray(value)) {
    return value.flatMap((item, index) => requiredErrors(item, schema.items, `${path}[${index}]`));
  }
  if (schema.type !== 'map' || !isObject(value)) return [];
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const empty = (held: JsonValue | undefined): boolean =>
    held === undefined || held === null || held === '' || (Array.isArray(held) && held.length === 0);
  const missing = schema.required.filter(name => empty(value[name])).map(name => requiredValue(at(name)));
  const inside = Object.entries(value).flatMap(([name, member]) => {
    const memberOf = Object.hasOwn(schema.fields, name) ? schema.fields[name] : undefined;
    return memberOf === undefined || name === 'status' ? [] : requiredErrors(member, memberOf, at(name));
  });
  return [...missing, ...inside];
}

function claimErrors(object: JsonObject): FieldError[] {
  const spec = objectAt(object, 'spec');
  const modes = Array.isArray(spec.accessModes) ? spec.accessModes : [];
  const errors: FieldError[] = [];
  if (modes.length === 0) errors.push(requiredValue('spec.accessModes', 'at least 1 access mode is required'));
  if (objectAt(spec, 'resources', 'requests').storage === undefined)
    errors.push(requiredValue('spec.resources[storage]'));
  return errors;
}

const byKind: Readonly<Record<string, (object: JsonObject, kind: Kind) => FieldError[]>> = {
  'apps/v1/Deployment': workloadErrors,
  'apps/v1/ReplicaSet': workloadErrors,
  'apps/v1/StatefulSet': workloadErrors,
  'apps/v1/DaemonSet': workloadErrors,
  'autoscaling/v2/HorizontalPodAutoscaler': autoscalerErrors,
  'batch/v1/CronJob': cronJobErrors,
  'batch/v1/Job': jobErrors,
  'networking.k8s.io/v1/Ingress': ingressErrors,
  'policy/v1/PodDisruptionBudget': budgetErrors,
  'v1/Service': serviceErrors,
  'v1/ConfigMap': dataErrors,
  'v1/PersistentVolumeClaim': claimErrors,
  'v1/Secret': secretErrors,
};

/** Everything that is wrong with an object, defaults filled in; empty when it may be stored. */
export function validate(kind: Kind, object: JsonObject): FieldError[] {
  const template = kind.kind === 'Pod' ? object : objectAt(object, 'spec', 'template');
  const path = kind.kind === 'Pod' ? 'spec' : 'spec.template.spec';
  const podErrors = isObject(template.spec) && kind.schema !== undefined ? podSpecErrors(template.spec, path) : [];
  return [
    ...metadataErrors(kind, object),
    ...(kind.schema === undefined ? [] : requiredErrors(object, kind.schema)),
    ...(byKind[`${apiVersionOf(kind)}/${kind.kind}`]?.(object, kind) ?? []),
    ...podErrors,
    ...(kind.group === 'apps' ? restartErrors(object) : []),
  ];
}
