import { configReferences } from '../../kubernetes/pods/config-references.js';
import { fieldAt } from '../../kubernetes/fields.js';
import { podSpecPath } from '../../kubernetes/pods/pod-spec.js';
import { canonical } from '../../kubernetes/canonical.js';
import type { PlannedChange } from '../change.js';
import type { Rule } from './rule.js';
import { nameOf } from './context.js';

/** Whether the deploy changes any of these fields of the live object. */
function changesAny({ live, after }: PlannedChange, paths: readonly (readonly (string | number)[])[]): boolean {
  return paths.some(path => canonical([fieldAt(live, path)]) !== canonical([fieldAt(after, path)]));
}

/** Whether the deploy leaves the pods of a workload running. */
function keepsPods(planned: PlannedChange): boolean {
  const { change, resource } = planned;
  const spec = podSpecPath(resource.object);
  if (spec === undefined || resource.object.kind.endsWith('Job')) return false;
  return (
    change === 'unchanged' ||
    (change === 'changed' && planned.after !== undefined && !changesAny(planned, [spec.slice(0, -1)]))
  );
}

const contents = [['data'], ['binaryData']];

export const sharedConfigChanged: Rule = ({ strategy, planned }) => {
  // With blue/green such a change is an error already.
  if (strategy === 'blue-green') return [];
  const readersOf = new Map<string, PlannedChange[]>();
  for (const one of planned.filter(keepsPods)) {
    const { object } = one.resource;
    for (const { kind, name } of configReferences(object)) {
      const key = [object.metadata.namespace, kind, name].join('/');
      readersOf.set(key, [...(readersOf.get(key) ?? []), one]);
    }
  }
  return planned
    .filter(({ change, resource }) => change === 'changed' && ['ConfigMap', 'Secret'].includes(resource.object.kind))
    .filter(one => one.after !== undefined && changesAny(one, contents))
    .flatMap(({ resource }) => {
      const { kind, metadata } = resource.object;
      const readers = readersOf.get([metadata.namespace, kind, metadata.name].join('/')) ?? [];
      if (readers.length === 0) return [];
      const names = readers.map(reader => nameOf(reader.resource)).join(', ');
      return [
        {
          resource,
          path: ['data'],
          message: `${nameOf(resource)} changes, but the pods of ${names} are not replaced: those that restart later read another configuration than the others, and it was never tested.`,
          remedy:
            'Put a part of its content, a hash or a version, into its name and the references to it, so that a change of it is a rollout.',
        },
      ];
    });
};
