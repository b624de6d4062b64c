import type { RecreatePolicy } from '../inputs/inputs.js';
import { isRecreatable } from '../inputs/parse/recreate.js';
import type { KubeObject } from '../kubernetes/object.js';
import { podSpecPath } from '../kubernetes/pods/pod-spec.js';

/** The policy that recreates nothing. */
export const recreateNothing: RecreatePolicy = { jobs: false, objects: [] };

/** Whether the policy lets this object be deleted and recreated. */
export function mayRecreate({ jobs, objects }: RecreatePolicy, object: KubeObject): boolean {
  return (jobs && object.kind === 'Job') || objects.some(entry => names(entry, object));
}

/** Entries of the policy that name no object of the set, as `kind/name`. */
export function unmatched({ objects }: RecreatePolicy, all: readonly KubeObject[]): readonly string[] {
  return objects.filter(entry => !all.some(object => names(entry, object))).map(({ kind, name }) => `${kind}/${name}`);
}

/** What to do about an object whose change the API server refuses, although it would accept the object as a new one. */
export function recreateRemedy(object: KubeObject): string {
  const { kind, metadata } = object;
  if (kind === 'Job') return '`recreate: jobs` deletes and recreates the Job.';
  const fixed = 'It cannot be changed in place.';
  if (!isRecreatable(kind))
    return `${fixed} Cutover never deletes a ${kind}: keep the value of the field, or give the object another name.`;
  const pods = kind !== 'Pod' && podSpecPath(object) !== undefined ? '; this deletes its pods too' : '';
  return `${fixed} Rename it, or set \`recreate: ${kind}/${metadata.name}\` to delete and recreate it${pods}.`;
}

function names(entry: RecreatePolicy['objects'][number], { kind, metadata }: KubeObject): boolean {
  return entry.kind.toLowerCase() === kind.toLowerCase() && entry.name === metadata.name;
}
