import { isObject, nameOf, objectAt, objectsAt, textAt, type JsonObject, type JsonValue } from './json.js';
import { apiVersionOf, type Kind } from './kinds.js';
import type { Schema } from './schema.js';
import { selects } from './selectors.js';
import { podSpecErrors } from './validation-pod.js';
import { forbiddenValue, invalidValue, requiredValue, unsupportedValue, type FieldError } from './status.js';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label1123 = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const label1123Rule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const labelRule =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

function nameErrors(kind: Kind, name: string): FieldError[] {
  const field = 'metadata.name';
  const wrong = (why: string): FieldError[] => [invalidValue(field, name, why)];
  if (name === '') return [requiredValue(field, 'name or generateName is required')];
  if (kind.group === 'rbac.authorization.k8s.io') return /[/%]/.test(name) ? wrong("may not contain '/'") : [];
  if (kind.group === '' && (kind.kind === 'Namespace' || kind.kind === 'Service')) {
    return label1123.test(name) && name.length <= 63 ? [] : wrong(label1123Rule);
  }
  return subdomain.test(name) && name.length <= 253 ? [] : wrong(subdomainRule);
}

function labelErrors(labels: JsonObject, field: string): FieldError[] {
  return Object.values(labels).flatMap(value => {
    if (typeof value !== 'string') return [];
    if (value.length > 63) return [invalidValue(field, value, 'must be no more than 63 bytes')];
    return labelValue.test(value) ? [] : [invalidValue(field, value, labelRule)];
  });
}

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

function workloadErrors(object: JsonObject): FieldError[] {
  const spec = objectAt(object, 'spec');
  const labels = objectAt(spec, 'template', 'metadata').labels;
  const errors: FieldError[] = [];
  if (typeof spec.replicas === 'number' && spec.replicas < 0) {
    errors.push(invalidValue('spec.replicas', spec.replicas, 'must be greater than or equal to 0'));
  }
  if (!isObject(spec.selector) || !selects(spec.selector, objectAt(labels))) {
    const why = '`selector` does not match template `labels`';
    errors.push(invalidValue('spec.template.metadata.labels', labels ?? null, why));
  }
  if (!isObject(objectAt(spec, 'template').spec)) errors.push(requiredValue('spec.template.spec.containers'));
  const policy = objectAt(spec, 'template', 'spec').restartPolicy;
  if (policy !== undefined && policy !== 'Always') {
    errors.push(unsupportedValue('spec.template.spec.restartPolicy', policy, ['Always']));
  }
  return [...errors, ...strategyErrors(objectAt(spec, 'strategy'))];
}

function strategyErrors(strategy: JsonObject): FieldError[] {
  const rolling = objectAt(strategy, 'rollingUpdate');
  const field = 'spec.strategy.rollingUpdate';
  if (strategy.type === 'Recreate' && isObject(strategy.rollingUpdate)) {
    return [forbiddenValue(field, "may not be specified when strategy `type` is 'Recreate'")];
  }
  const none = (value: JsonValue | undefined): boolean => value === 0 || value === '0%';
  if (none(rolling.maxUnavailable) && none(rolling.maxSurge)) {
    return [invalidValue(`${field}.maxUnavailable`, rolling.maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0')];
  }
  return [];
}

function serviceErrors(object: JsonObject): FieldError[] {
  const spec = objectAt(object, 'spec');
  const ports = objectsAt(spec, 'ports');
  if (ports.length === 0 && spec.clusterIP !== 'None' && spec.type !== 'ExternalName') {
    return [requiredValue('spec.ports')];
  }
  return ports.flatMap((port, index) => {
    const field = `spec.ports[${index}]`;
    const errors: FieldError[] = [];
    if (ports.length > 1 && textAt(port, 'name') === undefined) errors.push(requiredValue(`${field}.name`));
    for (const name of ['port', 'targetPort']) {
      const number = port[name];
      if (typeof number === 'number' && (number < 1 || number > 65535)) {
        errors.push(invalidValue(`${field}.${name}`, number, 'must be between 1 and 65535, inclusive'));
      }
    }
    return errors;
  });
}

function jobErrors(object: JsonObject): FieldError[] {
  const policy = objectAt(object, 'spec', 'template', 'spec').restartPolicy;
  if (policy === 'OnFailure' || policy === 'Never') return [];
  return [requiredValue('spec.template.spec.restartPolicy', 'valid values: "OnFailure", "Never"')];
}

/** One object may not be bigger than this; 1 MiB of keys and values. */
const dataLimit = 1024 * 1024;

function dataErrors(object: JsonObject): FieldError[] {
  const entries = [...Object.entries(objectAt(object, 'data')), ...Object.entries(objectAt(object, 'binaryData'))];
  const size = entries.reduce((sum, [, value]) => sum + (typeof value === 'string' ? Buffer.byteLength(value) : 0), 0);
  if (size <= dataLimit) return [];
  return [{ reason: 'FieldValueTooLong', field: '[]', message: `Too long: may not be more than ${dataLimit} bytes` }];
}

const byKind: Readonly<Record<string, (object: JsonObject) => FieldError[]>> = {
  'apps/v1/Deployment': workloadErrors,
  'apps/v1/ReplicaSet': workloadErrors,
  'apps/v1/StatefulSet': workloadErrors,
  'apps/v1/DaemonSet': workloadErrors,
  'batch/v1/Job': jobErrors,
  'v1/Service': serviceErrors,
  'v1/ConfigMap': dataErrors,
  'v1/Secret': dataErrors,
};

/** Everything that is wrong with an object, defaults filled in; empty when it may be stored. */
export function validate(kind: Kind, object: JsonObject): FieldError[] {
  const metadata = objectAt(object, 'metadata');
  const template = kind.kind === 'Pod' ? object : objectAt(object, 'spec', 'template');
  const path = kind.kind === 'Pod' ? 'spec' : 'spec.template.spec';
  const podErrors = isObject(template.spec) && kind.schema !== undefined ? podSpecErrors(template.spec, path) : [];
  return [
    ...nameErrors(kind, nameOf(object).name),
    ...labelErrors(objectAt(metadata, 'labels'), 'metadata.labels'),
    ...(kind.schema === undefined ? [] : requiredErrors(object, kind.schema)),
    ...(byKind[`${apiVersionOf(kind)}/${kind.kind}`]?.(object) ?? []),
    ...podErrors,
  ];
}
