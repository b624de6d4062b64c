import type { Position } from '../log.js';
import { textAt } from '../kubernetes/fields.js';
import { refKey, refOf, type KubeObject, type ObjectRef } from '../kubernetes/object.js';
import { containersOf, podSpecPath } from '../kubernetes/pod-spec.js';
import { fieldAt } from '../kubernetes/fields.js';
import { canonical, type ChangeKind, type PlannedChange } from './change.js';
import { fieldChanges, type FieldChange } from './diff.js';

/** What a deploy would do to one object. */
export interface PreviewedObject {
  readonly ref: ObjectRef;
  /** Where it is in the manifests. Absent: it is not in them. */
  readonly at?: Position;
  /** `switch`: only when users are sent to the new side (blue/green). */
  readonly when: 'deploy' | 'switch';
  readonly change: ChangeKind;
  /** Why the API server could not be asked about it. Absent: it was. */
  readonly unchecked?: string;
  /** What the API server would store differently; secrets as `***`. Empty for what is new or stays. */
  readonly fields: readonly FieldChange[];
}

/** One container that would run another image. */
export interface ImageChange {
  readonly ref: ObjectRef;
  readonly container: string;
  /** What users get from it now. Absent: the container is new. */
  readonly from?: string;
  readonly to: string;
}

/** What a deploy would do, told before anything is done. */
export interface Preview {
  /** The number that the revision would get. */
  readonly revision: number;
  /** Blue/green: the role that it would be staged on. Absent: nothing would be staged. */
  readonly role?: string;
  /** What would happen, in order, in whole sentences. */
  readonly story: readonly string[];
  readonly objects: readonly PreviewedObject[];
  readonly images: readonly ImageChange[];
  /** Blue/green: the objects that users would get in other words than those that they have, as the active role has them. */
  readonly users: readonly PreviewedObject[];
}

const notThere = 'what it needs, a namespace or a kind, is made by the deploy itself';
const noDryRun = 'a webhook of the cluster has no dry run';

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
    ...(after === undefined && { unchecked: live === undefined ? notThere : noDryRun }),
    fields:
      change === 'unchanged' || live === undefined || after === undefined
        ? []
        : fieldChanges(live, after, resource.object),
  }));
}

/**
 * The containers whose image would be another one. `serving`: the live workload that users get their answers from now,
 * by the key of the one that would take its place; default: the object itself.
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
