import { fieldAt } from '../../kubernetes/fields.js';
import type { KubeObject } from '../../kubernetes/object.js';
import { hasApplied, type Entry, type FieldTree } from './owned-fields.js';

/** A change of ownership: fields pass from those who wrote manifests before to Cutover. */
export interface Takeover {
  /** Who gives them up, each once. */
  readonly managers: readonly string[];
  /** The object's new `managedFields`. */
  readonly managedFields: readonly Entry[];
}

/** Tools that write whole manifests; what they own and the manifest no longer has is meant to go. */
const manifestWriters: ReadonlySet<string> = new Set([
  'kubectl-client-side-apply',
  'kubectl-create',
  'kubectl',
  'before-first-apply',
  'helm',
]);

/**
 * Whether a conflict with this manager ends with Cutover's first deploy of an object. People's hands (`kubectl edit`, `set`,
 * `patch`) give way then too, but only in the fields that the manifest sets.
 */
export function isFormer(manager: string): boolean {
  return manifestWriters.has(manager) || manager.startsWith('kubectl-');
}

/**
 * The ownership that lets `manager` carry on from the tools that applied the live object before, as in an upgrade from
 * client-side to server-side apply: their fields become its own, so that the next apply removes what the manifest no
 * longer has, the `last-applied-configuration` annotation among it. `undefined` when there is nothing to take over: no
 * such tool, or `manager` has applied the object before, so that they are no former managers but present ones.
 *
 * Replicas that `wanted` does not name stay with whom they were: given up by their only owner they would fall to one.
 */
export function takeOver(live: KubeObject, wanted: KubeObject, manager: string): Takeover | undefined {
  const entries = (live.metadata.managedFields ?? []) as readonly Entry[];
  if (hasApplied(live, manager)) return undefined;
  const formers = entries.filter(entry => manifestWriters.has(entry.manager ?? '') && !entry.subresource);
  const [first] = formers;
  if (first === undefined) return undefined;
  const namesReplicas = fieldAt(wanted, ['spec', 'replicas']) !== undefined;
  const left = namesReplicas ? [] : formers.flatMap(keepingReplicas);
  const { 'f:status': _status, ...fields } = formers.reduce<FieldTree>(
    (union, { fieldsV1 = {} }) => merged(union, namesReplicas ? fieldsV1 : withoutReplicas(fieldsV1)),
    {},
  );
  return {
    managers: [...new Set(formers.map(entry => entry.manager ?? ''))],
    managedFields: [
      ...entries.filter(entry => !formers.includes(entry)),
      ...left,
      { ...first, manager, operation: 'Apply', fieldsV1: fields },
    ],
  };
}

function keepingReplicas(entry: Entry): readonly Entry[] {
  const replicas = entry.fieldsV1?.['f:spec']?.['f:replicas'];
  return replicas === undefined ? [] : [{ ...entry, fieldsV1: { 'f:spec': { 'f:replicas': replicas } } }];
}

function withoutReplicas(fields: FieldTree): FieldTree {
  const { 'f:spec': spec, ...rest } = fields;
  if (spec === undefined) return fields;
  const { 'f:replicas': _replicas, ...kept } = spec;
  return { ...rest, 'f:spec': kept };
}

function merged(one: FieldTree, other: FieldTree): FieldTree {
  const union: Record<string, FieldTree> = { ...one };
  for (const [field, below] of Object.entries(other)) {
    const known = union[field];
    union[field] = known === undefined ? below : merged(known, below);
  }
  return union;
}
