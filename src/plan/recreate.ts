import type { RecreatePolicy } from '../inputs/inputs.js';
import type { KubeObject } from '../kubernetes/object.js';

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

function names(entry: RecreatePolicy['objects'][number], { kind, metadata }: KubeObject): boolean {
  return entry.kind.toLowerCase() === kind.toLowerCase() && entry.name === metadata.name;
}
