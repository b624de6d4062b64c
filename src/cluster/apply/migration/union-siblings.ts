import { fieldAt, isFields, listAt, textAt, type Fields, type Path } from '../../../kubernetes/fields.js';
import type { KubeObject } from '../../../kubernetes/object.js';
import { containersOf, podSpecPath } from '../../../kubernetes/pods/pod-spec.js';
import type { FieldSet } from '../field-set.js';
import { own } from '../../../own.js';

/** A map of which only some members may be set together. */
interface Union {
  /** Path as in a {@link FieldSet}. */
  readonly path: readonly string[];
  readonly live: unknown;
  readonly desired: unknown;
  /** The members that exclude each other. Absent: all but `name`. */
  readonly members?: readonly string[];
}

const handlers = ['exec', 'grpc', 'httpGet', 'sleep', 'tcpSocket'];

/**
 * The live members of unions that `desired` replaces by others, such as `rollingUpdate` of a strategy that becomes Recreate. What the
 * API server had filled in belongs to nobody, so an apply keeps it, and is refused. Each with everything below it.
 */
export function replacedSiblings(live: KubeObject, desired: KubeObject): FieldSet {
  const fields = new Set<string>();
  for (const union of [...strategies(live, desired), ...ofPods(live, desired)]) {
    if (!isFields(union.live) || !isFields(union.desired)) continue;
    const all = Object.keys({ ...union.live, ...union.desired });
    const members = union.members ?? all.filter(name => name !== 'name');
    if (!members.some(member => isSet(union.desired, member))) continue;
    for (const member of members)
      if (isSet(union.live, member) && !isSet(union.desired, member))
        addAll(fields, [...union.path, `f:${member}`], own(union.live, member));
  }
  return fields;
}

/** A strategy of another type is whole without the settings of rolling updates. */
function strategies(live: KubeObject, desired: KubeObject): readonly Union[] {
  return ['strategy', 'updateStrategy'].flatMap(name => {
    const path = ['spec', name];
    const type = textAt(desired, [...path, 'type']);
    if (type === undefined || type === 'RollingUpdate') return [];
    const [before, after] = [fieldAt(live, path), fieldAt(desired, path)];
    return [{ path: fieldPath(path), live: before, desired: after, members: ['type', 'rollingUpdate'] }];
  });
}

function ofPods(live: KubeObject, desired: KubeObject): readonly Union[] {
  const spec = podSpecPath(desired);
  if (spec === undefined) return [];
  const volumes = listAt(desired, [...spec, 'volumes']).map(volume => {
    const name = nameOf(volume);
    const path = [...fieldPath([...spec, 'volumes']), keyed({ name })];
    return { path, live: named(live, [...spec, 'volumes'], name), desired: volume };
  });
  const containers = containersOf(desired).flatMap(({ fields, path }) => {
    const list = path.slice(0, -1);
    const name = nameOf(fields);
    const before = named(live, list, name);
    return ofContainer({ path: [...fieldPath(list), keyed({ name })], live: before, desired: fields });
  });
  return [...volumes, ...containers];
}

function ofContainer({ path, live, desired }: Union): readonly Union[] {
  const at = (place: readonly string[]): Union => ({
    path: [...path, ...fieldPath(place)],
    live: fieldAt(live, place),
    desired: fieldAt(desired, place),
    members: handlers,
  });
  const variables = listAt(desired, ['env']).map(variable => {
    const name = nameOf(variable);
    const place = [...path, 'f:env', keyed({ name })];
    return { path: place, live: named(live, ['env'], name), desired: variable, members: ['value', 'valueFrom'] };
  });
  const probes = ['livenessProbe', 'readinessProbe', 'startupProbe'].map(name => at([name]));
  const hooks = ['postStart', 'preStop'].map(name => at(['lifecycle', name]));
  return [...variables, ...probes, ...hooks];
}

function isSet(fields: unknown, member: string): boolean {
  return isFields(fields) && Object.hasOwn(fields, member);
}

function nameOf(item: unknown): unknown {
  return fieldAt(item, ['name']);
}

function named(root: unknown, list: Path, name: unknown): unknown {
  return listAt(root, list).find(item => nameOf(item) === name);
}

function fieldPath(path: Path): readonly string[] {
  return path.map(step => `f:${step}`);
}

function keyed(keys: Fields): string {
  return `k:${JSON.stringify(keys)}`;
}

function addAll(fields: Set<string>, path: readonly string[], value: unknown): void {
  fields.add(JSON.stringify(path));
  if (!isFields(value)) return;
  for (const [name, below] of Object.entries(value)) addAll(fields, [...path, `f:${name}`], below);
}
