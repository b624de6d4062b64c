import { objectAt, objectsAt, textAt, type JsonObject } from './json.js';
import { duplicateValue, invalidValue, requiredValue, type FieldError } from './status.js';

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const labelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/** A preStop sleep must end before the pod's grace does. */
function sleepErrors(container: JsonObject, grace: number, path: string): FieldError[] {
  const seconds = objectAt(container, 'lifecycle', 'preStop', 'sleep').seconds;
  if (typeof seconds !== 'number' || (seconds >= 0 && seconds <= grace)) return [];
  const why = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`;
  return [invalidValue(`${path}.lifecycle.preStop.sleep`, seconds, why)];
}

function mountErrors(container: JsonObject, volumes: ReadonlySet<unknown>, path: string): FieldError[] {
  return objectsAt(container, 'volumeMounts').flatMap((mount, index): FieldError[] => {
    if (volumes.has(mount.name)) return [];
    const message = `Not found: ${JSON.stringify(mount.name ?? '')}`;
    return [{ reason: 'FieldValueNotFound', field: `${path}.volumeMounts[${index}].name`, message }];
  });
}

function portErrors(container: JsonObject, path: string): FieldError[] {
  return objectsAt(container, 'ports').flatMap((port, index) => {
    const number = port.containerPort;
    if (typeof number !== 'number' || (number >= 1 && number <= 65535)) return [];
    if (number === 0) return [requiredValue(`${path}.ports[${index}].containerPort`)];
    return [invalidValue(`${path}.ports[${index}].containerPort`, number, 'must be between 1 and 65535, inclusive')];
  });
}

/** What is wrong with a pod's spec beyond its schema; `path` is where the spec lies, as in `spec.template.spec`. */
export function podSpecErrors(spec: JsonObject, path: string): FieldError[] {
  const volumes = new Set(objectsAt(spec, 'volumes').map(volume => volume.name));
  const grace = typeof spec.terminationGracePeriodSeconds === 'number' ? spec.terminationGracePeriodSeconds : 30;
  return ['containers', 'initContainers'].flatMap(list => {
    const seen = new Set<string>();
    return objectsAt(spec, list).flatMap((container, index) => {
      const here = `${path}.${list}[${index}]`;
      const name = textAt(container, 'name');
      const errors: FieldError[] = [];
      if (name !== undefined && !label.test(name)) errors.push(invalidValue(`${here}.name`, name, labelRule));
      if (name !== undefined && seen.has(name)) errors.push(duplicateValue(`${here}.name`, name));
      seen.add(name ?? '');
      if (textAt(container, 'image') === undefined) errors.push(requiredValue(`${here}.image`));
      return [
        ...errors,
        ...portErrors(container, here),
        ...mountErrors(container, volumes, here),
        ...sleepErrors(container, grace, here),
      ];
    });
  });
}
