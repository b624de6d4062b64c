import { asText, isObject, objectAt, objectsAt, textAt, type JsonObject, type JsonValue } from '../schema/json.js';
import { amountOf } from '../schema/quantity.js';
import { duplicateValue, forbiddenValue, invalidValue, requiredValue, type FieldError } from '../http/status.js';
import { notNegative, oneOf, portFault, portNameFault } from './values.js';

const fieldPaths =
  /^(metadata\.(name|namespace|uid|labels|annotations|(labels|annotations)\['.*'\])|spec\.(nodeName|serviceAccountName)|status\.(hostIPs?|podIPs?))$/;
const sources = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'];

function variableErrors(variable: JsonObject, path: string): FieldError[] {
  const name = textAt(variable, 'name');
  const errors: FieldError[] = [];
  if (name?.includes('=') === true) {
    const why = "a valid environment variable name must consist only of printable ASCII characters other than '='";
    errors.push(invalidValue(`${path}.name`, name, why));
  }
  const from = variable.valueFrom;
  if (!isObject(from)) return errors;
  const field = `${path}.valueFrom`;
  const given = sources.filter(source => isObject(from[source]));
  if (given.length === 0) {
    const why =
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
    errors.push(invalidValue(field, '', why));
  } else if (textAt(variable, 'value') !== undefined) {
    errors.push(invalidValue(field, '', 'may not be specified when `value` is not empty'));
  } else if (given.length > 1) {
    errors.push(invalidValue(field, '', 'may not have more than one field specified at a time'));
  }
  const fieldPath = textAt(objectAt(from, 'fieldRef'), 'fieldPath');
  if (fieldPath !== undefined && !fieldPaths.test(fieldPath)) {
    const why = `error converting fieldPath: field label not supported: ${fieldPath}`;
    errors.push(invalidValue(`${field}.fieldRef.fieldPath`, fieldPath, why));
  }
  return errors;
}

function portErrors(ports: readonly JsonObject[], path: string): FieldError[] {
  const names = new Set<string>();
  return ports.flatMap((port, index) => {
    const field = `${path}.ports[${index}]`;
    const name = textAt(port, 'name');
    const errors: FieldError[] = [];
    if (name !== undefined) {
      const fault = portNameFault(name);
      if (fault !== undefined) errors.push(invalidValue(`${field}.name`, name, fault));
      else if (names.has(name)) errors.push(duplicateValue(`${field}.name`, name));
      names.add(name);
    }
    if (port.containerPort === 0) errors.push(requiredValue(`${field}.containerPort`));
    else errors.push(...portFault(`${field}.containerPort`, port.containerPort));
    return [...errors, ...oneOf(`${field}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP'])];
  });
}

function mountErrors(container: JsonObject, volumes: ReadonlySet<unknown>, path: string): FieldError[] {
  const paths = new Set<JsonValue>();
  return objectsAt(container, 'volumeMounts').flatMap((mount, index): FieldError[] => {
    const field = `${path}.volumeMounts[${index}]`;
    const errors: FieldError[] = [];
    if (!volumes.has(mount.name)) {
      const message = `Not found: ${JSON.stringify(mount.name ?? '')}`;
      errors.push({ reason: 'FieldValueNotFound', field: `${field}.name`, message });
    }
    const where = mount.mountPath ?? '';
    if (paths.has(where)) errors.push(invalidValue(`${field}.mountPath`, where, 'must be unique'));
    paths.add(where);
    return errors;
  });
}

/** A probe or hook does exactly one thing. */
function handlerErrors(handler: JsonObject, path: string): FieldError[] {
  const [first, ...more] = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'].filter(name => isObject(handler[name]));
  if (first === undefined) return [requiredValue(path, 'must specify a handler type')];
  return [
    ...more.map(name => forbiddenValue(`${path}.${name}`, 'may not specify more than 1 handler type')),
    ...['httpGet', 'tcpSocket'].flatMap(name => portFault(`${path}.${name}.port`, objectAt(handler, name).port)),
  ];
}

const probeNumbers = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'];

function probeErrors(container: JsonObject, path: string): FieldError[] {
  return ['livenessProbe', 'readinessProbe', 'startupProbe'].flatMap(name => {
    const probe = container[name];
    if (!isObject(probe)) return [];
    const field = `${path}.${name}`;
    const errors = [...handlerErrors(probe, field), ...notNegative(probe, field, probeNumbers)];
    const threshold = probe.successThreshold;
    if (name !== 'readinessProbe' && threshold !== undefined && threshold !== 1) {
      errors.push(invalidValue(`${field}.successThreshold`, threshold, 'must be 1'));
    }
    return errors;
  });
}

/** Hooks do one thing; a preStop sleep must end before the pod's grace does. */
function hookErrors(container: JsonObject, grace: number, path: string): FieldError[] {
  const errors = ['postStart', 'preStop'].flatMap(name => {
    const hook = objectAt(container, 'lifecycle')[name];
    return isObject(hook) ? handlerErrors(hook, `${path}.lifecycle.${name}`) : [];
  });
  const seconds = objectAt(container, 'lifecycle', 'preStop', 'sleep').seconds;
  if (typeof seconds !== 'number' || (seconds >= 0 && seconds <= grace)) return errors;
  const why = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`;
  return [...errors, invalidValue(`${path}.lifecycle.preStop.sleep`, seconds, why)];
}

function resourceErrors(container: JsonObject, path: string): FieldError[] {
  const limits = objectAt(container, 'resources', 'limits');
  const requests = objectAt(container, 'resources', 'requests');
  const negative = Object.entries({ limits, requests }).flatMap(([list, amounts]) =>
    Object.entries(amounts)
      .filter(([, amount]) => amountOf(asText(amount)) < 0)
      .map(([name, amount]) =>
        invalidValue(`${path}.resources.${list}[${name}]`, amount, 'must be greater than or equal to 0'),
      ),
  );
  const over = Object.entries(requests)
    .filter(([name, amount]) => name in limits && amountOf(asText(amount)) > amountOf(asText(limits[name])))
    .map(([name, amount]) => {
      const why = `must be less than or equal to ${name} limit of ${asText(limits[name])}`;
      return invalidValue(`${path}.resources.requests`, amount, why);
    });
  return [...negative, ...over];
}

/** The pod around a container. */
export interface ContainerPlace {
  /** As `spec.template.spec.containers[0]`. */
  readonly path: string;
  /** Names of the pod's volumes. */
  readonly volumes: ReadonlySet<unknown>;
  /** The pod's terminationGracePeriodSeconds. */
  readonly grace: number;
}

/** What is wrong with one container beyond its schema and its name. */
export function containerErrors(container: JsonObject, { path, volumes, grace }: ContainerPlace): FieldError[] {
  const image = textAt(container, 'image');
  return [
    ...(image === undefined ? [requiredValue(`${path}.image`)] : []),
    ...oneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']),
    ...portErrors(objectsAt(container, 'ports'), path),
    ...objectsAt(container, 'env').flatMap((one, index) => variableErrors(one, `${path}.env[${index}]`)),
    ...mountErrors(container, volumes, path),
    ...hookErrors(container, grace, path),
    ...probeErrors(container, path),
    ...resourceErrors(container, path),
  ];
}
