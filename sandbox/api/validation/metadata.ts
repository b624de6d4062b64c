import { isObject, nameOf, objectAt, objectsAt, textAt, type JsonObject, type JsonValue } from '../schema/json.js';
import type { Kind } from '../schema/kinds.js';
import { forbiddenValue, invalidValue, requiredValue, type FieldError } from '../http/status.js';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label1123 = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const qualifiedPart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const label1123Rule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const labelRule =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const partRule =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/** Why the text is not a DNS label, as containers, volumes and ports are named; `undefined` when it is one. */
export function labelNameFault(name: string): string | undefined {
  if (name.length > 63) return 'must be no more than 63 characters';
  if (label1123.test(name)) return undefined;
  return subdomain.test(name) ? 'must not contain dots' : label1123Rule;
}

/** Why the text is not a DNS subdomain, as most objects are named. */
export function subdomainFault(name: string): string | undefined {
  if (name.length > 253) return 'must be no more than 253 characters';
  return subdomain.test(name) ? undefined : subdomainRule;
}

/** Why the text is not a key of a label or annotation: `name`, `example.com/name`. */
function keyFault(key: string): string | undefined {
  const [first = '', second, ...more] = key.split('/');
  if (more.length > 0) {
    return `a valid label key ${partRule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
  }
  if (second !== undefined && first === '') return 'prefix part must be non-empty';
  if (second !== undefined && !subdomain.test(first)) return `prefix part ${subdomainRule}`;
  const name = second ?? first;
  if (name === '') return 'name part must be non-empty';
  if (name.length > 63) return 'name part must be no more than 63 bytes';
  return qualifiedPart.test(name) ? undefined : `name part ${partRule}`;
}

const found = (field: string, value: JsonValue, fault: string | undefined): FieldError[] =>
  fault === undefined ? [] : [invalidValue(field, value, fault)];

function nameFault(kind: Kind, name: string): string | undefined {
  if (kind.group === 'rbac.authorization.k8s.io') return /[/%]/.test(name) ? "may not contain '/'" : undefined;
  const label = kind.group === '' && (kind.kind === 'Namespace' || kind.kind === 'Service');
  return label ? labelNameFault(name) : subdomainFault(name);
}

function nameErrors(kind: Kind, object: JsonObject): FieldError[] {
  const { name } = nameOf(object);
  const prefix = textAt(objectAt(object, 'metadata'), 'generateName');
  if (name === '') return [requiredValue('metadata.name', 'name or generateName is required')];
  return [
    // A prefix may end in a dash.
    ...(prefix === undefined ? [] : found('metadata.generateName', prefix, nameFault(kind, prefix.replace(/-$/, 'a')))),
    ...found('metadata.name', name, nameFault(kind, name)),
  ];
}

/** What is wrong with labels, in an object's metadata or in a selector. */
export function labelErrors(labels: JsonObject, field: string): FieldError[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...found(field, key, keyFault(key)),
    ...(typeof value === 'string' ? found(field, value, labelFault(value)) : []),
  ]);
}

function labelFault(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 bytes';
  return labelValue.test(value) ? undefined : labelRule;
}

/** The finalizers of an object. */
export const finalizersOf = (object: JsonObject): string[] => {
  const { finalizers } = objectAt(object, 'metadata');
  return Array.isArray(finalizers) ? finalizers.filter(name => typeof name === 'string') : [];
};

/** Whether a finalizer names its domain with a path, or is one of Kubernetes itself. */
export function isQualifiedFinalizer(name: string): boolean {
  return name.includes('/') || ['orphan', 'foregroundDeletion', 'kubernetes'].includes(name);
}

function finalizerFault({ custom }: Kind, name: string): string | undefined {
  // A custom resource may have any: KEDA adds `finalizer.keda.sh` to its own.
  if (custom || isQualifiedFinalizer(name)) return keyFault(name);
  return keyFault(name) ?? 'name is neither a standard finalizer name nor is it fully qualified';
}

function ownerErrors(owner: JsonObject, index: number): FieldError[] {
  const missing = ['kind', 'name', 'uid'].filter(member => textAt(owner, member) === undefined);
  return missing.map(member => requiredValue(`metadata.ownerReferences[${index}].${member}`, 'must not be empty'));
}

/** What is wrong with an object's metadata. */
export function metadataErrors(kind: Kind, object: JsonObject): FieldError[] {
  const metadata = objectAt(object, 'metadata');
  const annotations = Object.keys(isObject(metadata.annotations) ? metadata.annotations : {});
  return [
    ...nameErrors(kind, object),
    ...labelErrors(objectAt(metadata, 'labels'), 'metadata.labels'),
    ...annotations.flatMap(key => found('metadata.annotations', key, keyFault(key))),
    ...objectsAt(metadata, 'ownerReferences').flatMap(ownerErrors),
    ...finalizersOf(object).flatMap((name, at) =>
      found(`metadata.finalizers[${at}]`, name, finalizerFault(kind, name)),
    ),
  ];
}

/** Errors of a metadata update: it must neither mark an object for deletion nor add finalizers to a marked one. */
export function metadataUpdateErrors(before: JsonObject, after: JsonObject): FieldError[] {
  const marked = objectAt(before, 'metadata').deletionTimestamp;
  const asked = objectAt(after, 'metadata').deletionTimestamp;
  const errors: FieldError[] = [];
  if (asked !== undefined && asked !== marked) {
    errors.push(invalidValue('metadata.deletionTimestamp', asked, 'field is immutable'));
  }
  const had = finalizersOf(before);
  const added = finalizersOf(after).filter(name => !had.includes(name));
  if (marked !== undefined && added.length > 0) {
    const listed = added.map(name => JSON.stringify(name)).join(', ');
    const why = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${listed}}`;
    errors.push(forbiddenValue('metadata.finalizers', why));
  }
  return errors;
}
