import type { Position } from '../log.js';
import { textAt } from '../kubernetes/fields.js';
import { refKey, refOf, type KubeObject, type ObjectRef } from '../kubernetes/object.js';
import { containersOf, podSpecPath } from '../kubernetes/pods/pod-spec.js';
import { fieldAt } from '../kubernetes/fields.js';
import { canonical } from '../kubernetes/canonical.js';
import { sensitiveTexts } from '../manifests/sensitive-fields.js';
import type { ChangeKind, PlannedChange } from './change.js';
import { fieldChanges, type FieldChange } from './diff.js';

/** What a deploy would do to one object, for a reader. */
export interface PreviewedObject {
  readonly ref: ObjectRef;
  /** Its position in the manifests. Absent: it is not in them. */
  readonly at?: Position;
  /** `switch`: only when traffic is switched (blue/green). */
  readonly when: 'deploy' | 'switch';
  readonly change: ChangeKind;
  /** Why no dry run was possible. Absent: there was one. */
  readonly unchecked?: string;
  /** What the API server warns of. Absent: nothing. */
  readonly warnings?: readonly string[];
  /** The fields that would change; secrets as `***`. Empty for an object that is new or unchanged. */
  readonly fields: readonly FieldChange[];
}

/** A container that would run another image. Images that come from the environment are `***`. */
export interface ImageChange {
  readonly ref: ObjectRef;
  readonly container: string;
  /** The image that serves users now. Absent: the container is new. */
  readonly from?: string;
  readonly to: string;
}

/** What a deploy would do. */
export interface Preview {
  /** The number of the revision that it would create. */
  readonly revision: number;
  /** Blue/green: the role that it would stage on. Absent: it would stage nothing. */
  readonly role?: string;
  /** What would happen, in order, one sentence each. */
  readonly notes: readonly string[];
  readonly objects: readonly PreviewedObject[];
  readonly images: readonly ImageChange[];
  /** Blue/green: how the objects that serve users after the switch would differ from those of the active role. */
  readonly users: readonly PreviewedObject[];
}

const needsOther = 'it needs a namespace or a kind that the deploy itself creates';
const newDefinition = 'the deploy changes the definition of its kind';
const noDryRun = 'a webhook of the cluster does not support dry run';

/** The objects of a plan, with their fields as the API server would change them. */
export function previewed(
  planned: readonly PlannedChange[],
  when: PreviewedObject['when'],
): readonly PreviewedObject[] {
  return planned.map(({ resource, change, warnings, live, after, newSchema }) => ({
    ref: refOf(resource.object),
    at: resource.at,
    when,
    change,
    ...(after === undefined && {
      unchecked: newSchema ? newDefinition : live === undefined ? needsOther : noDryRun,
    }),
    ...(warnings !== undefined && { warnings }),
    fields:
      change === 'unchanged' || live === undefined || after === undefined
        ? []
        : fieldChanges(live, after, resource.object),
  }));
}

/**
 * The containers whose image would change. `serving`: the live workload that serves users now, by the key of the one that would
 * replace it; an object without an entry replaces itself.
 */
export function imageChanges(
  planned: readonly PlannedChange[],
  serving: ReadonlyMap<string, KubeObject>,
): readonly ImageChange[] {
  return planned.flatMap(({ resource: { object }, change, live, after }) => {
    const ref = refOf(object);
    const before = serving.get(refKey(ref)) ?? (change === 'unchanged' ? after : live);
    const images = new Map(
      before === undefined
        ? []
        : containersOf(before).map(({ fields }) => [textAt(fields, ['name']), textAt(fields, ['image'])]),
    );
    const sensitive = new Set([before, object].flatMap(one => (one === undefined ? [] : [...sensitiveTexts(one)])));
    const shown = (image: string): string => (sensitive.has(image) ? '***' : image);
    return containersOf(object).flatMap(({ fields }) => {
      const [container = '', to = ''] = [textAt(fields, ['name']), textAt(fields, ['image'])];
      const from = images.get(container);
      return from === to ? [] : [{ ref, container, to: shown(to), ...(from !== undefined && { from: shown(from) }) }];
    });
  });
}

/**
 * How the live pods of a workload are replaced: a few at a time, all at once, or only when somebody deletes them. A Job runs again.
 */
export type Replacement = 'few' | 'all' | 'on-delete' | 'again';

/** The workloads whose live pods would be replaced, by how. */
export function replacedWorkloads(planned: readonly PlannedChange[]): ReadonlyMap<Replacement, readonly ObjectRef[]> {
  const replaced = new Map<Replacement, readonly ObjectRef[]>();
  for (const one of planned) {
    const how = replacementOf(one);
    if (how !== undefined) replaced.set(how, [...(replaced.get(how) ?? []), refOf(one.resource.object)]);
  }
  return replaced;
}

/** How the live pods of an object would be replaced; `undefined`: they would not, or it has none. */
export function replacementOf({ change, resource: { object }, live, after }: PlannedChange): Replacement | undefined {
  const spec = podSpecPath(object);
  if (spec === undefined) return undefined;
  if (change === 'recreated') return object.kind === 'Job' ? 'again' : 'all';
  // A Job and a CronJob have their next pods from the new template.
  if (change !== 'changed' || ['Job', 'CronJob'].includes(object.kind)) return undefined;
  const template = spec.slice(0, -1);
  if (canonical([fieldAt(live, template)]) === canonical([fieldAt(after, template)])) return undefined;
  const strategy = ['strategy', 'updateStrategy'].map(name => textAt(after ?? object, ['spec', name, 'type']));
  if (strategy.includes('OnDelete') || object.kind === 'ReplicaSet') return 'on-delete';
  return strategy.includes('Recreate') || object.kind === 'Pod' ? 'all' : 'few';
}
