import { Refusal, type Parse } from '../refusal.js';
import { entries } from './lists.js';

/** Which objects may be deleted and recreated when the API server rejects a change of them. */
export interface RecreatePolicy {
  /** All Jobs. */
  readonly jobs: boolean;
  /** These objects; the case of kinds is ignored. */
  readonly objects: readonly { readonly kind: string; readonly name: string }[];
}

/** Deleting one of these would lose addresses, data or objects of others, which no manifest restores. */
const neverDeleted = ['Service', 'PersistentVolumeClaim', 'PersistentVolume', 'Namespace', 'CustomResourceDefinition'];

/** Whether objects of the kind can be named in the input. */
export function isRecreatable(kind: string): boolean {
  return !neverDeleted.some(one => one.toLowerCase() === kind.toLowerCase());
}

/** `jobs`, `none`, or a list of `kind/name`, which includes Jobs only with `jobs` in it. */
export const recreate: Parse<RecreatePolicy> = text => {
  if (text === 'none') return { jobs: false, objects: [] };
  const reasons: string[] = [];
  const named = entries(text).filter(entry => entry !== 'jobs');
  const objects = named.map(entry => {
    const [, kind = '', name = ''] = /^([A-Za-z]+)\/([a-z0-9][-.a-z0-9]*)$/.exec(entry) ?? [];
    if (kind === '') reasons.push(`"${entry}" is neither jobs, none nor kind/name such as StatefulSet/db`);
    if (!isRecreatable(kind))
      reasons.push(
        `"${entry}": a ${kind} is never deleted and recreated, because no manifest can restore what is lost with it`,
      );
    return { kind, name };
  });
  if (reasons.length > 0) throw Refusal.because(reasons);
  return { jobs: objects.length < entries(text).length, objects };
};
