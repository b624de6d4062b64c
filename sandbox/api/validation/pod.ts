import { isObject, objectsAt, textAt, type JsonObject } from '../schema/json.js';
import { duplicateValue, forbiddenValue, invalidValue, type FieldError } from '../http/status.js';
import { containerErrors } from './container.js';
import { labelNameFault, subdomainFault } from './metadata.js';
import { oneOf } from './values.js';

/** What is wrong with the volumes, and the names of those without an error: containers cannot mount the others. */
function checkVolumes(
  spec: JsonObject,
  path: string,
): { readonly errors: FieldError[]; readonly names: ReadonlySet<string> } {
  const names = new Set<string>();
  const errors = objectsAt(spec, 'volumes').flatMap((volume, index) => {
    const field = `${path}.volumes[${index}]`;
    const name = textAt(volume, 'name');
    const [, ...more] = Object.keys(volume).filter(member => isObject(volume[member]));
    const errors = more.map(member => forbiddenValue(`${field}.${member}`, 'may not specify more than 1 volume type'));
    if (name === undefined) return errors;
    const fault = labelNameFault(name);
    if (fault !== undefined) errors.push(invalidValue(`${field}.name`, name, fault));
    if (names.has(name)) errors.push(duplicateValue(`${field}.name`, name));
    if (errors.length === 0) names.add(name);
    return errors;
  });
  return { errors, names };
}

/** Fields that only containers have that last: an init container is one with `restartPolicy: Always`. */
const fieldsOfLasting = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'];

function initErrors(container: JsonObject, path: string): FieldError[] {
  if (container.restartPolicy === 'Always') return [];
  const why = 'may not be set for init containers without restartPolicy=Always';
  return fieldsOfLasting.filter(name => isObject(container[name])).map(name => forbiddenValue(`${path}.${name}`, why));
}

/** What is wrong with a pod's spec beyond its schema; `path` is where the spec lies, as in `spec.template.spec`. */
export function podSpecErrors(spec: JsonObject, path: string): FieldError[] {
  const { errors: volumeErrors, names: volumes } = checkVolumes(spec, path);
  const grace = typeof spec.terminationGracePeriodSeconds === 'number' ? spec.terminationGracePeriodSeconds : 30;
  const seen = new Set<string>();
  const containers = ['containers', 'initContainers'].flatMap(list =>
    objectsAt(spec, list).flatMap((container, index) => {
      const here = `${path}.${list}[${index}]`;
      const name = textAt(container, 'name');
      const errors: FieldError[] = [];
      const fault = name === undefined ? undefined : labelNameFault(name);
      if (name !== undefined && fault !== undefined) errors.push(invalidValue(`${here}.name`, name, fault));
      if (name !== undefined && seen.has(name)) errors.push(duplicateValue(`${here}.name`, name));
      seen.add(name ?? '');
      errors.push(...containerErrors(container, { path: here, volumes, grace }));
      return list === 'initContainers' ? [...errors, ...initErrors(container, here)] : errors;
    }),
  );
  const account = textAt(spec, 'serviceAccountName');
  const accountFault = account === undefined ? undefined : subdomainFault(account);
  return [
    ...volumeErrors,
    ...containers,
    ...oneOf(`${path}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']),
    ...(account !== undefined && accountFault !== undefined
      ? [invalidValue(`${path}.serviceAccountName`, account, accountFault)]
      : []),
  ];
}
