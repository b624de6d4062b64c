import type { Position } from '../log.js';
import { textAt } from '../kubernetes/fields.js';
import { refKey, refOf, type KubeObject, type ObjectRef } from '../kubernetes/object.js';
import { containersOf, podSpecPath } from '../kubernetes/pod-spec.js';
import { fieldAt } from '../kubernetes/fields.js';
import { canonical } from '../kubernetes/canonical.js';
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
  /** The fields that would change; secrets as `***`. Empty for an object that is new or unchanged. */
  readonly fields: readonly FieldChange[];
}

/** A container that would run another image. */
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
const noDryRun = 'a webhook of the cluster does not support dry run';

/** The objects of a plan, with their fields as the API server would change them. */
export function previewed(
  planned: readonly PlannedChange[],
  when: PreviewedObject['when'],
): readonly PreviewedObject[] {
  return planned.map(({ resource, change, live, after }) => ({
    ref: refOf(resource.object),
    at: resource.at,
    when,
    change,
    ...(after === undefined && { unchecked: live === undefined ? needsOther : noDryRun }),
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
    return containersOf(object).flatMap(({ fields }) => {
      const [container = '', to = ''] = [textAt(fields, ['name']), textAt(fields, ['image'])];
      const from = images.get(container);
      return from === to ? [] : [{ ref, container, to, ...(from !== undefined && { from }) }];
    });
  });
}

/** The workloads whose live pods would be replaced. */
export function replacedWorkloads(planned: readonly PlannedChange[]): readonly ObjectRef[] {
  return planned
    .filter(({ change, resource: { object }, live, after }) => {
      const spec = podSpecPath(object);
      if (spec === undefined || (change !== 'changed' && change !== 'recreated')) return false;
      const template = spec.slice(0, -1);
      return change === 'recreated' || canonical([fieldAt(live, template)]) !== canonical([fieldAt(after, template)]);
    })
    .map(({ resource }) => refOf(resource.object));
}
